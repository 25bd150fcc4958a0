//! Libraries that lie on this host, and whether each of them works.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use weighbridge_experiment::Sha256Digest;
use weighbridge_inference::engine::onnxruntime::discover::{
    Origin, Places, candidates, system_folders,
};
use weighbridge_inference::engine::onnxruntime::version_of;

use crate::data_directory::DataDirectory;
use crate::run::digest_of_file;

/// First argument of the process that loads one library and prints its version.
pub(crate) const VERSION_ROLE: &str = "engine-version";

/// The user's own choice of a library.
const NAMED: &str = "ORT_DYLIB_PATH";

/// A file that is named like ONNX Runtime, and what came of trying it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundLibrary {
    pub(crate) path: PathBuf,
    pub(crate) origin: Origin,
    /// What it is, or why it cannot be used.
    pub(crate) answer: Result<Library, String>,
}

/// A library that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Library {
    pub(crate) version: String,
    pub(crate) sha256: Sha256Digest,
    pub(crate) bytes: u64,
    /// Whether the part that computes on NVIDIA GPUs lies beside it.
    pub(crate) cuda: bool,
}

/// All libraries that are found, the one to be preferred first.
pub(crate) fn find(data: &DataDirectory, executable: &Path) -> Vec<FoundLibrary> {
    let places = Places {
        named: std::env::var_os(NAMED).filter(|path| !path.is_empty()).map(PathBuf::from),
        installed: data.engines(),
        system: system_folders(),
    };
    let tried = candidates(&places).into_iter().map(|candidate| FoundLibrary {
        answer: ask(executable, &candidate.path),
        path: candidate.path,
        origin: candidate.origin,
    });
    tried.collect()
}

/// Tries one library as an agent would meet it: in a process of its own, which a broken
/// library may end, and with no search path of the user's.
pub(super) fn ask(executable: &Path, library: &Path) -> Result<Library, String> {
    let path = std::path::absolute(library).map_err(|error| error.to_string())?;
    let (sha256, bytes) = digest_of_file(&path).map_err(|error| error.to_string())?;
    let output = Command::new(executable)
        .arg(VERSION_ROLE)
        .arg(&path)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("it cannot be tried: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if !output.status.success() {
        let said = text(&output.stderr);
        let ended = format!("loading it ended the process ({})", output.status);
        return Err(if said.is_empty() { ended } else { said });
    }
    let provider = path.with_file_name("libonnxruntime_providers_cuda.so");
    Ok(Library { version: text(&output.stdout), sha256, bytes, cuda: provider.is_file() })
}

/// The role [`VERSION_ROLE`].
pub(crate) fn version_role(library: &Path) -> Result<String, Box<dyn std::error::Error>> {
    Ok(version_of(library)?)
}
