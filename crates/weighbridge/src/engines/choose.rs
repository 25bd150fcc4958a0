//! Which engine a workload gets: decided once a run, the same for all of its cells.

use std::path::{Path, PathBuf};

use thiserror::Error;
use weighbridge_environment::{EnvironmentError, library_closure};
use weighbridge_experiment::{EngineName, EnginePlan, EngineWish, InputFile};
use weighbridge_inference::engine::onnxruntime::discover::Origin;

use super::find::{FoundLibrary, Library, find};
use crate::data_directory::DataDirectory;
use crate::run::digest_of_file;

const INSTALL: &str = "`weighbridge engine install onnxruntime` gets it";

/// Why a workload has no engine.
#[derive(Debug, Error)]
pub(crate) enum EngineError {
    #[error("engine `{engine}` was asked for, and no ONNX Runtime library was found; {INSTALL}")]
    NotFound { engine: EngineName },
    #[error(
        "engine `onnxruntime-cuda` was asked for, and no ONNX Runtime built for CUDA was found; `weighbridge engine install onnxruntime-gpu` gets it"
    )]
    NoCuda,
    #[error("engine `{engine}` cannot be used: {}: {reason}", path.display())]
    Unusable { engine: EngineName, path: PathBuf, reason: String },
    #[error(
        "$ORT_DYLIB_PATH names {}, which cannot be used: {reason}; name another, or unset it",
        path.display()
    )]
    Named { path: PathBuf, reason: String },
    #[error("engine `{engine}` cannot be handed to an agent: what its library needs is not there")]
    Closure { engine: EngineName, source: EnvironmentError },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
}

/// Chooses engines for the workloads of one run. The host is looked at once, when it is first
/// needed.
pub(crate) struct Chooser<'a> {
    data: &'a DataDirectory,
    executable: &'a Path,
    found: Option<Vec<FoundLibrary>>,
}

impl<'a> Chooser<'a> {
    pub(crate) fn new(data: &'a DataDirectory, executable: &'a Path) -> Self {
        Self { data, executable, found: None }
    }

