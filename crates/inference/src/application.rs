//! What an input becomes before the engine, and what tensors become after it.
//!
//! An application deliberately does **not** know which engine runs its model, nor what time
//! it is: [`Session`](crate::Session) drives it stage by stage and holds the clock.

mod classifier;
mod derain;
mod detection;
mod face_detection;
mod object_detection;
mod onnx;
mod ports;
mod speech_to_text;
mod tiling;
mod traffic_light;
mod traffic_sign;

use weighbridge_experiment::ApplicationName;

pub use classifier::Classifier;
pub use derain::Derain;
pub use face_detection::FaceDetection;
pub use object_detection::ObjectDetection;
pub use onnx::{FixedTensor, OnnxInputs, OnnxModel, RANDOM_INPUT, TensorError};
pub use ports::{AxisNeed, PortNeed, describe_ports, fit_one};
pub use speech_to_text::{Alphabet, Beam, Ctc, Greedy, SpeechToText};
pub use tiling::{ALIGNMENT, HALO, TILE_SIDE_MAX, Tile, tiles};

use crate::engine::{Port, Tensor, TensorView};
use crate::error::{InputError, InterpretError, Misfit};
use crate::{Input, Labels, Outcome};

/// One application: an input to tensors and tensors to a result, in one or more passes of
/// the engine.
///
/// ```text
/// begin ─▶ more? ──yes──▶ prepare ─▶ (engine) ─▶ interpret ─┐
///            ▲ │                                            │
///            │ └──no──▶ finish                              │
///            └──────────────────────────────────────────────┘
/// ```
pub trait Application: Send {
    /// Its name, for messages.
    fn name(&self) -> &str;

    /// Looks at the model's inputs and outputs, and adapts to the form that the model has.
    ///
    /// # Errors
    ///
    /// What is needed and what is there, when the model cannot serve.
    fn fit(&mut self, inputs: &[Port], outputs: &[Port]) -> Result<(), Misfit>;

    /// Takes an input: recognises it and decodes its first part, or all of it. Counted as
    /// decoding.
    ///
    /// # Errors
    ///
    /// When the bytes are nothing that the application can use.
    fn begin(&mut self, input: &Input) -> Result<(), InputError>;

    /// Whether another pass of the engine is to come; what that pass needs is decoded here.
    /// True at least once after [`begin`](Self::begin). Counted as decoding.
    ///
    /// # Errors
    ///
    /// When a later part of the input cannot be used.
    fn more(&mut self) -> Result<bool, InputError>;

    /// The inputs of the pass that [`more`](Self::more) announced, in the model's order.
    fn prepare(&mut self) -> Vec<TensorView<'_>>;

    /// Takes the outputs of that pass, in the model's order; they have only finite values.
    ///
    /// # Errors
    ///
    /// When they are not what the input asks for.
    fn interpret(&mut self, outputs: &[Tensor]) -> Result<(), InterpretError>;

    /// The result, after the last pass.
    fn finish(&mut self) -> Outcome;
}

/// The application of this name, ready for its first input; with the user's labels in place
/// of the application's own where it has any.
#[must_use]
pub fn application(name: ApplicationName, labels: Option<Labels>) -> Box<dyn Application> {
    match name {
        ApplicationName::Derain => Box::new(Derain::default()),
        ApplicationName::TrafficLight => Box::new(traffic_light::traffic_light(labels)),
        ApplicationName::ObjectDetection => Box::new(ObjectDetection::new(labels)),
        ApplicationName::TrafficSign => Box::new(traffic_sign::traffic_sign(labels)),
        ApplicationName::FaceDetection => Box::new(FaceDetection::default()),
        ApplicationName::SpeechToText => Box::new(SpeechToText::new(labels.as_ref(), None)),
    }
}

/// An output of another type or shape than was expected.
pub(crate) fn wrong_shape(name: &str, expected: &[usize], found: &Tensor) -> InterpretError {
    InterpretError::Shape {
        output: name.to_owned(),
        expected: format!("f32 {expected:?}"),
        found: format!("{} {:?}", found.values.view().element(), found.shape),
    }
}
