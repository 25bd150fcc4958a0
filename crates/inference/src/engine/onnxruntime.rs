//! ONNX Runtime, loaded at run time from a library that the caller names: the fastest engine
//! on a CPU where its library is present.
//!
//! * [`LibraryFiles`], [`version_of`]: the library of this process.
//! * [`discover`]: where libraries lie on a host.
//! * [`instruction_set`]: what its kernels pick on this processor.
//!
//! **Memory.** The arena allocator is on and memory patterns are off, measured with derain on
//! 512² pixels, one thread: 93 MB resident, against 125 MB with patterns (one block for each
//! shape seen), 144 MB with patterns alone, 135 MB with neither. Shrinking the arena after each
//! run would save another 16 MB and cost a third of the speed: its pages are faulted in anew.
//!
//! **Spinning.** Threads of the pool spin for a moment after a run, as is ONNX Runtime's default,
//! so that the next run finds them awake. `session.force_spinning_stop` saves a fifth of the
//! processor time on two threads (derain: 102 ms a run in place of 127), and makes a run about
//! a tenth slower where other processes compete; what a service does by default is measured.
//!
//! What this module deliberately does not do: search for libraries while it loads a model,
//! and choose between engines.

pub mod discover;
mod instruction_set;
mod library;
mod values;

use std::num::NonZeroU32;

use ort::ep;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use weighbridge_experiment::EngineIdentity;

use super::{Engine, EngineError, OnnxFile, Port, THREADS_MAX, Tensor, TensorView};
pub use instruction_set::instruction_set;
use library::Runtime;
pub use library::{LibraryError, LibraryFiles, MINOR_VERSION_LEAST, version_of};

const ENGINE: &str = "onnxruntime";
const CUDA_ENGINE: &str = "onnxruntime-cuda";

/// What executes the operators.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Provider {
    /// The processor (MLAS).
    #[default]
    Cpu,
    /// An NVIDIA GPU, the first one; what it cannot run, the processor runs. Needs a library
    /// that was built for it, with CUDA and cuDNN where the system's loader finds them.
    Cuda,
}

/// A model loaded into ONNX Runtime, with a thread pool of its own.
pub struct OnnxRuntimeEngine {
    session: Session,
    version: &'static str,
    provider: Provider,
    threads: NonZeroU32,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl OnnxRuntimeEngine {
    /// Loads an ONNX model into the ONNX Runtime of `files`, loading that library first where
    /// this process has none yet. Computes on exactly `threads` threads, one operator after
    /// the other.
    ///
    /// # Errors
    ///
    /// When the library or the provider cannot be used, the bytes are no whole model, or ONNX
    /// Runtime refuses it; its own words name the operator or the opset.
    pub fn load_from(
        files: &LibraryFiles,
        model: &[u8],
        threads: NonZeroU32,
        provider: Provider,
    ) -> Result<Self, EngineError> {
        // The file is looked at first: a wrong model is told without loading anything.
        OnnxFile::read(model)?;
        Self::with_runtime(Runtime::open(files)?, model, threads, provider)
    }

    fn with_runtime(
        runtime: &'static Runtime,
        model: &[u8],
        threads: NonZeroU32,
        provider: Provider,
    ) -> Result<Self, EngineError> {
        if threads.get() > THREADS_MAX {
            return Err(EngineError::Threads { threads: threads.get(), most: THREADS_MAX });
        }
        let set_up = options(runtime, threads)
            .map_err(|error| EngineError::Load { engine: ENGINE, detail: says(&error) })?;
        let mut options = match provider {
            Provider::Cpu => on_cpu(set_up),
            Provider::Cuda => on_cuda(set_up),
        }?;
        let session = options
            .commit_from_memory(model)
            .map_err(|error| EngineError::Load { engine: ENGINE, detail: says(&error) })?;
        Ok(Self {
            version: &runtime.version,
            provider,
            threads,
            inputs: session.inputs().iter().map(values::port).collect(),
            outputs: session.outputs().iter().map(values::port).collect(),
            session,
        })
    }
}

fn options(runtime: &Runtime, threads: NonZeroU32) -> ort::Result<SessionBuilder> {
    let options = Session::builder(&runtime.environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_parallel_execution(false)?
        .with_intra_threads(threads.get() as usize)?
        .with_inter_threads(1)?
        .with_memory_pattern(false)?;
    Ok(options)
}

fn on_cpu(options: SessionBuilder) -> Result<SessionBuilder, EngineError> {
    options
        .with_execution_providers([ep::CPU::default().with_arena_allocator(true).build()])
        .map_err(|error| EngineError::Load { engine: ENGINE, detail: says(&error.into()) })
}

/// A GPU that cannot be used is an error, never a silent run on the processor.
fn on_cuda(options: SessionBuilder) -> Result<SessionBuilder, EngineError> {
    options
        .with_execution_providers([ep::CUDA::default().build().error_on_failure()])
        .map_err(|error| EngineError::NoCuda { detail: says(&error.into()) })
}

impl Engine for OnnxRuntimeEngine {
    /// Into the ONNX Runtime that this process has loaded already.
    fn load(model: Vec<u8>, threads: NonZeroU32) -> Result<Self, EngineError> {
        OnnxFile::read(&model)?;
        Self::with_runtime(Runtime::current()?, &model, threads, Provider::Cpu)
    }

    fn identity(&self) -> EngineIdentity {
        let (name, instruction_set) = match self.provider {
            Provider::Cpu => (ENGINE, instruction_set()),
            Provider::Cuda => (CUDA_ENGINE, "cuda"),
        };
        EngineIdentity {
            name: name.into(),
            version: self.version.into(),
            instruction_set: instruction_set.into(),
            threads: self.threads.get(),
        }
    }

    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(&mut self, inputs: &[TensorView<'_>]) -> Result<Vec<Tensor>, EngineError> {
        if inputs.len() != self.inputs.len() {
            return Err(EngineError::InputCount {
                expected: self.inputs.len(),
                found: inputs.len(),
            });
        }
        let bound = inputs.iter().zip(&self.inputs).map(|(input, port)| values::bind(input, port));
        let bound = bound.collect::<Result<Vec<_>, EngineError>>()?;
        let outputs = self
            .session
            .run(bound.as_slice())
            .map_err(|error| EngineError::Run { engine: ENGINE, detail: says(&error) })?;
        outputs
            .values()
            .zip(&self.outputs)
            .map(|(value, port)| values::tensor(&value, port))
            .collect()
    }
}

/// Its message on one line, without the place in its own source that stands before some.
fn says(error: &ort::Error) -> String {
    let message = error.message();
    let starts = ["ONNX Runtime only", "This is an invalid model"];
    let begin = starts.iter().find_map(|start| message.find(start)).unwrap_or(0);
    message[begin..].split_whitespace().collect::<Vec<_>>().join(" ")
}
