//! Model, inputs and libraries: taken only if their digest is the planned one.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use weighbridge_experiment::Sha256Digest;

use crate::wire::{Failure, FileToRead, Stage};

/// Largest file that is read into memory: 1 GiB.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// The content of a file below `base`.
pub(crate) fn read_verified(
    base: &Path,
    what: &str,
    file: &FileToRead,
) -> Result<Vec<u8>, Failure> {
    let path = base.join(&file.path);
    let fail = |why: String| {
        Failure::new(
            Stage::Prepare,
            format!("cannot use {what} `{}` ({}): {why}", file.name, path.display()),
        )
    };
    let opened = File::open(&path).map_err(|error| fail(error.to_string()))?;
    let mut content = Vec::new();
    let length = opened.metadata().map(|metadata| metadata.len()).unwrap_or(0);
    if length <= FILE_BYTES_MAX {
        content.reserve_exact(usize::try_from(length).unwrap_or(0));
    }
    opened
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut content)
        .map_err(|error| fail(error.to_string()))?;
    if content.len() as u64 > FILE_BYTES_MAX {
        return Err(fail("it is larger than 1 GiB, the most that is read".to_owned()));
    }
    compare(&Sha256Digest::of(&content), file).map_err(fail)?;
    Ok(content)
}

/// The absolute path of a file below or beside `base` whose content is the planned one. It is
/// read in pieces: a library of 30 MB must not stay in the agent's memory.
pub(crate) fn verified_path(
    base: &Path,
    what: &str,
    file: &FileToRead,
) -> Result<PathBuf, Failure> {
    let path = base.join(&file.path);
    let fail = |why: String| {
        Failure::new(
            Stage::Prepare,
            format!("cannot use {what} `{}` ({}): {why}", file.name, path.display()),
        )
    };
    let mut opened = File::open(&path).map_err(|error| fail(error.to_string()))?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match opened.read(&mut piece).map_err(|error| fail(error.to_string()))? {
            0 => break,
            length => hasher.update(&piece[..length]),
        }
    }
    compare(&Sha256Digest::finish(hasher), file).map_err(fail)?;
    path.canonicalize().map_err(|error| fail(error.to_string()))
}

fn compare(found: &Sha256Digest, file: &FileToRead) -> Result<(), String> {
    if *found == file.sha256 {
        return Ok(());
    }
    Err(format!(
        "its SHA-256 is {found}, {} was planned; the file changed since, or was not copied whole",
        file.sha256
    ))
}
