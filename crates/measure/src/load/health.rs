//! How the client fared: whether it, not the server, decided how fast the load went.

use std::fs;

use weighbridge_experiment::load::ClientHealth;

use super::histogram::Times;
use crate::meter::{Meter, OwnProcessMeter};
use crate::noise::HostNoiseMeter;

/// Send lag from which on times of milliseconds are wrong.
pub(super) const LAG_NANOSECONDS: u64 = 2_000_000;
/// Times at which requests left late; fewer may be hiccups of the host.
const LATE_EPISODES: u64 = 5;
/// Share of the median response time that a lag may be before it shows.
const LAG_SHARE: f64 = 0.05;
/// A thread that runs nearly always sends as fast as it can, not as the plan says.
const BUSY_PERCENT: f64 = 95.0;
/// A thread that is often ready and kept waiting, and long each time, shares its processor.
const WAITING_PERCENT: f64 = 25.0;
const WAKEUP_DELAY_NANOSECONDS: u64 = 200_000;
const STEAL_PERCENT: f64 = 10.0;
/// Below this much processor time of a thread, shares of it are mostly rounding.
const LEAST_CPU_NANOSECONDS: u64 = 2_000_000;

/// What the scheduler says of one thread: `/proc/thread-self/schedstat`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ThreadCost {
    /// Time on a processor, and time ready without one, in nanoseconds; how often it was put
    /// on one. `None` where the kernel does not say.
    counters: Option<(u64, u64, u64)>,
}

impl ThreadCost {
    /// Of the thread that asks.
    pub(super) fn read() -> Self {
        let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        Self { counters: parse(&text) }
    }

    pub(super) fn since(self, earlier: Self) -> Self {
        let counters = self.counters.zip(earlier.counters).map(|(now, then)| {
            let less = |now: u64, then: u64| now.saturating_sub(then);
            (less(now.0, then.0), less(now.1, then.1), less(now.2, then.2))
        });
        Self { counters }
    }
}

fn parse(text: &str) -> Option<(u64, u64, u64)> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some((next()?, next()?, next()?))
}

/// Watches this process and its host over a load.
pub(super) struct HealthMeter {
    process: OwnProcessMeter,
    cpu_before: Option<u64>,
    host: HostNoiseMeter,
}

impl HealthMeter {
    pub(super) fn start() -> Self {
        let (mut process, _) = OwnProcessMeter::open();
        let cpu_before = process.usage().cpu_nanoseconds;
        Self { process, cpu_before, host: HostNoiseMeter::start() }
    }

