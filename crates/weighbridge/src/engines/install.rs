//! Getting ONNX Runtime from PyPI, with the pip there is, into the data directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thiserror::Error;
use weighbridge_inference::engine::onnxruntime::discover::INSTALLED_PREFIX;

use super::find::{Library, ask};
use super::wheel::{WheelError, unpack};
use crate::data_directory::{DataDirectory, DataDirectoryError, create_private};

/// The version that this one was tested and measured with.
pub(crate) const TESTED_VERSION: &str = "1.31.1";

const PYTHONS: [&str; 2] = ["python3", "python"];

/// A distribution on PyPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Package {
    /// For the processor
    Onnxruntime,
    /// For NVIDIA GPUs too; CUDA and cuDNN are not in it
    OnnxruntimeGpu,
}

impl Package {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Onnxruntime => "onnxruntime",
            Self::OnnxruntimeGpu => "onnxruntime-gpu",
        }
    }
}

/// Where the wheel comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// PyPI, in this version.
    Pip { version: String },
    /// A file that is here already; it is left where it is.
    Wheel(PathBuf),
}

/// What is there now.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) path: PathBuf,
    pub(crate) library: Library,
    /// Whether it was there before.
    pub(crate) already: bool,
}

/// Why nothing was installed.
#[derive(Debug, Error)]
pub(crate) enum InstallError {
    #[error(
        "there is no python3 with pip on this host, which the download needs: {reason}; install python3-pip, or fetch the wheel elsewhere (python3 -m pip download --no-deps {package}=={version}) and give it with --from"
    )]
    NoPip { package: &'static str, version: String, reason: String },
    #[error("pip cannot download {package} {version}: {said}")]
    Pip { package: &'static str, version: String, said: String },
    #[error("pip reported success, and {} holds no wheel", path.display())]
    NoWheel { path: PathBuf },
    #[error(transparent)]
    Wheel(#[from] WheelError),
    #[error("{package} {version} was unpacked and cannot be used on this host: {reason}")]
    Unusable { package: String, version: String, reason: String },
    #[error("cannot {action} {}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    DataDirectory(#[from] DataDirectoryError),
}

/// Installs a wheel, unless that version is there already and works.
pub(crate) fn install(
    package: Package,
    source: &Source,
    data: &DataDirectory,
    executable: &Path,
) -> Result<Installed, InstallError> {
    let engines = data.engines();
    create_private(&engines)?;
    if let Source::Pip { version } = source {
        let folder = engines.join(folder_name(package, version));
        if let Some(installed) = working(&folder, executable) {
            return Ok(installed);
        }
    }
    // Everything half-done lies in here and is removed with it, whatever happens.
    let scratch = Scratch::new(&engines)?;
    let wheel = match source {
        Source::Wheel(path) => path.clone(),
        Source::Pip { version } => download(package, version, &scratch.folder("download")?)?,
    };
    let unpacked_into = scratch.folder("unpacked")?;
    let unpacked = unpack(&wheel, &unpacked_into)?;
    let (name, version) =
        unpacked.distribution.rsplit_once('-').unwrap_or((&unpacked.distribution, ""));
    ask(executable, &unpacked_into.join(&unpacked.library)).map_err(|reason| {
        InstallError::Unusable { package: name.to_owned(), version: version.to_owned(), reason }
    })?;
    let package = if name.contains("gpu") { Package::OnnxruntimeGpu } else { Package::Onnxruntime };
    let folder = engines.join(folder_name(package, version));
    if let Some(installed) = working(&folder, executable) {
        return Ok(installed);
    }
    put_in_place(&unpacked_into, &folder, &scratch)?;
    let installed =
        working(&folder, executable).map(|installed| Installed { already: false, ..installed });
    installed.ok_or_else(|| InstallError::Unusable {
        package: name.to_owned(),
        version: version.to_owned(),
        reason: format!("{} holds no library that works", folder.display()),
    })
}

fn folder_name(package: Package, version: &str) -> String {
    let gpu = if package == Package::OnnxruntimeGpu { "gpu-" } else { "" };
    format!("{INSTALLED_PREFIX}{gpu}{version}")
}

/// The library of an installed folder, if it is there and works.
fn working(folder: &Path, executable: &Path) -> Option<Installed> {
    let names = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut libraries = names.filter(|path| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("libonnxruntime.so"))
    });
    let path = libraries.next()?;
    let library = ask(executable, &path).ok()?;
    Some(Installed { path, library, already: true })
}

