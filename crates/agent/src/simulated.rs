//! No measurement at all: stage times drawn from a seeded log-normal distribution, so that a
//! whole run, its statistics and its report can be tried in no time. Never sleeps, never
//! loads a model; files are still read and their digests checked.

use std::path::Path;
use std::time::Instant;

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use weighbridge_experiment::{
    ApplicationName, EngineIdentity, InferenceTiming, Sample, SamplerCost, Sha256Digest, Usage,
};

use crate::files::read_verified;
use crate::wire::{Failure, Pass, Prepare, Ready, Task, Trial, TrialDone, WarmupDone};
use crate::work::{combined_digest, inputs_of};

/// Spread of the factor that all inferences of one start of an agent have in common.
const BLOCK_SIGMA: f64 = 0.01;
/// Spread from one stage to the next.
const STAGE_SIGMA: f64 = 0.03;
/// The first inference after loading is slower by this factor.
const WARMUP_FACTOR: f64 = 1.5;
/// Share of its threads that the imagined engine keeps busy.
const BUSY_SHARE: f64 = 0.97;
const MEMORY_BYTES: u64 = 48 << 20;

/// Medians of decode, prepare, infer, interpret on one thread, in nanoseconds.
const fn medians(application: ApplicationName) -> [f64; 4] {
    match application {
        ApplicationName::Derain => [4e6, 1e6, 60e6, 1.5e6],
        ApplicationName::TrafficLight => [5e5, 2e5, 4e6, 2e4],
        ApplicationName::ObjectDetection => [2.5e6, 8e5, 48e6, 1e6],
        ApplicationName::TrafficSign => [5e5, 2e5, 6e6, 2e4],
        ApplicationName::FaceDetection => [2.5e6, 8e5, 25e6, 2e5],
        ApplicationName::SpeechToText => [4e5, 1e3, 6e6, 5e4],
    }
}

/// The same of anything else. A command has no stages but the whole.
const fn task_medians(task: &Task) -> [f64; 4] {
    match task {
        Task::Application { name, .. } => medians(*name),
        Task::Onnx(_) => [2e5, 2e4, 20e6, 5e4],
        Task::Command(_) | Task::Benchmark(_) | Task::Transfer(_) => [0.0, 0.0, 30e6, 0.0],
    }
}

pub(crate) struct SimulatedWork {
    medians: [f64; 4],
    seed: u64,
    threads: u32,
    slowdown: f64,
    digests: Vec<Option<Sha256Digest>>,
}

impl SimulatedWork {
    pub(crate) fn prepare(
        base: &Path,
        request: &Prepare,
        seed: u64,
    ) -> Result<(Self, Ready), Failure> {
        let began = Instant::now();
        if let Some(model) = &request.model {
            read_verified(base, "model", model)?;
        }
        let mut digests = Vec::with_capacity(request.inputs.len().max(1));
        if let Task::Command(command) = &request.task {
            let words = format!("simulated {} {:?}", command.program.sha256, command.arguments);
            digests.push(Some(Sha256Digest::of(words.as_bytes())));
        }
        if let Task::Benchmark(_) | Task::Transfer(_) = &request.task {
            let words = format!("simulated {:?}", request.task);
            digests.push(Some(Sha256Digest::of(words.as_bytes())));
        }
        for input in &request.inputs {
            read_verified(base, "input", input)?;
            digests.push(Some(Sha256Digest::of(format!("simulated {}", input.sha256).as_bytes())));
        }
        let engine = EngineIdentity {
            name: "simulated".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instruction_set: "none".to_owned(),
            threads: request.threads,
        };
        let work = Self {
            medians: task_medians(&request.task),
            seed,
            threads: request.threads.max(1),
            slowdown: 1.0 + request.slowdown_percent.unwrap_or(0.0) / 100.0,
            digests,
        };
        Ok((work, Ready { engine, load_seconds: began.elapsed().as_secs_f64() }))
    }

    pub(crate) fn warmup(&self, pass: Pass) -> WarmupDone {
        let mut inferences = self.draw(pass, 1);
        if let Some(first) = inferences.first_mut() {
            first.infer_nanoseconds = (first.infer_nanoseconds as f64 * WARMUP_FACTOR) as u64;
        }
        WarmupDone { inferences, output_sha256: self.digest(pass) }
    }

    pub(crate) fn digest(&self, pass: Pass) -> Sha256Digest {
        combined_digest(pass, &self.digests).unwrap_or_else(|| Sha256Digest::of(b"simulated"))
    }

