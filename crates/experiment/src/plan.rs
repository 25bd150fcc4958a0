use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ApplicationName, Benchmark, CpuCount, Difference, EnginePlan, EnvironmentKind,
    EnvironmentSettings, InstrumentChoice, Limits, ResolvedPrice, Sha256Digest, TensorElement,
    TransferBenchmark, TrialForm,
};

/// When the agent of a cell is started anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// In every block: trials are independent, comparisons hold.
    #[default]
    Block,
    /// Once a run: labelled "within one instance".
    Run,
}

/// One environment as resolved on this host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentPlan {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: EnvironmentKind,
    /// CPUs and memory of each of its instances.
    pub limits: Limits,
    /// Version of the runtime, from the probe.
    pub version: Option<String>,
    /// Whether its processor is emulated.
    pub emulated: bool,
    /// A restriction that the probe found, e.g. that limits are not permitted.
    pub restriction: Option<String>,
    /// What an hour costs; `None` where the user named no price.
    pub price: Option<ResolvedPrice>,
    /// Slowed down on purpose, by a busy loop of this share of each inference: a test of
    /// whether a difference of known size is found. `None` in every honest run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slowdown_percent: Option<f64>,
    /// What only its kind has.
    #[serde(default, skip_serializing_if = "EnvironmentSettings::is_none")]
    pub settings: EnvironmentSettings,
}

/// A file that goes into every environment, known by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InputFile {
    /// Name for people: the file's own name.
    pub name: String,
    /// Where it lies on this host. Empty for what ships inside the executable.
    pub path: Option<PathBuf>,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Its size.
    pub bytes: u64,
}

/// One workload as resolved on this host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkloadPlan {
    /// Its name.
    pub name: String,
    /// What it does.
    #[serde(flatten)]
    pub task: TaskPlan,
    /// Its model. Empty for a command.
    #[serde(default)]
    pub model: Option<InputFile>,
    /// Names of the model's classes, where they are not the application's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_labels: Option<InputFile>,
    /// Labels that go beside every number of it, e.g. `seeded weights: speed only`.
    pub labels: Vec<String>,
    /// Its inputs, in order. Empty for a command.
    pub inputs: Vec<InputFile>,
    /// How many of them, in turn, make one trial; how often one trial runs a command.
    pub inputs_per_trial: u32,
    /// Trials in each environment.
    pub trials: u32,
    /// Passes before the timed one.
    pub warmup: u32,
    /// What one trial is.
    #[serde(default, skip_serializing_if = "TrialForm::is_warm")]
    pub trial: TrialForm,
    /// Threads of the engine; the environment's CPUs where `None`.
    pub threads: Option<u32>,
    /// The engine, the same in every environment.
    #[serde(default)]
    pub engine: EnginePlan,
}

/// What a workload does, as resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskPlan {
    /// An application that ships.
    Application(ApplicationName),
    /// Any ONNX model, its inputs and outputs as they are.
    Onnx(OnnxPlan),
    /// A program.
    Command(CommandPlan),
    /// A measurement of the environment itself.
    Benchmark(Benchmark),
    /// Files sent to an ssh server, with what that needs inside an environment.
    Transfer(Box<TransferPlan>),
}

impl TaskPlan {
    /// The application's name; for another kind, the kind.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Application(application) => application.as_str(),
            Self::Onnx(_) => "onnx",
            Self::Command(_) => "command",
            Self::Benchmark(benchmark) => benchmark.kind(),
            Self::Transfer(_) => "transfer",
        }
    }

    /// The application, where it is one or a benchmark that loads one.
    #[must_use]
    pub const fn application(&self) -> Option<ApplicationName> {
        match self {
            Self::Application(application) => Some(*application),
            Self::Benchmark(benchmark) => benchmark.application(),
            Self::Onnx(_) | Self::Command(_) | Self::Transfer(_) => None,
        }
    }

    /// Whether it is a system benchmark.
    #[must_use]
    pub const fn is_benchmark(&self) -> bool {
        matches!(self, Self::Benchmark(_) | Self::Transfer(_))
    }
}

/// What a model of no application is given, and what it must give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OnnxPlan {
    /// Length of each axis that the model leaves open, by its name.
    pub axes: BTreeMap<String, u64>,
    /// Seed of what is drawn at random.
    pub seed: u64,
    /// Inputs of the model that are the same in every inference, by name.
    pub tensors: BTreeMap<String, TensorPlan>,
    /// The outputs that must come: one file for each input, in their order, or none at all.
    pub expected: Vec<InputFile>,
    /// Largest difference from the expected outputs, as a share of the range of their values.
    pub tolerance: f64,
}

