//! Model and inputs: read whole, and taken only if their digest is the planned one.

use std::fs::File;
use std::io::Read;
use std::path::Path;

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
    let found = Sha256Digest::of(&content);
    if found != file.sha256 {
        let why = format!(
            "its SHA-256 is {}, {} was planned; the file changed since, or was not copied whole",
            found, file.sha256
        );
        return Err(fail(why));
    }
    Ok(content)
}
