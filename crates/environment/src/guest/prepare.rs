//! Getting a kernel for guests: a file of the user's, what the distribution packages (taken
//! apart, not installed), or the kernel of this very host.
//!
//! What is got is kept in the store by the digest of the kernel's image. Does not boot it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use thiserror::Error;
use weighbridge_experiment::Sha256Digest;

use super::kernel::{Kernel, module_file, release};
use super::modules::{self, ESSENTIAL, Found};
use crate::error::EnvironmentError;

/// Packages that depend on the newest kernel made for virtual machines; Debian's.
const PACKAGE: &str = "linux-image-cloud-amd64";

/// Where a kernel is to be got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KernelSource {
    /// What the distribution packages, else the kernel of this host.
    Automatic,
    /// A file.
    File {
        /// The kernel's image.
        kernel: PathBuf,
        /// A directory such as `/lib/modules/RELEASE`; everything needed is built in where
        /// there is none.
        modules: Option<PathBuf>,
    },
}

/// Why there is no kernel for guests.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// A file or directory could not be handled.
    #[error("cannot {action} {path}")]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The file boots nothing.
    #[error("{path} is not the image of a Linux kernel for x86 (bzImage); give a vmlinuz file")]
    NotAKernel {
        /// The file.
        path: PathBuf,
    },
    /// Guests of this kernel could not be talked to.
    #[error(
        "the modules in {directory} lack {ESSENTIAL}, and it is not built in either; give the modules that belong to the kernel"
    )]
    NoConsole {
        /// The directory.
        directory: PathBuf,
    },
    /// Nothing was found and nothing could be got.
    #[error(
        "no kernel for guests: {}; give one with --kernel FILE and --modules DIRECTORY", tried.join("; ")
    )]
    Nothing {
        /// What was tried, and why it gave nothing.
        tried: Vec<String>,
    },
    /// What was got could not be recorded.
    #[error(transparent)]
    Store(#[from] EnvironmentError),
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PrepareError {
    let path = path.to_owned();
    move |source| PrepareError::File { action, path, source }
}

/// Puts a kernel into the store and has guests boot it. `progress` is told each step.
///
/// # Errors
///
/// As the variants of [`PrepareError`] say.
pub fn prepare_kernel(
    store: &Path,
    source: &KernelSource,
    progress: &dyn Fn(&str),
) -> Result<Kernel, PrepareError> {
    fs::create_dir_all(store).map_err(file("create directory", store))?;
    match source {
        KernelSource::File { kernel, modules } => {
            progress("reading the kernel and its modules");
            keep(store, kernel, modules.as_deref(), &kernel.display().to_string())
        }
        KernelSource::Automatic => automatic(store, progress),
    }
}

fn automatic(store: &Path, progress: &dyn Fn(&str)) -> Result<Kernel, PrepareError> {
    let mut tried = Vec::new();
    match packaged(store, progress) {
        Ok(kernel) => return Ok(kernel),
        Err(reason) => tried.push(reason),
    }
    progress("looking at the kernel of this host");
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let image = PathBuf::from(format!("/boot/vmlinuz-{release}"));
    let modules = PathBuf::from(format!("/lib/modules/{release}"));
    if let Err(error) = fs::File::open(&image) {
        tried.push(format!("this host's own kernel: {}: {error}", image.display()));
        return Err(PrepareError::Nothing { tried });
    }
    let modules = modules.is_dir().then_some(modules);
    keep(store, &image, modules.as_deref(), "the kernel of this host")
}

/// Gets the distribution's package and takes it apart; the error says why it gave nothing.
fn packaged(store: &Path, progress: &dyn Fn(&str)) -> Result<Kernel, String> {
    let scratch = store.join(format!("download-{}", std::process::id()));
    let got = fs::create_dir_all(&scratch)
        .map_err(|error| format!("{}: {error}", scratch.display()))
        .and_then(|()| download(store, &scratch, progress));
    // Whatever came of it, nobody needs the package any more.
    let _ = fs::remove_dir_all(&scratch);
    got
}

fn download(store: &Path, scratch: &Path, progress: &dyn Fn(&str)) -> Result<Kernel, String> {
    progress("asking apt for the distribution's kernel");
    let depends = run(Command::new("apt-cache").args(["depends", PACKAGE]))?;
    let package = dependency(&String::from_utf8_lossy(&depends.stdout))
        .ok_or_else(|| format!("apt knows no package {PACKAGE}; try `apt-get update`"))?;
    progress(&format!("downloading {package}"));
    run(Command::new("apt-get").args(["-q", "download", &package]).current_dir(scratch))?;
    let archive =
        first(scratch, |name| name.ends_with(".deb")).ok_or("apt-get download left no package")?;
    progress(&format!("unpacking {package}"));
    let unpacked = scratch.join("unpacked");
    run(Command::new("dpkg").arg("-x").arg(&archive).arg(&unpacked))?;
    let image = first(&unpacked.join("boot"), |name| name.starts_with("vmlinuz-"))
        .ok_or_else(|| format!("{package} holds no boot/vmlinuz"))?;
    // Newer releases keep them below usr.
    let modules = ["lib/modules", "usr/lib/modules"]
        .iter()
        .find_map(|place| first(&unpacked.join(place), |_| true))
        .ok_or_else(|| format!("{package} holds no modules"))?;
    keep(store, &image, Some(&modules), &format!("the distribution's package {package}"))
        .map_err(|error| chain(&error))
}

/// The package behind `Depends:`, as `apt-cache depends` lists it.
fn dependency(text: &str) -> Option<String> {
    let name = text.lines().find_map(|line| line.trim().strip_prefix("Depends:"))?.trim();
    name.starts_with("linux-image-").then(|| name.to_owned())
}

fn first(directory: &Path, wanted: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| wanted(name))
        .collect();
    names.sort();
    names.first().map(|name| directory.join(name))
}

