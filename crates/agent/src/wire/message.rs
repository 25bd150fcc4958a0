use std::fmt;
use std::path::PathBuf;

use super::EngineChoice;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use weighbridge_experiment::{
    BenchmarkRow, EngineIdentity, GuestBoot, HostFacts, InferenceTiming, Sample, SamplerCost,
    Sha256Digest, Usage,
};

use super::Task;

/// What an agent is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Always the first.
    Hello(Hello),
    /// Read the facts of the host or guest.
    Describe,
    /// Read model and inputs and load the engine.
    Prepare(Box<Prepare>),
    /// One untimed-as-a-trial pass; its inferences are kept apart.
    Warmup(Pass),
    /// One trial.
    Trial(Trial),
    /// The digest of the results of a pass. Runs the inputs whose results are not known yet;
    /// asked for outside of any measurement.
    Digest(Pass),
    /// End.
    Shutdown,
}

/// The first request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hello {
    /// The version that the client speaks.
    pub protocol: u32,
    /// Content of the agent's token file, where it has one.
    pub token: Option<String>,
}

/// A file in reach of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileToRead {
    /// What the user calls it, for messages.
    pub name: String,
    /// Where it lies, relative to the agent's directory.
    pub path: PathBuf,
    /// Its digest. Other content is refused.
    pub sha256: Sha256Digest,
}

/// What to load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prepare {
    /// What is to be done.
    pub task: Task,
    /// The model. Empty for a command and a benchmark.
    pub model: Option<FileToRead>,
    /// The inputs; at least one, but for a command and a benchmark, which have none.
    pub inputs: Vec<FileToRead>,
    /// Threads of the engine.
    pub threads: u32,
    /// The engine.
    #[serde(default)]
    pub engine: EngineChoice,
    /// Whether each trial is a process of its own: start, load, infer, exit.
    #[serde(default)]
    pub process: bool,
    /// For tests of the statistics only: after each inference the agent keeps its thread busy
    /// for this share, in per cent, of the inference's own time, and counts it as `infer`.
    #[serde(default)]
    pub slowdown_percent: Option<f64>,
}

/// A pass over inputs, taken in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pass {
    /// The block. Only a simulation depends on it.
    pub block: u32,
    /// Index of the first input; after the last one comes the first again.
    pub start_at: u32,
    /// How many inferences, at least one.
    pub inferences: u32,
}

/// One trial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// What to run.
    pub pass: Pass,
    /// Samples a second from inside, above 0 and at most 1000.
    pub sample_hertz: f64,
}

/// What an agent answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// To `Hello`.
    Welcome(Welcome),
    /// To a `Hello` of another version; the connection ends.
    VersionRefused {
        /// The version that the agent speaks.
        protocol: u32,
        /// The version that was asked for.
        asked: u32,
    },
    /// To `Describe`. Among the facts is the digest of the agent's executable.
    Described {
        /// The facts.
        facts: HostFacts,
    },
    /// To `Prepare`.
    Ready(Ready),
    /// To `Warmup`.
    WarmupDone(WarmupDone),
    /// To `Trial`.
    TrialDone(Box<TrialDone>),
    /// To `Digest`.
    Digested {
        /// As in [`WarmupDone::output_sha256`].
        output_sha256: Sha256Digest,
    },
    /// To `Shutdown`.
    Bye,
    /// To any request that could not be done.
    Failed(Failure),
}

/// The agent introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Welcome {
    /// The version that it speaks.
    pub protocol: u32,
    /// Version of the agent.
    pub agent_version: String,
    /// Its process, as its own pid namespace numbers it.
    pub process: u32,
    /// Whether it draws times instead of measuring.
    pub simulated: bool,
    /// How the guest in which it runs began; missing where it runs in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<GuestBoot>,
}

/// The engine has its model, and all inputs are in memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ready {
    /// The engine, as it names itself.
    pub engine: EngineIdentity,
    /// Reading and loading, by the agent's monotonic clock.
    pub load_seconds: f64,
}

/// A warm-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarmupDone {
    /// Its inferences in order.
    pub inferences: Vec<InferenceTiming>,
    /// Digest of the results in order: SHA-256 over the hexadecimal digests of the single
    /// results.
    pub output_sha256: Sha256Digest,
}

/// A trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialDone {
    /// Its inferences in order.
    pub inferences: Vec<InferenceTiming>,
    /// From before the first decoding to after the last interpretation. Nothing but the
    /// inferences lies between: no hashing, no reading of files, no talking.
    pub total_nanoseconds: u64,
    /// Read from inside, at least at the start and at the end.
    pub samples: Vec<Sample>,
    /// Counters of the agent's own process over the trial, its sampler included; memory is
    /// that of the end.
    pub agent_usage: Usage,
    /// Cost of the inside sampler.
    pub sampler_cost: SamplerCost,
    /// As in [`WarmupDone::output_sha256`], from untimed passes over the same inputs.
    /// `None` where there was none yet: ask for [`Request::Digest`] when the measurement is
    /// over.
    pub output_sha256: Option<Sha256Digest>,
    /// What a benchmark measured; empty for everything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub benchmark: Vec<BenchmarkRow>,
}

/// What was being done when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Understanding a frame.
    Wire,
    /// Agreeing on version and token.
    Hello,
    /// Reading facts.
    Describe,
    /// Reading files and loading the model.
    Prepare,
    /// Warming up.
    Warmup,
    /// The trial.
    Trial,
    /// Computing digests.
    Digest,
}

/// A request that could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// What was being done.
    pub stage: Stage,
    /// What failed, on which file, why, for a person.
    pub reason: String,
    /// With which code a command ended, where that is what failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_exit_code: Option<i32>,
}

impl Failure {
    pub(crate) fn new(stage: Stage, reason: impl Into<String>) -> Self {
        Self { stage, reason: reason.into(), command_exit_code: None }
    }

    /// The error with everything behind it.
    pub(crate) fn from_error(stage: Stage, error: &dyn std::error::Error) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            reason = format!("{reason}: {error}");
            source = error.source();
        }
        Self::new(stage, reason)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Wire => "reading a request",
            Self::Hello => "the greeting",
            Self::Describe => "reading host facts",
            Self::Prepare => "preparing",
            Self::Warmup => "the warm-up",
            Self::Trial => "the trial",
            Self::Digest => "digesting results",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} failed in the agent: {}", self.stage, self.reason)
    }
}

/// Both kinds of message, for the published schema.
#[derive(JsonSchema)]
#[schemars(title = "weighbridge.wire/2")]
#[allow(dead_code, reason = "only its schema is used")]
struct Wire {
    /// From the client.
    request: Request,
    /// From the agent.
    answer: Answer,
}

/// The JSON Schema of the messages. On the wire they are CBOR of the same shape.
#[must_use]
pub fn wire_schema() -> Schema {
    schemars::schema_for!(Wire)
}
