//! The engine that a client asks for, from files that are compared with their digests first.

use std::path::Path;

use weighbridge_inference::engine::EngineSource;
use weighbridge_inference::engine::onnxruntime::LibraryFiles;

use crate::files::verified_path;
use crate::wire::{EngineChoice, Failure, SharedLibrary};

/// Where the engine comes from. Nothing is loaded yet.
pub(crate) fn source(base: &Path, choice: &EngineChoice) -> Result<EngineSource, Failure> {
    let SharedLibrary { library, dependencies, cuda } = match choice {
        EngineChoice::Auto | EngineChoice::Rten => return Ok(EngineSource::Rten),
        EngineChoice::Onnxruntime(library) => library,
    };
    let files = LibraryFiles {
        library: verified_path(base, "the engine's library", library)?,
        dependencies: dependencies
            .iter()
            .map(|file| verified_path(base, "a library that the engine needs", file))
            .collect::<Result<_, _>>()?,
    };
    Ok(if *cuda { EngineSource::OnnxRuntimeCuda(files) } else { EngineSource::OnnxRuntime(files) })
}
