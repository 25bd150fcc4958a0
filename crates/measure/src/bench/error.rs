use std::io;
use std::path::PathBuf;

use thiserror::Error;
use weighbridge_experiment::ByteSize;

/// Why a benchmark could not be done.
#[derive(Debug, Error)]
pub enum BenchmarkError {
    /// It needs more than a place.
    #[error("a benchmark of kind `{0}` is not done inside one environment alone")]
    NotAlone(&'static str),
    /// A thread could not be started.
    #[error("a thread of the benchmark cannot be started; raise the limit of processes")]
    Thread(#[source] io::Error),
    /// A thread ended by itself.
    #[error("a thread of the benchmark met a bug in itself: {0}")]
    Panicked(&'static str),
    /// The files do not fit.
    #[error(
        "the disk is full: {needed} are needed in {directory}, {available} are free; free some, or give a smaller `size`"
    )]
    DiskFull {
        /// Bytes of all files.
        needed: ByteSize,
        /// Bytes that are free.
        available: ByteSize,
        /// Where they were to lie.
        directory: PathBuf,
    },
    /// A file could not be used.
    #[error("cannot {what} {path}")]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The kernel of the computation is wrong: its figures would be of other work.
    #[error("the benchmark computed {found} where {expected} is right; its figures are not used")]
    WrongResult {
        /// What came out.
        found: f64,
        /// What had to.
        expected: f64,
    },
    /// The other tool's output is not what it writes.
    #[error("the output of {tool} cannot be read: {reason}")]
    Output {
        /// The tool.
        tool: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl BenchmarkError {
    pub(super) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}
