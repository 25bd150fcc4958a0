//! Processor use as the edge paper's tools show it: `docker stats` for a container, `top` for
//! the hypervisor of a virtual machine, each by its own definition and once a second.
//!
//! These are other people's instruments, kept to be held beside our own. They show per cents,
//! so this module computes them, by the tools' formulas; it does not average them.

mod counted;
mod daemon;

use std::time::{Duration, Instant};

use weighbridge_experiment::{Instrument, PaperCpu, PaperTarget};

use self::counted::{AsDockerStats, AsTop, Counted};
use self::daemon::Stream;
use super::cgroup::Cgroup;
use super::pinned::PinnedFile;
use crate::Roots;

/// `docker stats` is given a figure a second by the daemon; `top -d 1` shows one as often.
const PERIOD: Duration = Duration::from_secs(1);

/// A figure, and when it was shown.
pub(crate) type Shown = (Instant, f64);

/// A tool that is being read beside a trial.
#[derive(Debug)]
pub struct PaperMeter(Reading);

#[derive(Debug)]
enum Reading {
    Nothing(String),
    Counted(Counted, String),
    Stream(Stream, String),
}

impl PaperMeter {
    /// Begins to read. Never fails: what cannot be read is the reason in [`stop`](Self::stop).
    /// Returns when the tool shows figures, which takes a daemon a second or two.
    pub async fn start(target: &PaperTarget) -> Self {
        Self::start_at(target, &Roots::default()).await
    }

    /// The same on other mount points.
    pub async fn start_at(target: &PaperTarget, roots: &Roots) -> Self {
        Self(match target {
            PaperTarget::Nothing { reason } => Reading::Nothing(reason.clone()),
            PaperTarget::Hypervisor { process } => hypervisor(roots, *process),
            PaperTarget::Cgroup { path } => cgroup(roots, path),
            PaperTarget::Daemon { socket, container } => {
                let words =
                    "as `docker stats` shows it: the daemon's own stream, a figure a second"
                        .to_owned();
                match Stream::open(socket, container).await {
                    Ok(stream) => Reading::Stream(stream, words),
                    Err(reason) => Reading::Nothing(reason),
                }
            }
        })
    }

    /// What was shown since `began`. Ends the reading.
    pub async fn stop(self, began: Instant) -> PaperCpu {
        let (shown, instrument) = match self.0 {
            Reading::Nothing(reason) => return PaperCpu::missing(reason),
            Reading::Counted(counted, instrument) => (counted.stop(), instrument),
            Reading::Stream(stream, instrument) => (stream.stop().await, instrument),
        };
        let since =
            |(at, percent): Shown| Some([at.checked_duration_since(began)?.as_secs_f64(), percent]);
        PaperCpu {
            instrument: Instrument::Present(instrument),
            percents: shown.into_iter().filter_map(since).collect(),
        }
    }
}

fn hypervisor(roots: &Roots, process: u32) -> Reading {
    let path = roots.process(process).join("stat");
    match PinnedFile::open(path.clone()) {
        Ok(stat) => begun(
            AsTop::new(stat),
            "as `top -d 1` shows the hypervisor's process: utime and stime of /proc/PID/stat over time",
        ),
        Err(error) => Reading::Nothing(format!("cannot read {}: {error}", path.display())),
    }
}

fn cgroup(roots: &Roots, path: &str) -> Reading {
    let host = roots.proc.join("stat");
    match (Cgroup::open(roots, path), PinnedFile::open(host.clone())) {
        (Ok(cgroup), Ok(host)) => begun(
            AsDockerStats::new(cgroup, host),
            "as `docker stats` counts, without a daemon: the cgroup's time over the host's, times its CPUs, each second",
        ),
        (Err(error), _) => Reading::Nothing(error.to_string()),
        (_, Err(error)) => Reading::Nothing(format!("cannot read {}: {error}", host.display())),
    }
}

fn begun(tool: impl counted::Tool, words: &str) -> Reading {
    match Counted::start(tool, PERIOD) {
        Ok(counted) => Reading::Counted(counted, words.to_owned()),
        Err(error) => Reading::Nothing(format!("cannot start the thread that reads: {error}")),
    }
}
