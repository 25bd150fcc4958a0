//! The files of the benchmark: made whole before anything is timed, removed whatever happens.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise, statvfs};
use weighbridge_experiment::ByteSize;

use super::requests::Random;
use crate::bench::BenchmarkError;

const NAME: &str = "fileio";
const PIECE: usize = 1 << 20;

/// One file a thread, each of the same size. Removed when dropped.
pub(super) struct Files {
    directory: PathBuf,
    threads: u32,
    each: u64,
}

impl Files {
    /// Makes the files and has them on storage.
    pub(super) fn lay_out(below: &Path, threads: u32, each: u64) -> Result<Self, BenchmarkError> {
        let needed = each.saturating_mul(u64::from(threads));
        let full = |available| BenchmarkError::DiskFull {
            needed: ByteSize(needed),
            available: ByteSize(available),
            directory: below.to_owned(),
        };
        let available = available(below);
        if let Some(available) = available.filter(|available| *available < needed) {
            return Err(full(available));
        }
        let directory = below.join(NAME);
        fs::create_dir(&directory)
            .map_err(BenchmarkError::file("make the directory", &directory))?;
        let files = Self { directory, threads, each };
        for number in 0..threads {
            let path = files.path(number);
            fill(&path, each, number).map_err(|error| match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    full(self::available(below).unwrap_or(0))
                }
                _ => BenchmarkError::file("write", path)(error),
            })?;
        }
        Ok(files)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) const fn each(&self) -> u64 {
        self.each
    }

    /// The file of a thread; fio finds it under the same name.
    pub(super) fn path(&self, number: u32) -> PathBuf {
        self.directory.join(number.to_string())
    }

    /// Asks the kernel to forget what it holds of the files, as fio does before a job. It may
    /// decline; how much came from the cache is counted.
    pub(super) fn drop_from_cache(&self) -> Result<(), BenchmarkError> {
        for number in 0..self.threads {
            let path = self.path(number);
            let file = File::open(&path).map_err(BenchmarkError::file("open", &path))?;
            file.sync_all().map_err(BenchmarkError::file("sync", &path))?;
            fadvise(&file, 0, None, Advice::DontNeed).map_err(|error| {
                BenchmarkError::file("drop from the cache", &path)(error.into())
            })?;
        }
        Ok(())
    }

    /// Removes the files, and says where that fails.
    pub(super) fn remove(self) -> Result<(), BenchmarkError> {
        fs::remove_dir_all(&self.directory).map_err(BenchmarkError::file("remove", &self.directory))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // What failed before is said already; the instance's own directory goes anyway.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn available(directory: &Path) -> Option<u64> {
    let found = statvfs(directory).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Content that no storage can compress or find twice.
fn fill(path: &Path, bytes: u64, number: u32) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    let mut random = Random::new(u64::from(number));
    let mut piece = vec![0; PIECE];
    let mut left = bytes;
    while left > 0 {
        random.fill(&mut piece);
        let length = left.min(PIECE as u64) as usize;
        file.write_all(&piece[..length])?;
        left -= length as u64;
    }
    file.sync_all()
}