/// One rename, so that a reader sees the whole folder or none; what was there and did not
/// work goes first.
fn put_in_place(from: &Path, to: &Path, scratch: &Scratch) -> Result<(), InstallError> {
    let failed = |action| {
        let path = to.to_owned();
        move |source| InstallError::File { action, path, source }
    };
    if to.exists() {
        fs::rename(to, scratch.0.join("replaced")).map_err(failed("replace"))?;
    }
    fs::rename(from, to).map_err(failed("move the library to"))
}

/// Has pip fetch one wheel into a folder.
fn download(package: Package, version: &str, folder: &Path) -> Result<PathBuf, InstallError> {
    let name = package.as_str();
    let python = python_with_pip().map_err(|reason| InstallError::NoPip {
        package: name,
        version: version.to_owned(),
        reason,
    })?;
    let wanted = format!("{name}=={version}");
    let fetch = |more: &[String]| {
        Command::new(python)
            .args(["-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--quiet"])
            .args(["--no-deps", "--only-binary", ":all:", "--dest"])
            .arg(folder)
            .args(more)
            .arg(&wanted)
            .stdin(Stdio::null())
            .output()
    };
    let pip_error =
        |said: String| InstallError::Pip { package: name, version: version.to_owned(), said };
    let mut done = fetch(&[]).map_err(|error| pip_error(error.to_string()))?;
    // The library inside is the same for every Python: one that has no wheel of its own takes
    // another's.
    if !done.status.success() && said(&done).contains("No matching distribution") {
        done = fetch(&any_python()).map_err(|error| pip_error(error.to_string()))?;
    }
    if !done.status.success() {
        return Err(pip_error(said(&done)));
    }
    let files = fs::read_dir(folder).map_err(|source| InstallError::File {
        action: "read",
        path: folder.to_owned(),
        source,
    })?;
    let mut wheels = files
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheels.next().ok_or_else(|| InstallError::NoWheel { path: folder.to_owned() })
}

fn any_python() -> Vec<String> {
    let mut options =
        ["--implementation", "cp", "--python-version", "3.12"].map(String::from).to_vec();
    for glibc in ["manylinux_2_28", "manylinux_2_27", "manylinux2014"] {
        options.push("--platform".to_owned());
        options.push(format!("{glibc}_{}", std::env::consts::ARCH));
    }
    options
}

/// The last lines of what pip said.
fn said(output: &std::process::Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(3)..];
    if last.is_empty() { output.status.to_string() } else { last.join("; ") }
}

fn python_with_pip() -> Result<&'static str, String> {
    let mut reasons = Vec::new();
    for python in PYTHONS {
        let tried =
            Command::new(python).args(["-m", "pip", "--version"]).stdin(Stdio::null()).output();
        match tried {
            Ok(output) if output.status.success() => return Ok(python),
            Ok(output) => reasons.push(format!("{python}: {}", said(&output))),
            Err(error) => reasons.push(format!("{python}: {error}")),
        }
    }
    Err(reasons.join(", "))
}

/// A folder that is removed when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    /// Beside the target, so that moving into place is one rename.
    fn new(engines: &Path) -> Result<Self, InstallError> {
        let path = engines.join(format!(".partial-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        create_private(&path)?;
        Ok(Self(path))
    }

    fn folder(&self, name: &str) -> Result<PathBuf, InstallError> {
        let path = self.0.join(name);
        fs::create_dir(&path).map_err(|source| InstallError::File {
            action: "create",
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing can be done about it here; the next installation does not meet it.
        let _ = fs::remove_dir_all(&self.0);
    }
}
