//! The seam to whatever executes a model.
//!
//! An engine knows tensors and threads. It deliberately does **not** know photos,
//! applications or clocks.

mod error;
#[cfg(test)]
mod fake;
mod onnx_file;
pub mod onnxruntime;
mod rten;
mod tensor;

use std::fmt;
use std::num::NonZeroU32;

use weighbridge_experiment::EngineIdentity;

pub use error::EngineError;
#[cfg(test)]
pub(crate) use fake::FakeEngine;
pub use onnx_file::{Node, OnnxFile, OnnxFlaw, SingleByte};
pub use onnxruntime::{LibraryFiles, OnnxRuntimeEngine, Provider};
pub use rten::{RtenEngine, VERSION as RTEN_VERSION, instruction_set as rten_instruction_set};
pub use tensor::{Tensor, TensorView, Values, ValuesView};

/// More than any machine we know of has; a typing error beyond it would exhaust the host.
pub const THREADS_MAX: u32 = 1024;

/// Length of one axis of a model's input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// Written in the model.
    Fixed(usize),
    /// Decided by each run; the model's name for it.
    Free(String),
}

impl fmt::Display for Extent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(length) => write!(formatter, "{length}"),
            Self::Free(name) if name.is_empty() => formatter.write_str("?"),
            Self::Free(name) => formatter.write_str(name),
        }
    }
}

/// An input or output of a model as the model declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Type of its elements, such as `f32`. `None` where the model does not say.
    pub element: Option<&'static str>,
    /// Its axes. `None` where the model does not say.
    pub shape: Option<Vec<Extent>>,
}

impl fmt::Display for Port {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` {} ", self.name, self.element.unwrap_or("of unstated type"))?;
        let Some(shape) = &self.shape else {
            return formatter.write_str("of unstated shape");
        };
        let axes: Vec<String> = shape.iter().map(Extent::to_string).collect();
        write!(formatter, "[{}]", axes.join(", "))
    }
}

/// Where an engine comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineSource {
    /// The one that is linked in.
    Rten,
    /// ONNX Runtime on the CPU, by these files.
    OnnxRuntime(LibraryFiles),
    /// ONNX Runtime on an NVIDIA GPU, by these files.
    OnnxRuntimeCuda(LibraryFiles),
}

impl EngineSource {
    /// Loads a model into the engine, which computes on exactly `threads` threads.
    ///
    /// # Errors
    ///
    /// When the engine's library cannot be used, the bytes are no whole ONNX model, or one
    /// that this engine cannot run correctly.
    pub fn load(&self, model: Vec<u8>, threads: u32) -> Result<Box<dyn Engine>, EngineError> {
        let count =
            NonZeroU32::new(threads).ok_or(EngineError::Threads { threads, most: THREADS_MAX })?;
        Ok(match self {
            Self::Rten => Box::new(RtenEngine::load(model, count)?),
            Self::OnnxRuntime(files) => {
                Box::new(OnnxRuntimeEngine::load_from(files, &model, count, Provider::Cpu)?)
            }
            Self::OnnxRuntimeCuda(files) => {
                Box::new(OnnxRuntimeEngine::load_from(files, &model, count, Provider::Cuda)?)
            }
        })
    }
}

/// Executes one loaded model on a fixed number of threads.
pub trait Engine: Send {
    /// Loads an ONNX model. The engine computes on exactly `threads` threads.
    ///
    /// # Errors
    ///
    /// When the bytes are no whole ONNX model, or one that this engine cannot run correctly.
    fn load(model: Vec<u8>, threads: NonZeroU32) -> Result<Self, EngineError>
    where
        Self: Sized;

    /// Name, version, instruction set and threads, as they go into every record.
    fn identity(&self) -> EngineIdentity;

    /// The model's inputs, in its order.
    fn inputs(&self) -> &[Port];

    /// The model's outputs, in its order.
    fn outputs(&self) -> &[Port];

    /// Runs the model once on `inputs`, given in the model's order; gives all of its
    /// outputs, in its order.
    ///
    /// # Errors
    ///
    /// When an input does not fit the model or an operator fails.
    fn run(&mut self, inputs: &[TensorView<'_>]) -> Result<Vec<Tensor>, EngineError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_shown_with_name_type_and_shape() {
        let mut port = Port {
            name: "image".into(),
            element: Some("f32"),
            shape: Some(vec![
                Extent::Fixed(1),
                Extent::Free("H".into()),
                Extent::Free(String::new()),
            ]),
        };
        assert_eq!(port.to_string(), "`image` f32 [1, H, ?]");
        port.element = None;
        port.shape = None;
        assert_eq!(port.to_string(), "`image` of unstated type of unstated shape");
    }
}
