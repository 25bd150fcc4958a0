//! The shared library of ONNX Runtime, opened from a path that the caller names.
//!
//! Nothing is searched for here: an agent loads exactly the file that its run was planned
//! with. A process can hold one ONNX Runtime only (its environment is a global of the
//! library), so the first one opened stays until the process ends; asking for another file
//! afterwards is an error, not a silent change.

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LOCAL, RTLD_NOW};
use ort::environment::Environment;
use thiserror::Error;

/// dlopen(3): answer only whether it is loaded already. Not exported by `libloading`.
#[cfg(target_os = "linux")]
const RTLD_NOLOAD: i32 = 4;

/// The oldest ONNX Runtime whose interface this version can call: 1.23, as the `ort` crate is
/// built with its feature `api-23`.
pub const MINOR_VERSION_LEAST: u32 = ort::MINOR_VERSION;

/// The files of an ONNX Runtime.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LibraryFiles {
    /// `libonnxruntime.so`, absolute.
    pub library: PathBuf,
    /// Libraries that it needs and that the system's loader may not find, absolute, in any
    /// order. Those that the process has loaded already are left alone.
    pub dependencies: Vec<PathBuf>,
}

/// Why a library cannot be used as ONNX Runtime.
#[derive(Debug, Error)]
pub enum LibraryError {
    /// The process holds another one.
    #[error(
        "this process has loaded the ONNX Runtime {} already and can hold one only, {} was asked for; use one library in a process",
        loaded.display(), asked.display()
    )]
    AnotherIsLoaded {
        /// The one that it holds.
        loaded: PathBuf,
        /// The one that was asked for.
        asked: PathBuf,
    },
    /// An engine was to be loaded before any library was.
    #[error("no ONNX Runtime library is loaded in this process")]
    NoneIsLoaded,
    /// The path would be searched for along the system's directories.
    #[error("`{}` is not an absolute path; a library is never searched for, name the file", .0.display())]
    NotAbsolute(PathBuf),
    /// The system's loader refuses the library or one that it needs.
    #[error("cannot load the library {}: {detail}", path.display())]
    Open {
        /// The library.
        path: PathBuf,
        /// What the loader says.
        detail: String,
    },
    /// It is a library, but of something else.
    #[error("{} is not an ONNX Runtime: it has no `OrtGetApiBase`", path.display())]
    NotOnnxRuntime {
        /// The library.
        path: PathBuf,
    },
    /// Its interface is older than the one that is called here.
    #[error(
        "{} is ONNX Runtime {version}, 1.{MINOR_VERSION_LEAST} or later is needed; `weighbridge engine install onnxruntime` gets one",
        path.display()
    )]
    TooOld {
        /// The library.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// Its environment cannot be made.
    #[error("ONNX Runtime {} does not start: {detail}", path.display())]
    Start {
        /// The library.
        path: PathBuf,
        /// What it says.
        detail: String,
    },
}

/// A loaded ONNX Runtime; there is at most one in a process.
#[derive(Debug)]
pub(crate) struct Runtime {
    pub(crate) environment: Environment,
    pub(crate) version: String,
    path: PathBuf,
}

static RUNTIME: OnceLock<Runtime> = OnceLock::new();
static OPENING: Mutex<()> = Mutex::new(());

impl Runtime {
    /// The one of this process.
    pub(crate) fn current() -> Result<&'static Self, LibraryError> {
        RUNTIME.get().ok_or(LibraryError::NoneIsLoaded)
    }

    /// Loads the library with what it needs, or gives the loaded one if it is this very file.
    pub(crate) fn open(files: &LibraryFiles) -> Result<&'static Self, LibraryError> {
        // The lock guards only the order of opening; the cell is whole whatever panicked.
        let _one_at_a_time = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = RUNTIME.get() {
            return runtime.is_of(&files.library);
        }
        preload(&files.dependencies)?;
        let version = version_of(&files.library)?;
        let path = files.library.clone();
        let start = |detail: String| LibraryError::Start { path: path.clone(), detail };
        let environment = ort::init_from(&files.library)
            .map_err(|error| start(error.to_string()))?
            .with_name("weighbridge")
            .with_telemetry(false)
            .build()
            .map_err(|error| start(error.to_string()))?;
        let path = files.library.clone();
        Ok(RUNTIME.get_or_init(|| Self { environment, version, path }))
    }

    fn is_of(&'static self, asked: &Path) -> Result<&'static Self, LibraryError> {
        let same = self.path == asked
            || std::fs::canonicalize(&self.path)
                .is_ok_and(|mine| std::fs::canonicalize(asked).is_ok_and(|other| mine == other));
        if same {
            return Ok(self);
        }
        Err(LibraryError::AnotherIsLoaded { loaded: self.path.clone(), asked: asked.to_owned() })
    }
}

