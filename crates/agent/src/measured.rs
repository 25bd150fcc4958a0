//! A real task, timed.

use std::path::Path;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use weighbridge_experiment::{
    BenchmarkRow, InferenceTiming, Sample, SamplerCost, Sha256Digest, Usage,
};
use weighbridge_inference::Outcome;
use weighbridge_measure::{Meter, OwnProcessMeter, Sampler};

use crate::benchmark::BenchmarkRunner;
use crate::command::CommandRunner;
use crate::task::{self, Doable};
use crate::wire::{Failure, Pass, Prepare, Ready, Stage, Trial, TrialDone, WarmupDone};
use crate::work::{combined_digest, inputs_of};

/// A task that is ready, and what is known of its results.
pub(crate) struct MeasuredWork {
    task: Doable,
    /// Of the result of each input, once it is known. Hashing a photograph takes up to some
    /// per cent of its inference, so it is done in untimed passes only.
    digests: Vec<Option<Sha256Digest>>,
    slowdown_percent: f64,
}

/// What one inference, or one run of a command, gave.
enum Given {
    Outcome(Outcome),
    Digest(Sha256Digest),
    Rows(Vec<BenchmarkRow>, Sha256Digest),
}

impl MeasuredWork {
    pub(crate) fn prepare(base: &Path, request: &Prepare) -> Result<(Self, Ready), Failure> {
        let began = Instant::now();
        let task = task::prepare(base, request)?;
        let (engine, inputs) = match &task {
            Doable::Inference(inference) => (inference.session.engine(), inference.inputs.len()),
            Doable::Command(_) => (CommandRunner::engine(request.threads), 1),
            Doable::Benchmark(_) => (BenchmarkRunner::engine(request.threads), 1),
        };
        let ready = Ready { engine, load_seconds: began.elapsed().as_secs_f64() };
        let slowdown_percent = request.slowdown_percent.unwrap_or(0.0);
        Ok((Self { task, digests: vec![None; inputs], slowdown_percent }, ready))
    }

    pub(crate) fn warmup(&mut self, pass: Pass) -> Result<WarmupDone, Failure> {
        let mut inferences = Vec::with_capacity(pass.inferences as usize);
        for input in inputs_of(pass, self.digests.len()) {
            let (given, timing) = self.once(input, Stage::Warmup)?;
            inferences.push(timing);
            self.take(input, given, Stage::Warmup)?;
        }
        let output_sha256 = self.digest(pass)?;
        Ok(WarmupDone { inferences, output_sha256 })
    }

    pub(crate) fn digest(&mut self, pass: Pass) -> Result<Sha256Digest, Failure> {
        for input in inputs_of(pass, self.digests.len()) {
            if self.digests[input].is_none() {
                let (given, _) = self.once(input, Stage::Digest)?;
                self.take(input, given, Stage::Digest)?;
            }
        }
        combined_digest(pass, &self.digests).ok_or_else(|| {
            Failure::new(Stage::Digest, "a result has no digest although it was just computed")
        })
    }

    pub(crate) fn trial(&mut self, trial: Trial) -> Result<TrialDone, Failure> {
        let meter = OwnProcessMeter::open().0;
        let meter = match &self.task {
            Doable::Inference(_) => meter,
            Doable::Command(_) | Doable::Benchmark(_) => meter.with_children(),
        };
        let metered = metered(meter, trial.sample_hertz, || {
            let mut inferences = Vec::with_capacity(trial.pass.inferences as usize);
            let mut benchmark = Vec::new();
            for input in inputs_of(trial.pass, self.digests.len()) {
                // The outcome is dropped at once: freeing it is part of any loop over photographs.
                let (given, timing) = self.once(input, Stage::Trial)?;
                inferences.push(timing);
                if let Given::Rows(rows, digest) = given {
                    benchmark.extend(rows);
                    self.digests[input] = Some(digest);
                }
            }
            Ok((inferences, benchmark))
        })?;
        let (inferences, benchmark) = metered.given;
        Ok(TrialDone {
            inferences,
            total_nanoseconds: metered.total_nanoseconds,
            samples: metered.samples,
            agent_usage: metered.agent_usage,
            sampler_cost: metered.sampler_cost,
            output_sha256: combined_digest(trial.pass, &self.digests),
            benchmark,
        })
    }

    fn once(&mut self, input: usize, stage: Stage) -> Result<(Given, InferenceTiming), Failure> {
        let (given, mut timing) = match &mut self.task {
            Doable::Inference(inference) => {
                let done = inference.session.run_once(&inference.inputs[input]);
                let (outcome, timing) = done.map_err(|error| Failure::from_error(stage, &error))?;
                (Given::Outcome(outcome), timing)
            }
            Doable::Command(command) => {
                let timing = command.run(stage)?;
                (Given::Digest(command.digest().clone()), timing)
            }
            Doable::Benchmark(benchmark) => {
                let (rows, timing) = benchmark.run(stage)?;
                return Ok((Given::Rows(rows, benchmark.digest().clone()), timing));
            }
        };
        if self.slowdown_percent > 0.0 {
            timing.infer_nanoseconds +=
                stay_busy(timing.total_nanoseconds(), self.slowdown_percent);
        }
        Ok((given, timing))
    }