    /// The engine for a wish, with the reason.
    pub(crate) fn choose(&mut self, wish: EngineWish) -> Result<EnginePlan, EngineError> {
        if wish == EngineWish::Only(EngineName::Rten) {
            return Ok(rten("asked for"));
        }
        let found = self.found.get_or_insert_with(|| find(self.data, self.executable));
        let plan = |name, reason: String, chosen: (&Path, &Library)| {
            onnxruntime(name, reason, chosen, self.executable)
        };
        match decide(wish, found)? {
            Decision::Rten(reason) => Ok(rten(&reason)),
            Decision::OnnxRuntime { name, reason, path, library } => {
                match (plan(name, reason, (path, library)), wish) {
                    // A static executable can load nothing: that is no reason to fail where
                    // nothing was asked for.
                    (Err(error @ EngineError::Closure { .. }), EngineWish::Auto) => {
                        Ok(rten(&format!("auto: {}", chain(&error))))
                    }
                    (planned, _) => planned,
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Decision<'a> {
    Rten(String),
    OnnxRuntime { name: EngineName, reason: String, path: &'a Path, library: &'a Library },
}

/// The pure part: what was found decides.
fn decide(wish: EngineWish, found: &[FoundLibrary]) -> Result<Decision<'_>, EngineError> {
    // Whoever names a library means that one: nothing else is taken in its place.
    if let Some(FoundLibrary { path, answer: Err(reason), .. }) =
        found.iter().find(|library| library.origin == Origin::Named)
    {
        return Err(EngineError::Named { path: path.clone(), reason: reason.clone() });
    }
    let name = match wish {
        EngineWish::Auto => EngineName::Onnxruntime,
        EngineWish::Only(name) => name,
    };
    let wants_cuda = name == EngineName::OnnxruntimeCuda;
    let usable = found.iter().find_map(|library| match &library.answer {
        Ok(answer) if answer.cuda || !wants_cuda => Some((library, answer)),
        _ => None,
    });
    let how = if wish == EngineWish::Auto { "auto" } else { "asked for" };
    if let Some((library, answer)) = usable {
        let reason = format!("{how}: {}, {}", library.path.display(), library.origin.words());
        return Ok(Decision::OnnxRuntime { name, reason, path: &library.path, library: answer });
    }
    let broken = found.iter().find_map(|library| Some((library, library.answer.as_ref().err()?)));
    match (wish, broken) {
        (EngineWish::Auto, None) => {
            Ok(Decision::Rten(format!("auto: no ONNX Runtime library was found; {INSTALL}")))
        }
        (EngineWish::Auto, Some((library, reason))) => {
            Ok(Decision::Rten(format!("auto: {} cannot be used: {reason}", library.path.display())))
        }
        (_, Some((library, reason))) => Err(EngineError::Unusable {
            engine: name,
            path: library.path.clone(),
            reason: reason.clone(),
        }),
        (_, None) if wants_cuda => Err(EngineError::NoCuda),
        (_, None) => Err(EngineError::NotFound { engine: name }),
    }
}

fn rten(reason: &str) -> EnginePlan {
    EnginePlan {
        version: Some(weighbridge_inference::engine::RTEN_VERSION.to_owned()),
        reason: reason.to_owned(),
        ..EnginePlan::default()
    }
}

fn onnxruntime(
    name: EngineName,
    reason: String,
    (path, library): (&Path, &Library),
    executable: &Path,
) -> Result<EnginePlan, EngineError> {
    // CUDA and cuDNN are gigabytes that belong to the GPU's driver: the system's loader finds
    // them, nothing is carried anywhere.
    let needed = if name == EngineName::OnnxruntimeCuda {
        Vec::new()
    } else {
        library_closure(path, executable)
            .map_err(|source| EngineError::Closure { engine: name, source })?
    };
    Ok(EnginePlan {
        name,
        version: Some(library.version.clone()),
        reason,
        library: Some(InputFile {
            name: file_name(path),
            path: Some(path.to_owned()),
            sha256: library.sha256.clone(),
            bytes: library.bytes,
        }),
        dependencies: needed.iter().map(|path| dependency(path)).collect::<Result<_, _>>()?,
    })
}

fn dependency(path: &Path) -> Result<InputFile, EngineError> {
    let (sha256, bytes) = digest_of_file(path)
        .map_err(|source| EngineError::Read { path: path.to_owned(), source })?;
    Ok(InputFile { name: file_name(path), path: Some(path.to_owned()), sha256, bytes })
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use weighbridge_experiment::Sha256Digest;

    use super::*;

    fn library(path: &str, origin: Origin, answer: Result<bool, &str>) -> FoundLibrary {
        let of = |cuda| Library {
            version: "1.31.1".into(),
            sha256: Sha256Digest::of(path.as_bytes()),
            bytes: 1,
            cuda,
        };
        FoundLibrary { path: path.into(), origin, answer: answer.map(of).map_err(str::to_owned) }
    }

    fn words(wish: EngineWish, found: &[FoundLibrary]) -> String {
        match decide(wish, found) {
            Ok(Decision::Rten(reason)) => format!("rten, {reason}"),
            Ok(Decision::OnnxRuntime { name, reason, .. }) => format!("{name}, {reason}"),
            Err(error) => format!("error: {error}"),
        }
    }

    const ORT: EngineWish = EngineWish::Only(EngineName::Onnxruntime);
    const CUDA: EngineWish = EngineWish::Only(EngineName::OnnxruntimeCuda);

    #[test]
    fn auto_takes_the_first_library_that_works_and_says_where_it_lay() {
        let found = [
            library("/data/a.so", Origin::Installed, Err("it is too old")),
            library("/usr/lib/b.so", Origin::System, Ok(false)),
        ];
        assert_eq!(
            words(EngineWish::Auto, &found),
            "onnxruntime, auto: /usr/lib/b.so, found among the system's libraries"
        );
        assert_eq!(
            words(ORT, &found),
            "onnxruntime, asked for: /usr/lib/b.so, found among the system's libraries"
        );
    }

    #[test]
    fn without_a_library_auto_is_rten_and_asking_is_an_error() {
        assert!(words(EngineWish::Auto, &[]).starts_with("rten, auto: no ONNX Runtime library"));
        assert!(words(ORT, &[]).contains("engine `onnxruntime` was asked for, and no"));
        let broken = [library("/data/a.so", Origin::Installed, Err("it is a text"))];
        assert_eq!(
            words(EngineWish::Auto, &broken),
            "rten, auto: /data/a.so cannot be used: it is a text"
        );
        assert_eq!(
            words(ORT, &broken),
            "error: engine `onnxruntime` cannot be used: /data/a.so: it is a text"
        );
    }

    #[test]
    fn a_named_library_that_does_not_work_is_never_replaced_in_silence() {
        let found = [
            library("/named.so", Origin::Named, Err("no such file")),
            library("/data/a.so", Origin::Installed, Ok(false)),
        ];
        for wish in [EngineWish::Auto, ORT] {
            assert!(words(wish, &found).starts_with("error: $ORT_DYLIB_PATH names /named.so"));
        }
    }

    #[test]
    fn the_gpu_engine_needs_a_library_that_was_built_for_it() {
        let plain = library("/data/a.so", Origin::Installed, Ok(false));
        assert!(words(CUDA, std::slice::from_ref(&plain)).contains("built for CUDA"));
        let both = [plain, library("/data/gpu.so", Origin::Installed, Ok(true))];
        assert!(words(CUDA, &both).starts_with("onnxruntime-cuda, asked for: /data/gpu.so"));
    }
}
