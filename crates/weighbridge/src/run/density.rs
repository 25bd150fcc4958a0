//! How many instances of an environment start and answer side by side on this host.
//!
//! Instances are added one by one to the trial's own until the next would eat into the memory
//! that is kept free, an answer takes longer than the limit, the most that was asked for stand,
//! or one cannot be started. Each is journaled like any other, and all are ended with the trial,
//! whatever happens. Does not know how an environment counts memory: it reads the host's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use weighbridge_agent::wire::Pass;
use weighbridge_environment::Environment;
use weighbridge_experiment::{
    AbsenceKind, BenchmarkOutcome, BenchmarkRow, BenchmarkUnit, ByteSize, DensityBenchmark,
    EnvironmentKind, EnvironmentSettings, Limits, Measured, Quantity, RunId,
};

use super::Host;
use super::instance::{Fitting, Instance, InstanceError, Ready};

const INSTRUMENT: &str = "instances added one by one, each asked once a round; MemAvailable of /proc/meminfo of the host";
const MODE: &str = "instances side by side";
/// An agent that answers nothing for so long does not answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// The instances beside the trial's own.
#[derive(Default)]
pub(crate) struct Crowd(Vec<Member>);

struct Member {
    instance: Instance,
    /// Dropping it ends the agent.
    ready: Option<Ready>,
}

/// What a crowd is made of.
pub(crate) struct Kind<'a> {
    pub(crate) run: &'a RunId,
    /// Name of the trial's own instance, to which each adds its number.
    pub(crate) name: &'a str,
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) limits: Limits,
    pub(crate) settings: &'a EnvironmentSettings,
    pub(crate) fitting: &'a Fitting<'a>,
    pub(crate) density: &'a DensityBenchmark,
}

/// Why no further instance was added.
#[derive(Debug, Clone, PartialEq)]
enum Stop {
    Memory { available: u64 },
    Latency { seconds: f64 },
    Enough,
    Failed(String),
}

/// What is known before the next instance is added.
#[derive(Debug, Clone, Copy)]
struct State {
    instances: u32,
    available: Option<u64>,
    /// The most memory that one more instance took so far.
    largest: u64,
    slowest_seconds: f64,
}

/// Whether to stop, and why.
fn decide(state: State, density: &DensityBenchmark) -> Option<Stop> {
    if state.slowest_seconds > density.latency_limit_seconds {
        return Some(Stop::Latency { seconds: state.slowest_seconds });
    }
    let Some(available) = state.available else {
        let reason = "how much memory is free cannot be read from /proc/meminfo";
        return Some(Stop::Failed(reason.to_owned()));
    };
    if available < density.memory_reserve.bytes().saturating_add(state.largest) {
        return Some(Stop::Memory { available });
    }
    (state.instances >= density.instances_max).then_some(Stop::Enough)
}

impl Stop {
    fn words(&self, density: &DensityBenchmark) -> String {
        match self {
            Self::Memory { available } => format!(
                "stopped: {} of the host's memory are free, {} are kept",
                ByteSize(*available),
                density.memory_reserve
            ),
            Self::Latency { seconds } => format!(
                "stopped: an answer took {seconds:.3} s, the limit is {} s",
                density.latency_limit_seconds
            ),
            Self::Enough => {
                format!("at least: stopped at `instances_max` = {}", density.instances_max)
            }
            Self::Failed(reason) => format!("stopped: the next could not be started: {reason}"),
        }
    }
}

impl Crowd {
    /// Adds instances to the first until it is time to stop; the rows of the trial.
    ///
    /// # Errors
    ///
    /// The journal failed. An instance that cannot be started is a reason to stop, not an error.
    pub(crate) async fn fill(
        &mut self,
        host: &Host,
        first: &mut Ready,
        kind: &Kind<'_>,
    ) -> Result<Vec<BenchmarkRow>, InstanceError> {
        if kind.environment.kind() == EnvironmentKind::Ssh {
            let reason = "the memory that is free is read of this host, and the instances would be on \
                          another; run the experiment there";
            let mode = MODE.to_owned();
            let absence = AbsenceKind::Failed;
            return Ok(vec![BenchmarkRow::missing(
                mode,
                INSTRUMENT.to_owned(),
                absence,
                reason.to_owned(),
            )]);
        }
        let before = available_memory();
        let mut state = State { instances: 1, available: before, largest: 0, slowest_seconds: 0.0 };
        let mut answers = Vec::new();
        let stop = loop {
            match self.round(first).await {
                Ok(seconds) => {
                    answers.push(seconds);
                    state.slowest_seconds = seconds;
                }
                Err(reason) => break Stop::Failed(reason),
            }
            let available = available_memory();
            if let (Some(then), Some(now)) = (state.available, available)
                && state.instances > 1
            {
                state.largest = state.largest.max(then.saturating_sub(now));
            }
            state.available = available;
            if let Some(stop) = decide(state, kind.density) {
                break stop;
            }
            match self.add(host, kind).await {
                Ok(()) => state.instances += 1,
                Err(error @ InstanceError::Registry(_)) => return Err(error),
                Err(error) => break Stop::Failed(chain(&error)),
            }
        };
        // One that was too slow, or did not answer, does not count.
        let counted = match stop {
            Stop::Latency { .. } => state.instances.saturating_sub(1),
            _ => state.instances,
        };
        let taken = before.zip(state.available).map(|(then, now)| then.saturating_sub(now));
        Ok(rows(counted, state.instances, taken, &answers, &stop.words(kind.density)))
    }