    /// Looks at a result outside of any measurement: whether it is the expected one, and its
    /// digest.
    fn take(&mut self, input: usize, given: Given, stage: Stage) -> Result<(), Failure> {
        if self.digests[input].is_some() {
            return Ok(());
        }
        let digest = match given {
            Given::Digest(digest) | Given::Rows(_, digest) => digest,
            Given::Outcome(outcome) => {
                self.compare(input, &outcome, stage)?;
                digest_of(&outcome)
            }
        };
        self.digests[input] = Some(digest);
        Ok(())
    }

    fn compare(&self, input: usize, outcome: &Outcome, stage: Stage) -> Result<(), Failure> {
        let Doable::Inference(inference) = &self.task else { return Ok(()) };
        match (inference.expected.get(input), outcome) {
            (Some(expected), Outcome::Tensors(outputs)) => {
                let name = &inference.inputs[input].name;
                expected.compare(outputs).map_err(|error| {
                    let failure = Failure::from_error(stage, &error);
                    Failure { reason: format!("input `{name}`: {}", failure.reason), ..failure }
                })
            }
            _ => Ok(()),
        }
    }
}

/// What a piece of work gave, and what was read around it.
pub(crate) struct Metered<T> {
    pub(crate) given: T,
    pub(crate) total_nanoseconds: u64,
    pub(crate) samples: Vec<Sample>,
    pub(crate) agent_usage: Usage,
    pub(crate) sampler_cost: SamplerCost,
}

/// Does some work of a trial while its process is sampled. Only the work itself is timed.
pub(crate) fn metered<T>(
    mut meter: OwnProcessMeter,
    sample_hertz: f64,
    work: impl FnOnce() -> Result<T, Failure>,
) -> Result<Metered<T>, Failure> {
    let fail = |error: &dyn std::error::Error| Failure::from_error(Stage::Trial, error);
    let before = meter.usage();
    let period = Duration::from_secs_f64(1.0 / sample_hertz);
    let sampler = Sampler::start(meter, period, Instant::now()).map_err(|error| fail(&error))?;

    let began = Instant::now();
    let given = work();
    let total = began.elapsed();

    let mut sampled = sampler.stop().map_err(|error| fail(&error))?;
    let after = sampled.meter.usage();
    Ok(Metered {
        given: given?,
        total_nanoseconds: nanoseconds(total),
        samples: sampled.samples,
        agent_usage: usage_between(&before, &after),
        sampler_cost: sampled.cost,
    })
}

/// Keeps the thread busy for a share of `nanoseconds`, and says for how long it did.
fn stay_busy(nanoseconds: u64, percent: f64) -> u64 {
    let began = Instant::now();
    let end = Duration::from_nanos((nanoseconds as f64 * percent / 100.0) as u64);
    while began.elapsed() < end {
        std::hint::spin_loop();
    }
    self::nanoseconds(began.elapsed())
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn digest_of(outcome: &Outcome) -> Sha256Digest {
    let mut hasher = Sha256::new();
    for part in outcome.digest_bytes() {
        hasher.update(&part);
    }
    Sha256Digest::finish(hasher)
}

/// What was used from one reading to the next; memory as it was at the second.
pub(crate) fn usage_between(before: &Usage, after: &Usage) -> Usage {
    let since = |read: fn(&Usage) -> Option<u64>| read(after)?.checked_sub(read(before)?);
    Usage {
        cpu_nanoseconds: since(|usage| usage.cpu_nanoseconds),
        memory_resident_bytes: after.memory_resident_bytes,
        memory_peak_bytes: after.memory_peak_bytes,
        storage_read_bytes: since(|usage| usage.storage_read_bytes),
        storage_write_bytes: since(|usage| usage.storage_write_bytes),
        storage_read_requests: since(|usage| usage.storage_read_requests),
        storage_write_requests: since(|usage| usage.storage_write_requests),
        network_receive_bytes: since(|usage| usage.network_receive_bytes),
        network_transmit_bytes: since(|usage| usage.network_transmit_bytes),
        network_receive_packets: since(|usage| usage.network_receive_packets),
        network_transmit_packets: since(|usage| usage.network_transmit_packets),
        ..Usage::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_was_missing_once_has_no_difference() {
        let before = Usage { cpu_nanoseconds: Some(5), ..Usage::default() };
        let after = Usage {
            cpu_nanoseconds: Some(9),
            storage_read_bytes: Some(7),
            memory_peak_bytes: Some(3),
            ..before
        };
        let between = usage_between(&before, &after);
        assert_eq!(between.cpu_nanoseconds, Some(4));
        assert_eq!(between.storage_read_bytes, None);
        assert_eq!(between.memory_peak_bytes, Some(3));
    }

    #[test]
    fn being_busy_lasts_at_least_its_share() {
        assert!(stay_busy(1_000_000, 50.0) >= 500_000);
    }
}
