//! Tools that show the growth of the kernel's counters from one second to the next.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::cgroup::Cgroup;
use super::super::pinned::PinnedFile;
use super::super::process::{nanoseconds_of_ticks, parse_own_ticks};
use super::Shown;

/// Counters of one moment; what a tool shows is the growth of one over that of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counters {
    used_nanoseconds: u64,
    of_nanoseconds: u64,
    /// Processors that `of_nanoseconds` is summed over.
    processors: u64,
}

impl Counters {
    /// Per cent of one core; nothing where time stood still.
    fn percent_since(self, before: Self) -> Option<f64> {
        let of = self.of_nanoseconds.checked_sub(before.of_nanoseconds).filter(|of| *of > 0)?;
        let used = self.used_nanoseconds.checked_sub(before.used_nanoseconds)?;
        Some(100.0 * used as f64 / of as f64 * self.processors as f64)
    }
}

/// What a tool reads each time.
pub(super) trait Tool: Send + 'static {
    /// `None` where the instance is gone.
    fn read(&mut self) -> Option<Counters>;
}

/// `top` of one process, its children left out as `top` does.
pub(super) struct AsTop {
    stat: PinnedFile,
    began: Instant,
    buffer: Vec<u8>,
}

impl AsTop {
    pub(super) fn new(stat: PinnedFile) -> Self {
        Self { stat, began: Instant::now(), buffer: Vec::new() }
    }
}

impl Tool for AsTop {
    fn read(&mut self) -> Option<Counters> {
        let ticks = parse_own_ticks(self.stat.read(&mut self.buffer).ok()?)?;
        let of_nanoseconds = u64::try_from(self.began.elapsed().as_nanos()).ok()?;
        Some(Counters {
            used_nanoseconds: nanoseconds_of_ticks(ticks),
            of_nanoseconds,
            processors: 1,
        })
    }
}

/// The formula of `docker stats` on a cgroup: its processor time, over that of the whole host
/// (idle included), times the host's processors.
/// Source: `calculateCPUPercentUnix` of Docker's command line, and the daemon's collector.
pub(super) struct AsDockerStats {
    cgroup: Cgroup,
    host: PinnedFile,
    buffer: Vec<u8>,
}

impl AsDockerStats {
    pub(super) fn new(cgroup: Cgroup, host: PinnedFile) -> Self {
        Self { cgroup, host, buffer: Vec::new() }
    }
}

impl Tool for AsDockerStats {
    fn read(&mut self) -> Option<Counters> {
        let used_nanoseconds = self.cgroup.cpu_nanoseconds(&mut self.buffer).ok()?;
        let (ticks, processors) = parse_host(self.host.read(&mut self.buffer).ok()?)?;
        Some(Counters { used_nanoseconds, of_nanoseconds: nanoseconds_of_ticks(ticks), processors })
    }
}

/// Time of all processors in the first seven counters of `/proc/stat` (user to softirq, idle
/// among them, steal not), and how many processors there are.
fn parse_host(text: &str) -> Option<(u64, u64)> {
    let all = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> =
        all.split_ascii_whitespace().take(7).map_while(|number| number.parse().ok()).collect();
    let sum = ticks.iter().try_fold(0_u64, |sum, ticks| sum.checked_add(*ticks))?;
    let is_processor = |line: &&str| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let processors = text.lines().filter(is_processor).count() as u64;
    (ticks.len() == 7 && processors > 0).then_some((sum, processors))
}

/// The thread that reads.
#[derive(Debug)]
pub(super) struct Counted {
    thread: JoinHandle<Vec<Shown>>,
    stop: Sender<()>,
}

impl Counted {
    pub(super) fn start(tool: impl Tool, period: Duration) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("paper-meter".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || until(tool, &stopped, period))?;
        Ok(Self { thread, stop })
    }

    /// Everything that was shown; a second that is not over shows nothing.
    pub(super) fn stop(self) -> Vec<Shown> {
        // A thread that is gone shows in `join`; what it had shown is lost with it.
        let _ = self.stop.send(());
        self.thread.join().unwrap_or_default()
    }
}

fn until(mut tool: impl Tool, stopped: &Receiver<()>, period: Duration) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut due = Instant::now() + period;
    let mut before = tool.read();
    while let Err(RecvTimeoutError::Timeout) =
        stopped.recv_timeout(due.saturating_duration_since(Instant::now()))
    {
        due += period;
        let now = tool.read();
        if let Some(percent) = now.zip(before).and_then(|(now, then)| now.percent_since(then)) {
            shown.push((Instant::now(), percent));
        }
        before = now;
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn per_cents_are_of_one_core_by_either_formula() {
        let counters = |used_nanoseconds, of_nanoseconds, processors| Counters {
            used_nanoseconds,
            of_nanoseconds,
            processors,
        };
        // One and a half processors busy for a second: by the clock, and by the time of four.
        let by_clock = counters(1_500, 1_000, 1).percent_since(counters(0, 0, 1));
        let by_host = counters(1_500, 4_000, 4).percent_since(counters(0, 0, 4));
        assert_eq!((by_clock, by_host), (Some(150.0), Some(150.0)));
        assert_eq!(counters(5, 7, 1).percent_since(counters(3, 7, 1)), None, "no time has passed");
        assert_eq!(counters(1, 9, 1).percent_since(counters(3, 7, 1)), None, "another process");
    }

    #[test]
    fn the_hosts_time_is_that_of_docker_without_steal() {
        let text = "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 1\ncpu1 1 1\ncpufreq 9\nintr 5\n";
        assert_eq!(parse_host(text), Some((28, 2)));
        assert_eq!(parse_host("cpu  1 2\ncpu0 1\n"), None);
        assert_eq!(parse_host(""), None);
    }

    /// Gives so many counters, then none.
    struct FakeTool(u64);

    impl Tool for FakeTool {
        fn read(&mut self) -> Option<Counters> {
            self.0 += 1;
            (self.0 < 4).then_some(Counters {
                used_nanoseconds: self.0 * 5,
                of_nanoseconds: self.0 * 10,
                processors: 1,
            })
        }
    }

    #[test]
    fn differences_are_shown_until_the_instance_is_gone() {
        let counted = Counted::start(FakeTool(0), Duration::from_millis(1)).expect("started");
        std::thread::sleep(Duration::from_millis(60));
        let shown: Vec<f64> = counted.stop().into_iter().map(|(_, percent)| percent).collect();
        assert_eq!(shown, [50.0, 50.0]);
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "(cpu[ 0-9]*[\\PC]*\n){0,4}") {
            let _ = parse_host(&text);
        }
    }
}
