//! System benchmarks: what the environment in which this runs gives by itself.
//!
//! Each does the work of a peer that readers know (sysbench, STREAM, fio) by the peer's own
//! definition, so that its figures can be held beside theirs. What this module does **not**
//! know: environments, trials, statistics over trials. It keeps its files in one directory
//! that it is given, and removes them.

mod cpu;
mod error;
mod fileio;
mod fio;
mod latency;
mod memory;
mod page_cache;
mod threads;
mod transfer;

use std::path::PathBuf;

use weighbridge_experiment::{Benchmark, BenchmarkRow, TransferBenchmark};

pub use error::BenchmarkError;
pub use transfer::SshClient;

/// Where a benchmark runs, and how much of it.
#[derive(Debug, Clone)]
pub struct BenchmarkPlace {
    /// For its files; it makes a directory of its own in it and removes it.
    pub directory: PathBuf,
    /// How many threads do its work at once.
    pub threads: u32,
}

/// How much of a benchmark is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// A moment of each of its parts, to see whether it can be done at all.
    Rehearsal,
}

/// A rehearsal takes so long for each part.
const REHEARSAL_SECONDS: f64 = 0.02;

impl Extent {
    fn seconds(self, whole: f64) -> f64 {
        match self {
            Self::Whole => whole,
            Self::Rehearsal => whole.min(REHEARSAL_SECONDS),
        }
    }
}

/// Does a benchmark; a row for each of its parts, in the same order every time.
///
/// # Errors
///
/// Where the benchmark could not be done for a reason that has nothing to do with the kind of
/// environment, such as a full disk. What an environment cannot do is a row without figures.
pub fn run_benchmark(
    benchmark: &Benchmark,
    place: &BenchmarkPlace,
    extent: Extent,
) -> Result<Vec<BenchmarkRow>, BenchmarkError> {
    match benchmark {
        Benchmark::Cpu(cpu) => cpu::run(*cpu, place.threads, extent).map(|row| vec![row]),
        Benchmark::Memory(memory) => memory::run(*memory, place.threads, extent),
        Benchmark::Fileio(fileio) => fileio::run(fileio, place, extent),
        Benchmark::Startup(_) | Benchmark::Density(_) | Benchmark::Transfer(_) => {
            Err(BenchmarkError::NotAlone(benchmark.kind()))
        }
    }
}

/// Sends files to an ssh server; a row for each way of connecting.
#[must_use]
pub fn run_transfer(
    transfer: &TransferBenchmark,
    client: &SshClient,
    extent: Extent,
) -> Vec<BenchmarkRow> {
    transfer::run(transfer, client, extent)
}
