//! Two instruments on one quantity: says where they differ by more than their error.

use super::cpu::cpu_over;
use super::trials::CellTrials;

/// `/proc` gives user and system time, each cut to ticks of 10 ms: the difference of two
/// readings is wrong by up to two ticks. No reading is better than 2 %.
const CPU_ERROR_SECONDS: f64 = 0.020;
const CPU_ERROR_SHARE: f64 = 0.02;
/// The host's time holds the request and the answer besides the trial.
const TIME_ERROR_SECONDS: f64 = 0.002;
const TIME_ERROR_SHARE: f64 = 0.005;

/// How the engine of a simulated instance names itself.
const SIMULATED_ENGINE: &str = "simulated";

/// Readings of one quantity by two instruments, seconds, one pair a trial.
struct Pairs<'a> {
    quantity: &'a str,
    first: &'a str,
    second: &'a str,
    error_seconds: f64,
    error_share: f64,
    values: Vec<(f64, f64)>,
}

impl Pairs<'_> {
    fn disagreement(&self) -> Option<String> {
        let beyond = |(first, second): &&(f64, f64)| {
            let difference = (first - second).abs();
            difference > self.error_seconds && difference > self.error_share * first.max(*second)
        };
        let count = self.values.iter().filter(beyond).count();
        if count == 0 {
            return None;
        }
        let first: f64 = self.values.iter().map(|pair| pair.0).sum();
        let second: f64 = self.values.iter().map(|pair| pair.1).sum();
        Some(format!(
            "{}: {} and {} differ by more than their error (the larger of {:.0} ms and {} %) in {count} of {} trials; over \
             all of them {first:.3} s and {second:.3} s",
            self.quantity,
            self.first,
            self.second,
            self.error_seconds * 1e3,
            self.error_share * 100.0,
            self.values.len(),
        ))
    }
}

/// Every disagreement between instruments of a cell, in words.
pub(crate) fn disagreements(trials: &CellTrials<'_>) -> Vec<String> {
    // Drawn times agree with no clock, and are said to be drawn already.
    if trials.worked.iter().any(|(_, measurement)| measurement.engine.name == SIMULATED_ENGINE) {
        return Vec::new();
    }
    let seconds = |nanoseconds: u64| nanoseconds as f64 / 1e9;
    let cpu = |second, values| Pairs {
        quantity: "processor time",
        first: "the meter outside",
        second,
        error_seconds: CPU_ERROR_SECONDS,
        error_share: CPU_ERROR_SHARE,
        values,
    };
    let measurements = || trials.worked.iter().map(|(_, measurement)| *measurement);
    let outside_agent = measurements()
        .filter_map(|m| Some((cpu_over(&m.outside)?.0, seconds(m.agent_usage.cpu_nanoseconds?))))
        .collect();
    let outside_processes = measurements()
        .filter_map(|m| Some((cpu_over(&m.outside)?.0, seconds(m.process_cpu_nanoseconds?))))
        .collect();
    let time = Pairs {
        quantity: "time of a trial",
        first: "the host's clock",
        second: "the agent's",
        error_seconds: TIME_ERROR_SECONDS,
        error_share: TIME_ERROR_SHARE,
        values: measurements()
            .map(|m| (seconds(m.host_total_nanoseconds), seconds(m.total_nanoseconds)))
            .collect(),
    };
    [
        cpu("the agent's own getrusage", outside_agent).disagreement(),
        cpu("the sum of /proc/PID/stat", outside_processes).disagreement(),
        time.disagreement(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
