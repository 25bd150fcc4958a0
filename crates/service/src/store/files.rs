//! The directory of a store: `content/DIGEST` and `results/ID.json`.
//!
//! A file is written under another name first and renamed, so that one that is there is
//! whole whatever killed the process.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use axum::body::Bytes;

use super::{Entry, StoreError};

/// Paths below one directory, made of digests and random numbers only.
pub(super) struct Files {
    content: PathBuf,
    results: PathBuf,
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File { action, path, source }
}

impl Files {
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        let files = Self { content: directory.join("content"), results: directory.join("results") };
        for path in [&files.content, &files.results] {
            // Other people's photos: for this user's eyes only.
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(failed("create", path))?;
        }
        Ok(files)
    }

    /// Every result that can be read and whose files are there. One that was cut short, or is
    /// of another version, is dropped: results are for looking at, not records.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        let mut found = Vec::new();
        for path in names(&self.results)? {
            let text = fs::read(&path).map_err(failed("read", &path))?;
            match serde_json::from_slice::<Entry>(&text) {
                Ok(entry) if self.is_whole(&entry, &path) => found.push(entry),
                _ => fs::remove_file(&path).map_err(failed("remove", &path))?,
            }
        }
        Ok(found)
    }

    fn is_whole(&self, entry: &Entry, path: &Path) -> bool {
        let named = path.file_stem().is_some_and(|stem| stem == entry.id.as_str());
        let is_digest =
            |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        named
            && entry.kept().all(|kept| {
                is_digest(&kept.sha256)
                    && fs::metadata(self.content.join(&kept.sha256))
                        .is_ok_and(|file| file.len() == kept.bytes)
            })
    }

    /// Removes files that no result shows: a process was killed between the two.
    pub(super) fn remove_unused(&self, used: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        for path in names(&self.content)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !used(&name) {
                fs::remove_file(&path).map_err(failed("remove", &path))?;
            }
        }
        Ok(())
    }

    pub(super) fn write(&self, digest: &str, content: &Bytes) -> Result<(), StoreError> {
        let path = self.content.join(digest);
        if path.exists() {
            return Ok(());
        }
        write_whole(&path, content)
    }

    pub(super) fn read(&self, digest: &str) -> Result<Option<Bytes>, StoreError> {
        let path = self.content.join(digest);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    pub(super) fn remove(&self, digest: &str) -> Result<(), StoreError> {
        remove(&self.content.join(digest))
    }

    pub(super) fn write_entry(&self, entry: &Entry) -> Result<(), StoreError> {
        let path = self.result(&entry.id);
        let text = serde_json::to_vec(entry).map_err(io::Error::from);
        write_whole(&path, &text.map_err(failed("write", &path))?)
    }

    pub(super) fn remove_entry(&self, id: &str) -> Result<(), StoreError> {
        remove(&self.result(id))
    }

    fn result(&self, id: &str) -> PathBuf {
        self.results.join(format!("{id}.json"))
    }
}

fn names(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = fs::read_dir(directory).map_err(failed("read", directory))?;
    let paths: Result<Vec<PathBuf>, io::Error> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect();
    paths.map_err(failed("read", directory))
}

fn write_whole(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let part = path.with_extension("part");
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&part, path));
    written.map_err(failed("write", path))
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}
