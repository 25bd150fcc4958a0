use thiserror::Error;

use super::OnnxFlaw;
use super::onnxruntime::LibraryError;

/// Why an engine could not load or run a model.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The bytes are not a whole ONNX model.
    #[error("the model cannot be read")]
    NotAModel(#[from] OnnxFlaw),
    /// The library of ONNX Runtime cannot be used.
    #[error("the engine onnxruntime cannot be used")]
    Library(#[from] LibraryError),
    /// ONNX Runtime cannot compute on an NVIDIA GPU here.
    #[error(
        "onnxruntime-cuda cannot use an NVIDIA GPU here: {detail}; it needs a GPU, its driver, CUDA, cuDNN and an ONNX Runtime built for them (the wheel onnxruntime-gpu); use the engine onnxruntime otherwise"
    )]
    NoCuda {
        /// What ONNX Runtime says.
        detail: String,
    },
    /// The model holds an operator that this engine is known to compute wrongly.
    #[error(
        "the model cannot be run: operator `{operator}` (node `{node}`) is refused in {engine}, because {reason}"
    )]
    RefusedOperator {
        /// The engine.
        engine: &'static str,
        /// The operator's type.
        operator: String,
        /// The node's name, empty where it has none.
        node: String,
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// The engine does not accept the model; its own words name the operator.
    #[error("{engine} cannot load the model: {detail}")]
    Load {
        /// The engine.
        engine: &'static str,
        /// What it says, the failing node first.
        detail: String,
    },
    /// The engine has no such operator; another engine has.
    #[error(
        "{engine} cannot load the model: {detail}; try the engine {other}, which has more operators"
    )]
    NotSupported {
        /// The engine.
        engine: &'static str,
        /// What it says, the operator by name.
        detail: String,
        /// The engine to try.
        other: &'static str,
    },
    /// The model is written in operators newer than the engine.
    #[error(
        "{engine} cannot load the model: it is written in opset {opset}, {most} is the newest that it is known to run correctly; export the model for an older opset"
    )]
    Opset {
        /// The engine.
        engine: &'static str,
        /// The model's version of the standard operators.
        opset: u64,
        /// The newest that is accepted.
        most: u64,
    },
    /// A number of threads that cannot be meant.
    #[error("{threads} threads are out of range; give 1 to {most}")]
    Threads {
        /// What was asked.
        threads: u32,
        /// The most that are accepted.
        most: u32,
    },
    /// Another number of inputs than the model has.
    #[error("the model has {expected} inputs, {found} were given")]
    InputCount {
        /// How many it has.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// The values do not fill the shape.
    #[error(
        "input `{input}` of shape {shape:?} needs as many values as its axes multiplied, {values} were given"
    )]
    InputLength {
        /// Name of the input.
        input: String,
        /// Shape given.
        shape: Vec<usize>,
        /// Number of values given.
        values: usize,
    },
    /// A value that does not fit the 32 bits with which this engine computes.
    #[error(
        "{engine} computes integers with 32 bits, and input `{input}` holds one that needs more; use the engine onnxruntime"
    )]
    InputRange {
        /// The engine.
        engine: &'static str,
        /// Name of the input.
        input: String,
    },
    /// An operator failed, or an input does not fit the model.
    #[error("{engine} cannot run the model: {detail}")]
    Run {
        /// The engine.
        engine: &'static str,
        /// What it says: the operator and the shapes of its inputs.
        detail: String,
    },
    /// An output is made of something that is not taken.
    #[error("output `{output}` of the model is {element}; numbers and truth values are needed")]
    OutputType {
        /// Name of the output.
        output: String,
        /// What it is made of.
        element: String,
    },
    /// The engine broke off on a model that it should have refused.
    #[error("{engine} broke off while it {action} the model: {message}")]
    Panicked {
        /// The engine.
        engine: &'static str,
        /// `loaded` or `ran`.
        action: &'static str,
        /// Its last words.
        message: String,
    },
}