    pub(crate) fn trial(&self, trial: Trial) -> TrialDone {
        let inferences = self.draw(trial.pass, 0);
        let total_nanoseconds = inferences.iter().map(InferenceTiming::total_nanoseconds).sum();
        let samples = self.samples(total_nanoseconds, trial.sample_hertz);
        TrialDone {
            inferences,
            total_nanoseconds,
            agent_usage: samples.last().map(|sample| sample.usage).unwrap_or_default(),
            sampler_cost: SamplerCost {
                cpu_nanoseconds: 0,
                samples: u32::try_from(samples.len()).unwrap_or(u32::MAX),
            },
            samples,
            output_sha256: Some(self.digest(trial.pass)),
            // A figure of a benchmark is of a real machine or it is not there.
            benchmark: Vec::new(),
        }
    }

    /// The same numbers for the same seed, block and kind of pass, in whatever order blocks
    /// are asked for.
    fn draw(&self, pass: Pass, kind: u64) -> Vec<InferenceTiming> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(u64::from(pass.block) * 2);
        let block = (BLOCK_SIGMA * standard_normal(&mut random)).exp();
        random.set_stream(u64::from(pass.block) * 2 + kind);
        let [decode, prepare, infer, interpret] = self.medians;
        let infer = infer / f64::from(self.threads).powf(0.9);
        let slowdown = self.slowdown;
        inputs_of(pass, self.digests.len())
            .map(|_| {
                let mut stage = |median: f64| {
                    (median * block * slowdown * (STAGE_SIGMA * standard_normal(&mut random)).exp())
                        as u64
                };
                InferenceTiming {
                    decode_nanoseconds: stage(decode),
                    prepare_nanoseconds: stage(prepare),
                    infer_nanoseconds: stage(infer),
                    interpret_nanoseconds: stage(interpret),
                }
            })
            .collect()
    }

    fn samples(&self, total_nanoseconds: u64, hertz: f64) -> Vec<Sample> {
        let total_seconds = total_nanoseconds as f64 / 1e9;
        let at = |at_seconds: f64| Sample {
            at_seconds,
            usage: Usage {
                cpu_nanoseconds: Some(
                    (at_seconds * 1e9 * f64::from(self.threads) * BUSY_SHARE) as u64,
                ),
                memory_resident_bytes: Some(MEMORY_BYTES),
                memory_peak_bytes: Some(MEMORY_BYTES),
                ..Usage::default()
            },
        };
        // Simulated hours would not fit a frame: at most ten thousand.
        let whole = ((total_seconds * hertz) as u32).min(10_000);
        let mut samples: Vec<Sample> =
            (0..=whole).map(|index| at(f64::from(index) / hertz)).collect();
        samples.push(at(total_seconds));
        samples
    }
}

/// A standard normal deviate by the Box-Muller transform.
fn standard_normal(random: &mut ChaCha8Rng) -> f64 {
    // 53 random bits, shifted away from 0, whose logarithm is not finite.
    let mut uniform = || ((random.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    let (radius, angle) = (uniform(), uniform());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(seed: u64, slowdown: f64) -> SimulatedWork {
        let digests = vec![Some(Sha256Digest::of(b"a")), Some(Sha256Digest::of(b"b"))];
        SimulatedWork {
            medians: medians(ApplicationName::Derain),
            seed,
            threads: 2,
            slowdown,
            digests,
        }
    }

    fn trial(block: u32) -> Trial {
        Trial { pass: Pass { block, start_at: 0, inferences: 20 }, sample_hertz: 10.0 }
    }

    #[test]
    fn the_same_seed_and_block_give_the_same_trial() {
        assert_eq!(work(1, 1.0).trial(trial(4)), work(1, 1.0).trial(trial(4)));
        assert_ne!(
            work(1, 1.0).trial(trial(4)).inferences,
            work(1, 1.0).trial(trial(5)).inferences
        );
        assert_ne!(
            work(1, 1.0).trial(trial(4)).inferences,
            work(2, 1.0).trial(trial(4)).inferences
        );
        let warmup = work(1, 1.0).warmup(trial(4).pass);
        assert_ne!(warmup.inferences[1..], work(1, 1.0).trial(trial(4)).inferences[1..]);
    }

    #[test]
    fn a_slowdown_slows_by_its_share() {
        let plain = work(1, 1.0).trial(trial(0)).total_nanoseconds as f64;
        let slowed = work(1, 1.05).trial(trial(0)).total_nanoseconds as f64;
        assert!((slowed / plain - 1.05).abs() < 1e-6);
    }

    #[test]
    fn samples_reach_from_the_start_to_the_end() {
        let done = work(1, 1.0).trial(trial(0));
        assert_eq!(done.samples[0].at_seconds, 0.0);
        let last = done.samples.last().expect("samples");
        assert!((last.at_seconds - done.total_nanoseconds as f64 / 1e9).abs() < 1e-9);
        assert!(done.samples.len() > 5);
    }

    #[test]
    fn draws_have_the_spread_that_is_stated() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let draws: Vec<f64> = (0..20_000).map(|_| standard_normal(&mut random)).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance =
            draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
