use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    BenchmarkRow, CellKey, Ended, HostNoise, Instruments, PaperCpu, Sample, Sha256Digest, Usage,
};

/// One inference, its stages timed apart by the agent's monotonic clock. A stage that was not
/// timed, as those of a command, is 0 here and left out of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InferenceTiming {
    /// Input bytes to pixels, samples or arrays.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub decode_nanoseconds: u64,
    /// Those to tensors.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub prepare_nanoseconds: u64,
    /// The engine's call; of a command, all of it.
    pub infer_nanoseconds: u64,
    /// Tensors to a result.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub interpret_nanoseconds: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(nanoseconds: &u64) -> bool {
    *nanoseconds == 0
}

impl InferenceTiming {
    /// The four stages together.
    #[must_use]
    pub const fn total_nanoseconds(&self) -> u64 {
        self.decode_nanoseconds
            + self.prepare_nanoseconds
            + self.infer_nanoseconds
            + self.interpret_nanoseconds
    }
}

/// The engine that ran, as it names itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EngineIdentity {
    /// `rten`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The instruction set that it uses on this processor.
    pub instruction_set: String,
    /// Threads it was given.
    pub threads: u32,
}

/// From asking for an instance to an agent that answers, and to a loaded model. Seconds,
/// by the host's monotonic clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StartTiming {
    /// From asking to the environment having made the instance. Not known of records of
    /// earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_seconds: Option<f64>,
    /// From asking to the agent's first answer.
    pub ready_seconds: f64,
    /// From then to the model being loaded and the inputs being read.
    pub load_seconds: f64,
    /// What a guest tells of its own start; missing where there is none, and of one that
    /// started from a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<GuestBoot>,
}

/// Phases of a guest's start by the guest's own clock, which counts from where its kernel
/// began (`CLOCK_BOOTTIME`). It may run wrong: the host's times stand beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuestBoot {
    /// From the kernel's begin to its first process.
    pub kernel_nanoseconds: u64,
    /// From there to the start of the agent's process.
    pub init_nanoseconds: u64,
    /// From there to the agent's first answer.
    pub agent_nanoseconds: u64,
}

/// What the first process of a guest leaves for the agent to read, as JSON in the agent's
/// directory: nanoseconds of `CLOCK_BOOTTIME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestStamps {
    /// When the first process began.
    pub init_began_nanoseconds: u64,
    /// When it started the agent.
    pub agent_started_nanoseconds: u64,
}

impl GuestStamps {
    /// Name of the file in the agent's directory.
    pub const FILE: &str = "guest-boot.json";

    /// The phases, where the agent answers now.
    #[must_use]
    pub const fn phases(self, now_nanoseconds: u64) -> GuestBoot {
        let Self { init_began_nanoseconds: began, agent_started_nanoseconds: started } = self;
        GuestBoot {
            kernel_nanoseconds: began,
            init_nanoseconds: started.saturating_sub(began),
            agent_nanoseconds: now_nanoseconds.saturating_sub(started),
        }
    }
}

/// What taking the samples itself cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SamplerCost {
    /// Processor time of the sampler during the trial.
    pub cpu_nanoseconds: u64,
    /// Samples taken.
    pub samples: u32,
}

/// What a trial that worked gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialMeasurement {
    /// The engine that ran.
    pub engine: EngineIdentity,
    /// From asking to ready.
    pub start: StartTiming,
    /// Inferences of the warm-up, shown apart.
    pub warmup: Vec<InferenceTiming>,
    /// Inferences of the trial, in order.
    pub inferences: Vec<InferenceTiming>,
    /// The whole trial by the agent's monotonic clock.
    pub total_nanoseconds: u64,
    /// The same by the host's, request and answer included.
    pub host_total_nanoseconds: u64,
    /// Read from outside the instance, at least at the trial's start and end.
    pub outside: Vec<Sample>,
    /// Read by the agent, at least at the trial's start and end.
    pub inside: Vec<Sample>,
    /// Counters of the agent's own process (`getrusage`) over the trial.
    pub agent_usage: Usage,
    /// Processor time over the trial as the sum of `/proc/PID/stat` of all processes of the
    /// instance, read from outside.
    pub process_cpu_nanoseconds: Option<u64>,
    /// Cost of the outside sampler.
    pub outside_sampler: SamplerCost,
    /// Cost of the inside sampler.
    pub inside_sampler: SamplerCost,
    /// The outside instruments.
    pub instruments: Instruments,
    /// The rest of the host.
    pub noise: HostNoise,
    /// Digest of all results of the trial, in order: cells that compute the same agree in it.
    pub output_sha256: Sha256Digest,
    /// What a benchmark measured; empty for everything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub benchmark: Vec<BenchmarkRow>,
    /// Processor use as the edge paper's tool for the environment showed it, where that was
    /// asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper_cpu: Option<PaperCpu>,
}

/// Why a trial gave no measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrialFailure {
    /// What failed and why, for a person.
    pub reason: String,
    /// How the instance ended, where it did.
    pub ended: Option<Ended>,
    /// With which code a command ended, where that is what failed; a command that worked ended
    /// with 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_exit_code: Option<i32>,
}

/// Measured, or failed; a failure is a result too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum TrialOutcome {
    /// It worked.
    Ok(Box<TrialMeasurement>),
    /// It did not.
    Failed(TrialFailure),
}

/// One trial of one cell in one block: unique in its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialRecord {
    /// The block, from 0.
    pub block: u32,
    /// Place within the block, from 0, as the seed shuffled it.
    pub position: u32,
    /// The cell.
    pub cell: CellKey,
    /// When it began.
    pub started: jiff::Timestamp,
    /// What it gave.
    #[serde(flatten)]
    pub outcome: TrialOutcome,
}
