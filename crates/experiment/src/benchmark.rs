//! System benchmarks: what an environment itself gives, before any application runs in it.
//!
//! A benchmark is asked for as a workload and resolved to itself: it names no file of the host,
//! so the same value stands in the file, in the plan and on the wire. What it gives is a list of
//! [`BenchmarkRow`]s, one for each thing that was measured, in units of its field.

mod result;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ApplicationName, ByteSize};

pub use result::{
    Absence, AbsenceKind, BenchmarkOutcome, BenchmarkRow, BenchmarkUnit, Measured, Quantity,
};

/// One benchmark with its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Benchmark {
    /// Prime numbers by trial division, as `sysbench cpu` counts events.
    Cpu(CpuBenchmark),
    /// Bandwidth of memory, as STREAM defines it.
    Memory(MemoryBenchmark),
    /// Reading and writing of files.
    Fileio(FileioBenchmark),
    /// From request to first result, cold.
    Startup(StartupBenchmark),
    /// Files sent to an ssh server.
    Transfer(TransferBenchmark),
    /// How many instances start and answer side by side.
    Density(DensityBenchmark),
}

impl Benchmark {
    /// What is written as `kind`.
    pub const KINDS: [&str; 6] = ["cpu", "memory", "fileio", "startup", "transfer", "density"];

    /// The kind as it is written in files.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Cpu(_) => "cpu",
            Self::Memory(_) => "memory",
            Self::Fileio(_) => "fileio",
            Self::Startup(_) => "startup",
            Self::Transfer(_) => "transfer",
            Self::Density(_) => "density",
        }
    }

    /// The application that instances of it load, where they load one.
    #[must_use]
    pub const fn application(&self) -> Option<ApplicationName> {
        match self {
            Self::Startup(startup) => Some(startup.application),
            Self::Density(density) => Some(density.application),
            Self::Cpu(_) | Self::Memory(_) | Self::Fileio(_) | Self::Transfer(_) => None,
        }
    }
}

/// Prime numbers by trial division.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CpuBenchmark {
    /// One event tests every number from 3 to this one.
    pub max_prime: u32,
    /// For so long.
    pub seconds: f64,
}

impl Default for CpuBenchmark {
    /// What `sysbench cpu run` does when it is told nothing.
    fn default() -> Self {
        Self { max_prime: 10_000, seconds: 10.0 }
    }
}

/// Bandwidth of memory.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryBenchmark {
    /// Size of each of the arrays; four times the last-level cache that the environment sees
    /// where not given, which is STREAM's rule.
    pub array: Option<ByteSize>,
    /// Each kernel is passed over the arrays again for so long, and ten times at least.
    pub seconds: f64,
}

impl Default for MemoryBenchmark {
    fn default() -> Self {
        Self { array: None, seconds: 2.0 }
    }
}

/// Reading and writing of files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileioBenchmark {
    /// Orders and directions, each measured with every block size.
    pub modes: Vec<FileioMode>,
    /// Bytes of one request.
    pub block_sizes: Vec<ByteSize>,
    /// Bytes of all files together; each thread has a file of its own.
    pub size: ByteSize,
    /// Whether requests pass the page cache of the environment's kernel by (`O_DIRECT`).
    pub direct: bool,
    /// When written data must have reached storage.
    pub sync: SyncPolicy,
    /// Each mode and block size for so long; over the whole size once where not given.
    pub seconds: Option<f64>,
    /// Who does the reading and writing.
    pub tool: FileioTool,
}

impl Default for FileioBenchmark {
    fn default() -> Self {
        let kib = |count: u64| ByteSize(count << 10);
        Self {
            modes: FileioMode::ALL.to_vec(),
            block_sizes: [4, 16, 64, 256, 1024].map(kib).to_vec(),
            size: ByteSize(1_000_000_000),
            direct: true,
            sync: SyncPolicy::End,
            seconds: Some(5.0),
            tool: FileioTool::Own,
        }
    }
}

/// From request to first result: each trial is one cold start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StartupBenchmark {
    /// What is loaded, and does the first inference.
    pub application: ApplicationName,
}

