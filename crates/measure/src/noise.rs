//! What else the host did during a trial. Does not know from how much on that disturbs.

mod slowing;

use std::path::PathBuf;
use std::time::Instant;

use weighbridge_experiment::HostNoise;

use crate::Roots;
use slowing::{Board, Slowing};

/// Reads what the rest of the host did between two moments, by `/proc/stat`, and whether the
/// processor was slowed down meanwhile.
///
/// Its ticks are 10 ms for each CPU: an interval under [`SHORTEST_SECONDS`] gives no
/// figures at all, rather than ones that are mostly rounding.
#[derive(Debug)]
pub struct HostNoiseMeter {
    path: PathBuf,
    began: Instant,
    first: Option<HostTicks>,
    slowing: Slowing,
}

const SHORTEST_SECONDS: f64 = 0.1;
/// An idle core is slow because nobody wants it faster.
const BUSY_CORES: f64 = 0.5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct HostTicks {
    busy: u64,
    steal: u64,
}

impl HostNoiseMeter {
    /// Reads the host's counters for the first time.
    #[must_use]
    pub fn start() -> Self {
        Self::start_at(&Roots::default())
    }

    /// The same on other mount points.
    #[must_use]
    pub fn start_at(roots: &Roots) -> Self {
        let path = roots.proc.join("stat");
        let first = read(&path);
        let slowing = Slowing::start(roots, Board::of(roots));
        Self { path, began: Instant::now(), first, slowing }
    }

    /// Reads them again. `instance_cpu_nanoseconds` is what the instance itself used since
    /// the start; without it, what others used is not known.
    #[must_use]
    pub fn stop(self, instance_cpu_nanoseconds: Option<u64>) -> HostNoise {
        let last = read(&self.path);
        let seconds = self.began.elapsed().as_secs_f64();
        let busy = instance_cpu_nanoseconds
            .is_some_and(|nanoseconds| nanoseconds as f64 / 1e9 >= BUSY_CORES * seconds);
        let slowed = self.slowing.stop(busy);
        let used = match (self.first, last) {
            (Some(first), Some(last)) => noise(first, last, seconds, instance_cpu_nanoseconds),
            _ => HostNoise::default(),
        };
        HostNoise {
            steal_percent: used.steal_percent,
            other_cpu_percent: used.other_cpu_percent,
            ..slowed
        }
    }
}

fn noise(
    first: HostTicks,
    last: HostTicks,
    seconds: f64,
    instance_cpu_nanoseconds: Option<u64>,
) -> HostNoise {
    if seconds < SHORTEST_SECONDS {
        return HostNoise::default();
    }
    let per_second = rustix::param::clock_ticks_per_second().max(1) as f64;
    let percent = |ticks: u64| ticks as f64 / per_second / seconds * 100.0;
    let busy = percent(last.busy.saturating_sub(first.busy));
    HostNoise {
        // Steal can run backwards on some hypervisors: that is no reading.
        steal_percent: last.steal.checked_sub(first.steal).map(percent),
        // Rounding of ticks can make the difference slightly negative.
        other_cpu_percent: instance_cpu_nanoseconds
            .map(|nanoseconds| (busy - nanoseconds as f64 / 1e9 / seconds * 100.0).max(0.0)),
        ..HostNoise::default()
    }
}

fn read(path: &std::path::Path) -> Option<HostTicks> {
    parse(&std::fs::read_to_string(path).ok()?)
}

/// The first line of proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal.
/// Guest time is inside user and nice already.
fn parse(text: &str) -> Option<HostTicks> {
    let numbers = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> =
        numbers.split_ascii_whitespace().map_while(|number| number.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = ticks[..] else {
        return None;
    };
    let busy = [user, nice, system, irq, softirq].into_iter().try_fold(0_u64, u64::checked_add)?;
    Some(HostTicks { busy, steal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_waiting_are_not_busy() {
        let text = "cpu  10 20 30 4000 500 6 7 8 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(parse(text), Some(HostTicks { busy: 73, steal: 8 }));
        assert_eq!(parse("cpu  1 2 3\n"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn what_the_instance_used_is_not_noise() {
        let first = HostTicks { busy: 0, steal: 0 };
        let last = HostTicks { busy: 150, steal: 10 };
        let noise_of = |instance| noise(first, last, 1.0, instance);
        assert_eq!(noise_of(Some(1_000_000_000)).other_cpu_percent, Some(50.0));
        assert_eq!(noise_of(Some(2_000_000_000)).other_cpu_percent, Some(0.0));
        assert_eq!(noise_of(None).other_cpu_percent, None);
        assert_eq!(noise_of(None).steal_percent, Some(10.0));
        assert_eq!(noise(last, first, 1.0, None).steal_percent, None);
        assert_eq!(
            noise(first, last, 0.05, Some(1)),
            HostNoise::default(),
            "shorter than the ticks can tell"
        );
    }

    #[test]
    fn without_proc_nothing_is_claimed() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(
            HostNoiseMeter::start_at(&Roots::below(directory.path())).stop(Some(1)),
            HostNoise::default()
        );
    }
}
