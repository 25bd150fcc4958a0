use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weighbridge_experiment::{ApplicationName, Benchmark, TensorElement, TransferBenchmark};

use super::FileToRead;

/// What an agent does in its trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// An application that ships.
    Application {
        /// Which one.
        name: ApplicationName,
        /// Class names in place of its own.
        labels: Option<FileToRead>,
    },
    /// A model whose inputs and outputs are taken as they are.
    Onnx(OnnxTask),
    /// A program.
    Command(CommandTask),
    /// A measurement of the environment itself.
    Benchmark(Benchmark),
    /// Files sent to an ssh server.
    Transfer(Box<TransferTask>),
}

/// What a model of no application is given, and what it must give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OnnxTask {
    /// Length of each axis that the model leaves open, by its name.
    pub axes: BTreeMap<String, u64>,
    /// Seed of what is drawn at random.
    pub seed: u64,
    /// Inputs of the model that are the same in every inference, by name.
    pub tensors: BTreeMap<String, TensorToMake>,
    /// The outputs that must come: one file for each input, in their order, or none at all.
    pub expected: Vec<FileToRead>,
    /// Largest difference from the expected outputs, as a share of the range of their values.
    pub tolerance: f64,
}

/// One input of a model: read, or drawn at random.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TensorToMake {
    /// Its values; drawn at random where there is no file.
    pub file: Option<FileToRead>,
    /// Type of its elements; the model's where not given.
    pub element: Option<TensorElement>,
    /// Its axes; the model's where not given.
    pub shape: Option<Vec<u64>>,
    /// Least value that is drawn.
    pub low: Option<f64>,
    /// Values that are drawn are less than this.
    pub high: Option<f64>,
}

/// A program and what it needs. Its files lie in `work/`, where it is started; itself, its
/// linker and its libraries in `../lib/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandTask {
    /// What the user calls it: the first word of the command.
    pub name: String,
    /// The file that is executed.
    pub program: FileToRead,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its dynamic linker. Empty where it is linked statically.
    pub linker: Option<FileToRead>,
    /// The libraries that the linker is to find.
    pub libraries: Vec<FileToRead>,
    /// The files in its working directory.
    pub files: Vec<FileToRead>,
    /// After this time it is ended and the trial has failed.
    pub timeout_seconds: u64,
}

/// Files sent to an ssh server, and what that needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferTask {
    /// What is sent, and where to.
    pub transfer: TransferBenchmark,
    /// The ssh client.
    pub client: CommandTask,
    /// The private key.
    pub identity: Option<FileToRead>,
    /// The file in which the server's key stands.
    pub known_hosts: FileToRead,
}