    /// Asks every instance for one inference; the longest time by the host's clock.
    async fn round(&mut self, first: &mut Ready) -> Result<f64, String> {
        let mut slowest = 0.0_f64;
        let others = self.0.iter_mut().filter_map(|member| member.ready.as_mut());
        for ready in std::iter::once(first).chain(others) {
            let pass = Pass { block: 0, start_at: 0, inferences: 1 };
            let asked = Instant::now();
            ready.client.warmup(pass, Some(ANSWER_WITHIN)).await.map_err(|error| chain(&error))?;
            slowest = slowest.max(asked.elapsed().as_secs_f64());
        }
        Ok(slowest)
    }

    async fn add(&mut self, host: &Host, kind: &Kind<'_>) -> Result<(), InstanceError> {
        let name = format!("{}-d{}", kind.name, self.0.len() + 1);
        let environment = Arc::clone(&kind.environment);
        let instance =
            Instance::intend(host, Some(kind.run), environment, kind.settings, name).await?;
        // From here on it is ended with the others, however far it comes.
        self.0.push(Member { instance, ready: None });
        if let Some(member) = self.0.last_mut() {
            member.ready = Some(member.instance.make_ready(host, kind.limits, kind.fitting).await?);
        }
        Ok(())
    }

    /// Ends all of them, and checks that they are gone.
    ///
    /// # Errors
    ///
    /// The first that could not be ended; the others are ended nevertheless.
    pub(crate) async fn end(self, host: &Host) -> Result<(), InstanceError> {
        let mut failed = Ok(());
        for member in self.0 {
            drop(member.ready);
            if let Err(error) = member.instance.end(host).await
                && failed.is_ok()
            {
                failed = Err(error);
            }
        }
        failed
    }
}

fn rows(
    counted: u32,
    stood: u32,
    taken: Option<u64>,
    answers: &[f64],
    label: &str,
) -> Vec<BenchmarkRow> {
    let row = |mode: &str, unit, value, operations| BenchmarkRow {
        mode: mode.to_owned(),
        instrument: INSTRUMENT.to_owned(),
        labels: vec![label.to_owned()],
        outcome: BenchmarkOutcome::Measured(Measured {
            quantities: vec![Quantity { unit, value }],
            operations,
            seconds: 0.0,
            latency_nanoseconds: Vec::new(),
        }),
    };
    let mut rows = vec![row(MODE, BenchmarkUnit::Instances, f64::from(counted), u64::from(stood))];
    let beside = stood.saturating_sub(1);
    if let Some(taken) = taken.filter(|_| beside > 0) {
        let each = taken as f64 / f64::from(beside) / 1e6;
        rows.push(row(
            "memory of the host for each",
            BenchmarkUnit::Megabytes,
            each,
            u64::from(beside),
        ));
    }
    if let Some(slowest) = answers.last() {
        rows.push(row(
            "slowest answer of the last round",
            BenchmarkUnit::Seconds,
            *slowest,
            u64::from(stood),
        ));
    }
    rows
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

fn available_memory() -> Option<u64> {
    available(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn density() -> DensityBenchmark {
        DensityBenchmark {
            memory_reserve: ByteSize(1 << 30),
            latency_limit_seconds: 0.5,
            instances_max: 10,
            ..DensityBenchmark::default()
        }
    }

    fn state() -> State {
        State { instances: 3, available: Some(8 << 30), largest: 1 << 28, slowest_seconds: 0.1 }
    }

    #[test]
    fn it_stops_before_the_reserve_is_touched() {
        assert_eq!(decide(state(), &density()), None);
        let enough = (1 << 30) + (1 << 28);
        assert_eq!(decide(State { available: Some(enough), ..state() }, &density()), None);
        let short = State { available: Some(enough - 1), ..state() };
        assert_eq!(decide(short, &density()), Some(Stop::Memory { available: enough - 1 }));
        let unknown = decide(State { available: None, ..state() }, &density());
        assert!(matches!(unknown, Some(Stop::Failed(_))), "never on without knowing");
    }

    #[test]
    fn it_stops_at_the_latency_limit_and_at_the_most_that_was_asked() {
        let slow = State { slowest_seconds: 0.6, ..state() };
        assert_eq!(decide(slow, &density()), Some(Stop::Latency { seconds: 0.6 }));
        assert_eq!(decide(State { instances: 10, ..state() }, &density()), Some(Stop::Enough));
    }

    #[test]
    fn memory_is_shared_among_those_that_were_added() {
        let rows = rows(5, 5, Some(400_000_000), &[0.1, 0.2], "at least");
        let values: Vec<f64> =
            rows.iter().filter_map(|row| Some(row.measured()?.quantities[0].value)).collect();
        assert_eq!(values, [5.0, 100.0, 0.2]);
        assert_eq!(available("MemAvailable:  12 kB\n"), Some(12 << 10));
    }
}