    /// What it saw; `seconds` is how long the load took.
    pub(super) fn stop(mut self, costs: &[ThreadCost], seconds: f64) -> ClientHealth {
        let usage = self.process.usage();
        let cpu = usage.cpu_nanoseconds.zip(self.cpu_before).map(|(now, then)| now - then);
        let counters: Option<Vec<_>> = costs.iter().map(|cost| cost.counters).collect();
        let counters = counters.filter(|counters| !counters.is_empty());
        let sums = counters.as_ref().map(|all| {
            all.iter().fold((0, 0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1, sum.2 + one.2))
        });
        let busiest = counters.and_then(|all| all.into_iter().map(|one| one.0).max());
        ClientHealth {
            cpu_nanoseconds: cpu,
            memory_peak_bytes: usage.memory_peak_bytes,
            threads: u32::try_from(costs.len()).unwrap_or(u32::MAX),
            busiest_thread_percent: busiest.map(|ran| ran as f64 / 1e9 / seconds.max(1e-3) * 100.0),
            waiting_percent: sums
                .filter(|(ran, ..)| *ran >= LEAST_CPU_NANOSECONDS)
                .map(|(ran, waited, _)| waited as f64 / (ran + waited) as f64 * 100.0),
            wakeup_delay_nanoseconds: sums.and_then(|(_, waited, times)| waited.checked_div(times)),
            steal_percent: self.host.stop(cpu).steal_percent,
            limited_by: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// Why the client limited a load; empty where it did not. `response` is of all requests.
pub(super) fn limits(
    health: &ClientHealth,
    (send_lag, late_episodes): (&Times, u64),
    response: &Times,
) -> Vec<String> {
    let mut reasons = Vec::new();
    let milliseconds = |nanoseconds: u64| nanoseconds as f64 / 1e6;
    if let (Some(lag), Some(median)) = (send_lag.percentile(99.0), response.percentile(50.0))
        && lag > LAG_NANOSECONDS.max((median as f64 * LAG_SHARE) as u64)
        && late_episodes >= LATE_EPISODES
    {
        reasons.push(format!(
            "requests left late: 99th percentile of the send lag {:.1} ms",
            milliseconds(lag)
        ));
    }
    if let Some(busy) = health.busiest_thread_percent.filter(|busy| *busy >= BUSY_PERCENT) {
        reasons.push(format!("a sending thread was busy {busy:.0} % of the time"));
    }
    if let (Some(waiting), Some(delay)) = (health.waiting_percent, health.wakeup_delay_nanoseconds)
        && waiting >= WAITING_PERCENT
        && delay >= WAKEUP_DELAY_NANOSECONDS
    {
        reasons.push(format!(
            "sending threads waited for a processor {waiting:.0} % of the time they could have run, {:.2} ms each time",
            milliseconds(delay)
        ));
    }
    if let Some(steal) = health.steal_percent.filter(|steal| *steal >= STEAL_PERCENT) {
        reasons.push(format!("the hypervisor took {steal:.0} % of a core"));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(values: &[(u64, usize)]) -> Times {
        let mut times = Times::new();
        for (value, count) in values {
            (0..*count).for_each(|_| times.record(*value));
        }
        times
    }

    #[test]
    fn a_client_that_keeps_its_times_limits_nothing() {
        let health = ClientHealth {
            busiest_thread_percent: Some(60.0),
            waiting_percent: Some(10.0),
            wakeup_delay_nanoseconds: Some(900_000),
            steal_percent: Some(1.0),
            ..ClientHealth::default()
        };
        let lag = times(&[(40_000, 990), (1_500_000, 10)]);
        assert!(limits(&health, (&lag, 4), &times(&[(1_000_000, 1000)])).is_empty());
        // A hiccup or two are no proof, however many requests they made late.
        let hiccup = times(&[(40_000, 900), (9_000_000, 100)]);
        assert!(limits(&health, (&hiccup, 2), &times(&[(1_000_000, 1000)])).is_empty());
        // Late, but by nothing that shows beside the answers.
        let late = times(&[(4_000_000, 1000)]);
        assert!(limits(&health, (&late, 100), &times(&[(300_000_000, 1000)])).is_empty());
    }

    #[test]
    fn each_sign_of_a_limited_client_is_named() {
        let response = times(&[(1_000_000, 1000)]);
        let quick = times(&[(40_000, 1000)]);
        let late = limits(&ClientHealth::default(), (&times(&[(5_000_000, 1000)]), 5), &response);
        assert!(late[0].contains("left late"), "{late:?}");
        let busy = ClientHealth { busiest_thread_percent: Some(99.0), ..ClientHealth::default() };
        assert!(limits(&busy, (&quick, 0), &response)[0].contains("busy 99 %"));
        let waiting = ClientHealth {
            waiting_percent: Some(60.0),
            wakeup_delay_nanoseconds: Some(1_200_000),
            ..ClientHealth::default()
        };
        assert!(limits(&waiting, (&quick, 0), &response)[0].contains("waited for a processor"));
        let stolen = ClientHealth { steal_percent: Some(30.0), ..ClientHealth::default() };
        assert!(limits(&stolen, (&quick, 0), &response)[0].contains("hypervisor"));
    }

    #[test]
    fn the_scheduler_is_read() {
        assert_eq!(parse("96174 1212388 3\n"), Some((96_174, 1_212_388, 3)));
        assert_eq!(parse(""), None);
        assert!(ThreadCost::read().counters.is_some());
    }
}
