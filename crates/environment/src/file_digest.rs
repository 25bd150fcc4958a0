//! Digests of files of this host, each file read once for as long as it does not change.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use weighbridge_experiment::Sha256Digest;

use crate::error::EnvironmentError;

/// A file as it was when its digest was taken.
type Version = (PathBuf, u64, i64, i64, u64);

/// Digests of files that were read before: an instance a block asks for the same ones.
static DIGESTS: Mutex<Option<HashMap<Version, Sha256Digest>>> = Mutex::new(None);

/// The digest of a file's content.
pub(crate) fn digest_of(path: &Path) -> Result<Sha256Digest, EnvironmentError> {
    let found = fs::metadata(path).map_err(EnvironmentError::file("read", path))?;
    let version = (path.to_owned(), found.ino(), found.mtime(), found.mtime_nsec(), found.len());
    // The map is whole even if a thread panicked while it held the lock.
    let known = || DIGESTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(digest) = known().get_or_insert_default().get(&version) {
        return Ok(digest.clone());
    }
    let content = fs::read(path).map_err(EnvironmentError::file("read", path))?;
    let digest = Sha256Digest::of(&content);
    known().get_or_insert_default().insert(version, digest.clone());
    Ok(digest)
}
