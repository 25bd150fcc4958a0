use thiserror::Error;

use crate::application::TensorError;
use crate::audio::AudioError;
use crate::engine::EngineError;
use crate::tensor_file::TensorFileError;
use crate::{LabelsError, PhotoError};

/// Why an input is not one that an application can use.
#[derive(Debug, Error)]
pub enum InputError {
    /// It is no photo that can be used.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// It holds no arrays that can be used.
    #[error(transparent)]
    TensorFile(#[from] TensorFileError),
    /// Its arrays are not those that the model takes.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// It is no audio that can be used.
    #[error(transparent)]
    Audio(#[from] AudioError),
}

/// What a model has, and what the application needs in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The tensor or number that is needed.
    pub expected: String,
    /// What the model has.
    pub found: String,
}

/// Why the outputs of one pass make no result.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum InterpretError {
    /// A tensor of another type or shape than the input asks for.
    #[error("the model's output `{output}` is {found}, {expected} was expected")]
    Shape {
        /// Name of the output.
        output: String,
        /// Type and shape that follow from the input.
        expected: String,
        /// Type and shape that came.
        found: String,
    },
    /// A score that must lie between 0 and 1 does not.
    #[error(
        "the model's output `{output}` holds {value}, which is no probability; export the model with its last sigmoid or softmax"
    )]
    NotAProbability {
        /// Name of the output.
        output: String,
        /// The value.
        value: f32,
    },
    /// Labels for another number of classes.
    #[error(
        "there are {labels} labels for a model of {classes} classes; give as many lines as classes"
    )]
    LabelCount {
        /// How many labels were given.
        labels: usize,
        /// How many classes the model has.
        classes: usize,
    },
}

/// Why a session could not be loaded, or one inference gave no result.
#[derive(Debug, Error)]
pub enum InferenceError {
    /// The input cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The labels cannot be used.
    #[error(transparent)]
    Labels(#[from] LabelsError),
    /// The engine could not load or run the model.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The model works, but is not one for this application.
    #[error("the model does not fit `{application}`: {expected} is needed, the model has {found}")]
    ModelDoesNotFit {
        /// The application.
        application: String,
        /// What the application needs.
        expected: String,
        /// What the model has in its place.
        found: String,
    },
    /// The model's outputs make no result.
    #[error("inference on `{input}` failed")]
    Interpret {
        /// The input, as the caller names it.
        input: String,
        /// What is wrong with the outputs.
        source: InterpretError,
    },
    /// The model computed something that is not a number.
    #[error(
        "inference on `{input}` failed: value {index} of the model's output `{output}` is {value}, not a finite number"
    )]
    NotFinite {
        /// The input, as the caller names it.
        input: String,
        /// Name of the output.
        output: String,
        /// Position in the output, in row-major order.
        index: usize,
        /// The value: NaN or an infinity.
        value: f64,
    },
}
