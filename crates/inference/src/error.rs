use thiserror::Error;
use weighbridge_experiment::ApplicationName;

use crate::PhotoError;
use crate::engine::EngineError;

/// Why a session could not be loaded, or one inference gave no result.
#[derive(Debug, Error)]
pub enum InferenceError {
    /// The input is not a photo that can be used.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// The engine could not load or run the model.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The model works, but is not one for this application.
    #[error("the model does not fit `{application}`: {expected} is needed, the model has {found}")]
    ModelDoesNotFit {
        /// The application.
        application: ApplicationName,
        /// The tensor that the application needs, with name, type and shape.
        expected: String,
        /// What the model has in its place.
        found: String,
    },
    /// The model gave a tensor of another shape than its input asks for.
    #[error(
        "inference on `{input}` failed: the model's output `{output}` has shape {found:?}, {expected:?} was expected"
    )]
    OutputShape {
        /// The photo, as the caller names it.
        input: String,
        /// Name of the output.
        output: &'static str,
        /// Shape that follows from the input.
        expected: Vec<usize>,
        /// Shape that came.
        found: Vec<usize>,
    },
    /// The model computed something that is not a number.
    #[error(
        "inference on `{input}` failed: value {index} of the model's output `{output}` is {value}, not a finite number"
    )]
    NotFinite {
        /// The photo, as the caller names it.
        input: String,
        /// Name of the output.
        output: &'static str,
        /// Position in the output, in row-major order.
        index: usize,
        /// The value: NaN or an infinity.
        value: f32,
    },
}