/// Loads a library and asks it for its version: whether it is an ONNX Runtime that can be
/// called. It stays loaded, so this is for a process of its own or for one about to use it.
///
/// # Errors
///
/// When it cannot be loaded, is something else, or is too old.
#[allow(unsafe_code)]
pub fn version_of(path: &Path) -> Result<String, LibraryError> {
    let library = open(path, RTLD_LOCAL)?;
    let not_one = || LibraryError::NotOnnxRuntime { path: path.to_owned() };
    // SAFETY: the symbol has this type in every ONNX Runtime since 1.0 (`OrtGetApiBase` in
    // onnxruntime_c_api.h). A library of another maker that exports the same name with
    // another type would break this, as it would break every program that uses it.
    let base = unsafe {
        let get: libloading::os::unix::Symbol<
            unsafe extern "C" fn() -> *const ort::sys::OrtApiBase,
        > = library.get(b"OrtGetApiBase\0").map_err(|_| not_one())?;
        get()
    };
    // The library is never unloaded: threads and exit handlers of it may outlive any owner.
    std::mem::forget(library);
    if base.is_null() {
        return Err(not_one());
    }
    // SAFETY: the pointer is not null and points to a constant of the library, which stays
    // loaded; `GetVersionString` gives a constant C string (same header).
    let (version, api) = unsafe {
        let version = CStr::from_ptr(((*base).GetVersionString)());
        (version.to_string_lossy().into_owned(), ((*base).GetApi)(MINOR_VERSION_LEAST))
    };
    if api.is_null() {
        return Err(LibraryError::TooOld { path: path.to_owned(), version });
    }
    Ok(version)
}

/// Loads libraries that are named by their paths, each before those that need it. Their order
/// is found by trying: a library that needs one that is not there yet is tried again.
fn preload(dependencies: &[PathBuf]) -> Result<(), LibraryError> {
    let mut waiting: Vec<&PathBuf> = dependencies.iter().filter(|path| !is_loaded(path)).collect();
    while !waiting.is_empty() {
        let mut refused = Vec::new();
        let mut last = None;
        let before = waiting.len();
        for path in waiting {
            match open(path, RTLD_GLOBAL) {
                Ok(library) => std::mem::forget(library),
                Err(error) => {
                    last = Some(error);
                    refused.push(path);
                }
            }
        }
        if let Some(error) = last.filter(|_| refused.len() == before) {
            return Err(error);
        }
        waiting = refused;
    }
    Ok(())
}

/// Whether the process has a library of this file name: a second C library beside the first
/// would be the end of it.
#[allow(unsafe_code)]
fn is_loaded(path: &Path) -> bool {
    let Some(name) = path.file_name() else { return false };
    // SAFETY: with RTLD_NOLOAD nothing is loaded and no code of a library runs.
    unsafe { Library::open(Some(name), RTLD_NOW | RTLD_NOLOAD) }.map(std::mem::forget).is_ok()
}

#[allow(unsafe_code)]
fn open(path: &Path, scope: i32) -> Result<Library, LibraryError> {
    if !path.is_absolute() {
        return Err(LibraryError::NotAbsolute(path.to_owned()));
    }
    // SAFETY: loading runs the library's initialisers. The file is one that the user
    // installed or named as ONNX Runtime, or one that the system's loader would load for it;
    // in an agent its digest was compared with the plan's before.
    unsafe { Library::open(Some(path), RTLD_NOW | scope) }.map_err(|error| LibraryError::Open {
        path: path.to_owned(),
        detail: loader_says(&error, path),
    })
}

/// The loader's own words, which `libloading` keeps behind a general text; most begin with the
/// path that stands before them already.
fn loader_says(error: &libloading::Error, path: &Path) -> String {
    let words = match error {
        libloading::Error::DlOpen { source, .. } => source.to_string(),
        other => other.to_string(),
    };
    let prefix = format!("{}: ", path.display());
    words.strip_prefix(&prefix).map_or_else(|| words.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_directory_is_never_searched_for() {
        let refused = version_of(Path::new("libonnxruntime.so")).expect_err("a bare name");
        assert!(matches!(refused, LibraryError::NotAbsolute(_)), "{refused}");
    }

    #[test]
    fn files_that_are_no_library_are_refused_with_their_path() {
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let refused = version_of(Path::new(here)).expect_err("a text").to_string();
        assert!(refused.contains(here) && refused.contains("ELF"), "{refused}");
    }

    #[test]
    fn libraries_of_something_else_are_told_apart() {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("this process");
        let library = maps
            .lines()
            .filter_map(|line| line.split_whitespace().last())
            .find(|path| path.contains("/libc.so") || path.contains("/libc-"));
        let Some(library) = library else {
            eprintln!("LEFT OUT: this test is linked statically, there is no C library to load");
            return;
        };
        let refused = version_of(Path::new(library)).expect_err("not ONNX Runtime");
        assert!(matches!(refused, LibraryError::NotOnnxRuntime { .. }), "{refused}");
        assert!(is_loaded(Path::new(library)));
    }

    #[test]
    fn a_library_that_nothing_can_satisfy_ends_the_tries() {
        let missing = [PathBuf::from("/nowhere/liba.so.1"), PathBuf::from("/nowhere/libb.so.1")];
        let refused = preload(&missing).expect_err("they are not there");
        assert!(matches!(refused, LibraryError::Open { .. }), "{refused}");
    }
}
