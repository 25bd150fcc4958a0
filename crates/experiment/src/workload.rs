//! What is run in every environment, as asked: checked but not resolved, paths as written.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Benchmark, EngineWish, ModelSource};

/// The applications that ship with Weighbridge.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ApplicationName {
    /// Removes rain streaks from a photograph.
    Derain,
    /// Says whether a traffic light is red, yellow, green or off.
    TrafficLight,
    /// Finds objects of 80 kinds in a photograph.
    ObjectDetection,
    /// Names a traffic sign out of 43 classes.
    TrafficSign,
    /// Finds faces and their landmarks in a photograph.
    FaceDetection,
    /// Writes down the words in a recording.
    SpeechToText,
}

impl ApplicationName {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 6] = [
        Self::Derain,
        Self::TrafficLight,
        Self::ObjectDetection,
        Self::TrafficSign,
        Self::FaceDetection,
        Self::SpeechToText,
    ];

    /// Those that are weighed where nobody said what to weigh: a first result has to come soon.
    pub const MAIN_JOB: [Self; 2] = [Self::Derain, Self::TrafficLight];

    /// The name as it is written in files and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Derain => "derain",
            Self::TrafficLight => "traffic-light",
            Self::ObjectDetection => "object-detection",
            Self::TrafficSign => "traffic-sign",
            Self::FaceDetection => "face-detection",
            Self::SpeechToText => "speech-to-text",
        }
    }

    /// The application of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|application| application.as_str() == name)
    }
}

impl fmt::Display for ApplicationName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// One workload as asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkloadSpec {
    /// Its name; the application's unless given.
    pub name: String,
    /// What is run.
    #[serde(flatten)]
    pub task: TaskSpec,
    /// A model in place of the application's own; what a workload of kind `onnx` runs.
    pub model: Option<ModelSource>,
    /// Class names in place of the application's own.
    #[serde(default)]
    pub labels: Option<String>,
    /// A file or a directory of inputs in place of the shipped samples.
    pub inputs: Option<String>,
    /// Inputs taken, in turn, for each trial; for a command, how often a trial runs it.
    pub inputs_per_trial: Option<u32>,
    /// Trials in each environment.
    pub trials: u32,
    /// Passes over the inputs before the timed one, kept and shown apart.
    pub warmup: u32,
    /// What one trial is.
    #[serde(default)]
    pub trial: TrialForm,
    /// Threads of the engine; the environment's CPUs unless given.
    pub threads: Option<u32>,
    /// The engine.
    #[serde(default)]
    pub engine: EngineWish,
}

/// What one trial of a model is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrialForm {
    /// Inferences of a process that has loaded the model before.
    #[default]
    Warm,
    /// A process of its own, from its start to its end: start, load, infer, exit. So the edge
    /// paper (002) timed its applications.
    Process,
}

impl TrialForm {
    /// As they are written in a file.
    pub const NAMES: [&str; 2] = ["warm", "process"];

    /// The form of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "warm" => Some(Self::Warm),
            "process" => Some(Self::Process),
            _ => None,
        }
    }

    /// As it is written in a file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warm => Self::NAMES[0],
            Self::Process => Self::NAMES[1],
        }
    }

    /// Whether it is the usual one, which records leave out.
    #[must_use]
    pub fn is_warm(&self) -> bool {
        *self == Self::Warm
    }
}

/// What a workload does, as asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskSpec {
    /// An application that ships.
    Application(ApplicationName),
    /// Any ONNX model, its inputs and outputs as they are.
    Onnx(OnnxSpec),
    /// A program.
    Command(CommandSpec),
    /// A measurement of the environment itself.
    Benchmark(Benchmark),
}

impl TaskSpec {
    /// What can be written as `kind`.
    pub const KINDS: [&str; 9] = [
        "application",
        "onnx",
        "command",
        "cpu",
        "memory",
        "fileio",
        "startup",
        "transfer",
        "density",
    ];
    /// Kinds that the design gives a meaning and this version does not serve yet.
    pub const PLANNED_KINDS: [&str; 1] = ["service"];

    /// The kind as it is written in files.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Application(_) => "application",
            Self::Onnx(_) => "onnx",
            Self::Command(_) => "command",
            Self::Benchmark(benchmark) => benchmark.kind(),
        }
    }

    /// Whether what it measures is the start of instances.
    #[must_use]
    pub const fn starts_instances(&self) -> bool {
        matches!(self, Self::Benchmark(Benchmark::Startup(_) | Benchmark::Density(_)))
    }

    /// The application's name; for another kind, the kind.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Application(application) => application.as_str(),
            Self::Onnx(_) | Self::Command(_) | Self::Benchmark(_) => self.kind(),
        }
    }
}

/// What a model of no application is given, and what it must give.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OnnxSpec {
    /// Length of each axis that the model leaves open, by its name.
    pub axes: BTreeMap<String, u64>,
    /// Inputs of the model that are the same in every inference, by name.
    pub tensors: BTreeMap<String, TensorSpec>,
    /// A file or a directory of the outputs that must come.
    pub expected: Option<String>,
    /// Largest difference from the expected outputs, as a share of the range of their values.
    pub tolerance: f64,
}

/// One input of a model: a file, or drawn at random.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TensorSpec {
    /// An `.npy` file, or raw little-endian values; drawn at random where there is none.
    pub file: Option<String>,
    /// Type of its elements; the model's where not given.
    pub element: Option<TensorElement>,
    /// Its axes; the model's where not given.
    pub shape: Option<Vec<u64>>,
    /// Least value that is drawn; 0 where not given.
    pub low: Option<f64>,
    /// Values that are drawn are less than this; 1 for floating point numbers, 2 for whole
    /// ones where not given.
    pub high: Option<f64>,
}

/// Types of elements that can be given to a model.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TensorElement {
    /// 32-bit floating point.
    F32,
    /// 64-bit floating point.
    F64,
    /// 8-bit signed.
    I8,
    /// 8-bit unsigned.
    U8,
    /// 32-bit signed.
    I32,
    /// 64-bit signed.
    I64,
    /// Truth values of one byte each.
    Bool,
}

impl TensorElement {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::F32, Self::F64, Self::I8, Self::U8, Self::I32, Self::I64, Self::Bool];

    /// The name as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::I8 => "i8",
            Self::U8 => "u8",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::Bool => "bool",
        }
    }

    /// The type of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|element| element.as_str() == name)
    }

    /// Bytes of one element.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }
}

impl fmt::Display for TensorElement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A program and what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandSpec {
    /// The program and its arguments. No shell reads them.
    pub command: Vec<String>,
    /// Files that lie in the program's working directory under their own names.
    pub files: Vec<String>,
    /// After this time the program is ended and the trial has failed.
    pub timeout_seconds: u64,
}