impl Default for StartupBenchmark {
    /// The smallest model that ships: what is timed is the environment.
    fn default() -> Self {
        Self { application: ApplicationName::TrafficLight }
    }
}

/// Files sent to an ssh server by SFTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferBenchmark {
    /// The server, as `host` or `user@host`.
    pub destination: String,
    /// Its port; 22 where not given.
    pub port: Option<u16>,
    /// A private key of this host that the server knows; the ssh client's own where not given.
    pub identity: Option<String>,
    /// The file of this host in which the server's key stands.
    pub known_hosts: String,
    /// How many files.
    pub files: u32,
    /// Bytes of each.
    pub file_size: ByteSize,
}

impl Default for TransferBenchmark {
    /// 300 files of 48 KB, as the edge paper sent them; to nobody yet.
    fn default() -> Self {
        Self {
            destination: String::new(),
            port: None,
            identity: None,
            known_hosts: String::new(),
            files: 300,
            file_size: ByteSize(48_000),
        }
    }
}

/// How many instances start and answer side by side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DensityBenchmark {
    /// What each instance loads and answers with.
    pub application: ApplicationName,
    /// Memory of the host that is never given away.
    pub memory_reserve: ByteSize,
    /// No answer may take longer.
    pub latency_limit_seconds: f64,
    /// Never more instances than these.
    pub instances_max: u32,
}

impl Default for DensityBenchmark {
    fn default() -> Self {
        Self {
            application: ApplicationName::TrafficLight,
            memory_reserve: ByteSize(1 << 30),
            latency_limit_seconds: 1.0,
            instances_max: 100,
        }
    }
}

/// Defines an enum of words: their names in files, and back.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];
            /// Their names.
            pub const NAMES: [&str; [$($word),+].len()] = [$($word),+];

            /// The name as it is written in files.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The one of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|known| known.as_str() == name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.as_str())
            }
        }
    };
}

words! {
    /// Order and direction of requests.
    FileioMode {
        /// One block after the other, read.
        SequentialRead = "sequential-read",
        /// One block after the other, written over.
        SequentialWrite = "sequential-write",
        /// Blocks drawn uniformly, read.
        RandomRead = "random-read",
        /// Blocks drawn uniformly, written over.
        RandomWrite = "random-write",
    }
}

impl FileioMode {
    /// Whether it writes.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::SequentialWrite | Self::RandomWrite)
    }

    /// Whether its blocks are drawn.
    #[must_use]
    pub const fn random(self) -> bool {
        matches!(self, Self::RandomRead | Self::RandomWrite)
    }
}

words! {
    /// When written data must have reached storage.
    SyncPolicy {
        /// Never: what is written may still be in memory.
        Never = "never",
        /// Once, when all is written; the wait is part of the time.
        End = "end",
        /// After every request.
        Each = "each",
    }
}

words! {
    /// Who does the reading and writing.
    FileioTool {
        /// The agent itself: the same everywhere.
        Own = "own",
        /// `fio`, where the environment has it.
        Fio = "fio",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_by_their_names() {
        for mode in FileioMode::ALL {
            assert_eq!(FileioMode::from_name(mode.as_str()), Some(mode));
            let json = serde_json::to_string(&mode).expect("text");
            assert_eq!(json, format!("\"{mode}\""));
        }
        assert_eq!(SyncPolicy::from_name("sometimes"), None);
        assert_eq!(FileioTool::NAMES, ["own", "fio"]);
    }

    #[test]
    fn a_benchmark_survives_a_record() {
        let all = [
            Benchmark::Cpu(CpuBenchmark::default()),
            Benchmark::Memory(MemoryBenchmark::default()),
            Benchmark::Fileio(FileioBenchmark::default()),
            Benchmark::Startup(StartupBenchmark::default()),
            Benchmark::Transfer(TransferBenchmark::default()),
            Benchmark::Density(DensityBenchmark::default()),
        ];
        assert_eq!(all.each_ref().map(Benchmark::kind), Benchmark::KINDS);
        for benchmark in all {
            let json = serde_json::to_string(&benchmark).expect("text");
            assert_eq!(serde_json::from_str::<Benchmark>(&json).expect("read"), benchmark);
        }
    }
}
