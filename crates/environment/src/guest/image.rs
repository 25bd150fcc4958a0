//! The archive that guests of one agent and one kernel unpack: made once, kept by content.
//!
//! Everything that differs between instances is on the kernel's command line or comes in
//! later, so that one archive serves them all. Does not know what boots it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use weighbridge_experiment::Sha256Digest;

use super::archive::Archive;
use super::{AGENT, Kernel, LIBRARIES, MODULES, RUN};
use crate::error::EnvironmentError;
use crate::libraries::needed_files;

/// Older ones are removed when another is made.
const KEPT: usize = 4;
/// QEMU's user networking answers names at this address.
const RESOLVER: &[u8] = b"nameserver 10.0.2.3\n";

static ARCHIVES: AtomicU32 = AtomicU32::new(0);

/// Device, number, length and time of a file: while these stay, so does its content.
type Identity = (u64, u64, u64, i64, i64);

/// The archives of one store.
#[derive(Debug, Default)]
pub(crate) struct Images {
    /// Reading tens of megabytes before each start would be counted as starting.
    known: Mutex<HashMap<(Identity, Sha256Digest), PathBuf>>,
}

impl Images {
    /// The archive for this agent and this kernel, made where it is not there yet.
    pub(crate) fn of(
        &self,
        store: &Path,
        executable: &Path,
        kernel: &Kernel,
    ) -> Result<PathBuf, EnvironmentError> {
        let identity = identity(executable).map_err(EnvironmentError::file("find", executable))?;
        let key = (identity, kernel.sha256.clone());
        // The map is whole even if a thread panicked while it held the lock.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = known.get(&key).filter(|path| path.is_file()) {
            return Ok(path.clone());
        }
        let path = made(store, executable, kernel)?;
        known.insert(key, path.clone());
        Ok(path)
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

/// Where each file of the host goes.
fn files(
    store: &Path,
    executable: &Path,
    kernel: &Kernel,
) -> Result<Vec<(String, PathBuf)>, EnvironmentError> {
    let inside = |path: &Path| path.to_string_lossy().trim_start_matches('/').to_owned();
    let mut files = vec![(inside(Path::new(AGENT)), executable.to_owned())];
    for needed in needed_files(executable)? {
        files.push((inside(&needed.inside), needed.host));
    }
    for (name, path) in kernel.module_files(store) {
        files.push((inside(&Path::new(MODULES).join(name)), path));
    }
    Ok(files)
}

fn made(store: &Path, executable: &Path, kernel: &Kernel) -> Result<PathBuf, EnvironmentError> {
    let files = files(store, executable, kernel)?;
    let mut listed = String::from("1\n");
    for (inside, host) in &files {
        let content = fs::read(host).map_err(EnvironmentError::file("read", host))?;
        listed.push_str(&format!("{} {inside}\n", Sha256Digest::of(&content)));
    }
    let digest = Sha256Digest::of(listed.as_bytes());
    let directory = store.join("images");
    let path = directory.join(format!("{}.cpio", digest.short()));
    if path.is_file() {
        return Ok(path);
    }
    fs::create_dir_all(&directory)
        .map_err(EnvironmentError::file("create directory", &directory))?;
    // Others may be making the same one, in this process too; the last to be done wins.
    let number = ARCHIVES.fetch_add(1, Ordering::Relaxed);
    let partial =
        directory.join(format!("{}.partial-{}-{number}", digest.short(), std::process::id()));
    let written = write(&partial, &files);
    if let Err(source) = written {
        // Half an archive is of no use to anyone.
        let _ = fs::remove_file(&partial);
        return Err(EnvironmentError::file("write", partial)(source));
    }
    fs::rename(&partial, &path).map_err(EnvironmentError::file("rename to", &path))?;
    forget_old(&directory);
    Ok(path)
}

fn write(path: &Path, files: &[(String, PathBuf)]) -> io::Result<()> {
    let mut archive = Archive::new(BufWriter::with_capacity(1 << 20, File::create(path)?));
    let mut directories: Vec<String> = Vec::new();
    let standing = ["dev", "proc", "sys", "tmp", "etc", &RUN[1..], &LIBRARIES[1..], &MODULES[1..]];
    let of_files = files.iter().filter_map(|(inside, _)| Path::new(inside).parent());
    for directory in standing.iter().map(Path::new).chain(of_files) {
        let above: Vec<_> = directory.ancestors().filter(|path| *path != Path::new("")).collect();
        for path in above.into_iter().rev() {
            let path = path.to_string_lossy().into_owned();
            if !directories.contains(&path) {
                archive.directory(&path)?;
                directories.push(path);
            }
        }
    }
    archive.directory(&format!("{}/work", &RUN[1..]))?;
    // The first process writes to it before there is anything else.
    archive.device("dev/console", 5, 1)?;
    archive.file("etc/resolv.conf", RESOLVER.len() as u64, RESOLVER)?;
    archive.symbolic_link("init", &AGENT[1..])?;
    for (inside, host) in files {
        let content = File::open(host)?;
        archive.file(inside, content.metadata()?.len(), content)?;
    }
    archive.finish().map(drop)
}

/// A failure costs space, nothing else.
fn forget_old(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<_> =
        entries.filter_map(|entry| Some((entry.metadata().ok()?.mtime(), entry.path()))).collect();
    found.sort();
    let excess = found.len().saturating_sub(KEPT);
    for (_, path) in found.into_iter().take(excess) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_archive_and_others_another() {
        let place = tempfile::tempdir().unwrap();
        let kernel = Kernel {
            release: "6.1".into(),
            sha256: Sha256Digest::of(b"kernel"),
            modules: vec!["virtio".into()],
            origin: "a test".into(),
        };
        let module = kernel.module_files(place.path())[0].1.clone();
        fs::create_dir_all(module.parent().unwrap()).unwrap();
        fs::write(&module, "module").unwrap();
        // Static, as far as its headers say: no libraries are looked for.
        let agent = place.path().join("agent");
        let mut executable = vec![0; 64];
        executable[..6].copy_from_slice(b"\x7fELF\x02\x01");
        fs::write(&agent, &executable).unwrap();

        let images = Images::default();
        let first = images.of(place.path(), &agent, &kernel).unwrap();
        let content = fs::read(&first).unwrap();
        fs::remove_file(&first).unwrap();
        assert_eq!(images.of(place.path(), &agent, &kernel).unwrap(), first);
        assert_eq!(fs::read(&first).unwrap(), content);
        executable.push(7);
        fs::write(&agent, &executable).unwrap();
        assert_ne!(images.of(place.path(), &agent, &kernel).unwrap(), first);
    }
}