fn run(command: &mut Command) -> Result<Output, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(format!("{program} ended with {}: {}", output.status, last.trim()))
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

/// Puts a kernel with its modules into the store, and into use.
fn keep(
    store: &Path,
    image: &Path,
    modules: Option<&Path>,
    origin: &str,
) -> Result<Kernel, PrepareError> {
    let content = fs::read(image).map_err(file("read", image))?;
    let release = release(image).map_err(file("read", image))?;
    let release = release.ok_or_else(|| PrepareError::NotAKernel { path: image.to_owned() })?;
    let found = match modules {
        Some(directory) => modules::find(directory).map_err(file("read modules in", directory))?,
        None => Found { modules: Vec::new(), missing: Vec::new() },
    };
    if let Some(directory) = modules.filter(|_| found.missing.contains(&ESSENTIAL)) {
        return Err(PrepareError::NoConsole { directory: directory.to_owned() });
    }
    let kernel = Kernel {
        release,
        sha256: Sha256Digest::of(&content),
        modules: found.modules.iter().map(|module| module.name.clone()).collect(),
        origin: origin.to_owned(),
    };
    let directory = Kernel::directory(store, &kernel.sha256);
    let partial = directory.with_extension(format!("partial-{}", std::process::id()));
    fs::create_dir_all(&partial).map_err(file("create directory", &partial))?;
    let write = |name: &str, content: &[u8]| {
        let path = partial.join(name);
        fs::write(&path, content).map_err(file("write", &path))
    };
    write("vmlinuz", &content)?;
    for (number, module) in found.modules.iter().enumerate() {
        write(&module_file(number, &module.name), &module.content)?;
    }
    // One of an earlier preparation may lack a module that this one has.
    let _ = fs::remove_dir_all(&directory);
    fs::rename(&partial, &directory).map_err(file("rename to", &directory))?;
    kernel.put_in_use(store)?;
    Ok(kernel)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of an image, without anything that could be booted.
    fn image_stand_in() -> Vec<u8> {
        let mut image = vec![0; 0x400];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        image[0x300..0x308].copy_from_slice(b"6.1.0 #1");
        image
    }

    fn prepare(
        store: &Path,
        kernel: &Path,
        modules: Option<&Path>,
    ) -> Result<Kernel, PrepareError> {
        let source =
            KernelSource::File { kernel: kernel.to_owned(), modules: modules.map(Path::to_owned) };
        prepare_kernel(store, &source, &|_| {})
    }

    #[test]
    fn a_kernel_of_the_users_is_kept_with_its_modules() {
        let place = tempfile::tempdir().unwrap();
        let (store, image) = (place.path().join("store"), place.path().join("vmlinuz"));
        fs::write(&image, image_stand_in()).unwrap();
        let modules = place.path().join("modules");
        fs::create_dir(&modules).unwrap();
        let lacking = prepare(&store, &image, Some(&modules)).unwrap_err().to_string();
        assert!(lacking.contains("virtio_console"), "{lacking}");
        assert_eq!(Kernel::in_use(&store).unwrap(), None, "what failed is not put into use");

        fs::write(modules.join("virtio_console.ko"), b"\0depends=\0").unwrap();
        let kernel = prepare(&store, &image, Some(&modules)).unwrap();
        assert_eq!(
            (kernel.release.as_str(), &kernel.modules[..]),
            ("6.1.0", &["virtio_console".to_owned()][..])
        );
        assert!(kernel.is_whole(&store));
        assert_eq!(Kernel::in_use(&store).unwrap(), Some(kernel.clone()));
        assert_eq!(prepare(&store, &image, Some(&modules)).unwrap(), kernel, "and once more");
    }

    #[test]
    fn what_is_no_kernel_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let image = place.path().join("photo.jpg");
        fs::write(&image, "a photo").unwrap();
        let refused = prepare(place.path(), &image, None).unwrap_err();
        assert!(matches!(refused, PrepareError::NotAKernel { .. }), "{refused}");
        let missing = place.path().join("nothing");
        assert!(matches!(prepare(place.path(), &missing, None), Err(PrepareError::File { .. })));
    }

    #[test]
    fn the_kernel_is_told_from_other_packages() {
        let text = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-48-cloud-amd64\n";
        assert_eq!(dependency(text).as_deref(), Some("linux-image-6.1.0-48-cloud-amd64"));
        assert_eq!(dependency("x\n  Depends: --something\n"), None);
        assert_eq!(dependency(""), None);
    }
}