/// One input of a model that is the same in every inference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TensorPlan {
    /// Its values; drawn at random where there is no file.
    pub file: Option<InputFile>,
    /// Type of its elements; the model's where not given.
    pub element: Option<TensorElement>,
    /// Its axes; the model's where not given.
    pub shape: Option<Vec<u64>>,
    /// Least value that is drawn.
    pub low: Option<f64>,
    /// Values that are drawn are less than this.
    pub high: Option<f64>,
}

/// A program with everything that it needs inside an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandPlan {
    /// The program and its arguments, as asked.
    pub command: Vec<String>,
    /// The file that is executed: the program, or the interpreter that its first line names.
    pub program: InputFile,
    /// What it is given.
    pub arguments: Vec<String>,
    /// The dynamic linker that the program asks for. Empty where it is linked statically.
    pub linker: Option<InputFile>,
    /// Libraries that the program and the files need, as the linker of this host finds them.
    pub libraries: Vec<InputFile>,
    /// Files that lie in the program's working directory under their own names.
    pub files: Vec<InputFile>,
    /// After this time the program is ended and the trial has failed.
    pub timeout_seconds: u64,
}

/// Files sent to an ssh server, with everything that needs inside an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferPlan {
    /// What is sent, and where to.
    pub transfer: TransferBenchmark,
    /// The ssh client of this host, which goes into every environment.
    pub client: CommandPlan,
    /// The private key.
    pub identity: Option<InputFile>,
    /// The file in which the server's key stands.
    pub known_hosts: InputFile,
}

/// The name of a cell: one workload in one environment.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct CellKey {
    /// Name of the environment.
    pub environment: String,
    /// Name of the workload.
    pub workload: String,
}

impl fmt::Display for CellKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} in {}", self.workload, self.environment)
    }
}

/// One cell as resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CellPlan {
    /// Its name.
    pub key: CellKey,
    /// Threads of the engine in it.
    pub threads: u32,
}

/// An environment that was asked for, or could be, and is not part of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unavailable {
    /// Name of the environment.
    pub environment: String,
    /// Whether the user asked for it; otherwise it is only offered.
    pub requested: bool,
    /// Why it was not run.
    pub reason: String,
    /// One command that would enable it, or that asks for it.
    pub enable: Option<String>,
}

/// What a run does, resolved on one host before the first trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Name of the experiment.
    pub name: String,
    /// Seed of the order of trials and of every interval.
    pub seed: u64,
    /// When agents start anew.
    pub restart: Restart,
    /// What the user lets differ between cells that are compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_differences: Vec<Difference>,
    /// How often a trial that the host disturbed is done again, at most.
    #[serde(default)]
    pub repeat_disturbed: u32,
    /// Which instruments read processor use.
    #[serde(default, skip_serializing_if = "InstrumentChoice::is_one")]
    pub instrument: InstrumentChoice,
    /// Digest of the executable that runs as the agent.
    pub executable_sha256: Sha256Digest,
    /// Environments that work here.
    pub environments: Vec<EnvironmentPlan>,
    /// Workloads.
    pub workloads: Vec<WorkloadPlan>,
    /// Environments left out.
    pub unavailable: Vec<Unavailable>,
}

impl Plan {
    /// The environment of this name.
    #[must_use]
    pub fn environment(&self, name: &str) -> Option<&EnvironmentPlan> {
        self.environments.iter().find(|environment| environment.name == name)
    }

    /// The workload of this name.
    #[must_use]
    pub fn workload(&self, name: &str) -> Option<&WorkloadPlan> {
        self.workloads.iter().find(|workload| workload.name == name)
    }

    /// Every workload in every environment, workloads outermost, as the file orders them.
    #[must_use]
    pub fn cells(&self) -> Vec<CellPlan> {
        let cell = |workload: &WorkloadPlan, environment: &EnvironmentPlan| CellPlan {
            key: CellKey { environment: environment.name.clone(), workload: workload.name.clone() },
            threads: workload.threads.unwrap_or_else(|| CpuCount::threads(environment.limits.cpus)),
        };
        self.workloads
            .iter()
            .flat_map(|workload| {
                self.environments.iter().map(move |environment| cell(workload, environment))
            })
            .collect()
    }
}
