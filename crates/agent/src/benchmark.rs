//! A system benchmark, done in the agent's own directory.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use weighbridge_experiment::{
    Benchmark, BenchmarkRow, EngineIdentity, InferenceTiming, Sha256Digest, TransferBenchmark,
};
use weighbridge_measure::{BenchmarkPlace, Extent, SshClient, run_benchmark, run_transfer};

use crate::command::CommandRunner;
use crate::files::{read_verified, verified_path};
use crate::wire::{Failure, Stage, TransferTask};

/// Under this name lies the key that the ssh client is given.
const KEY_NAME: &str = "transfer-identity";

/// Under this name an environment mounts a data disk into the agent's directory.
const DISK_NAME: &str = "disk";

/// A benchmark that can be done again and again.
pub(crate) struct BenchmarkRunner {
    what: What,
    digest: Sha256Digest,
}

enum What {
    Here(Benchmark, BenchmarkPlace),
    Transfer {
        transfer: TransferBenchmark,
        client: SshClient,
        /// The client reads it as long as it runs.
        _key: Option<PrivateKey>,
    },
}

/// A copy of a key that only its owner can read, as ssh demands; gone with the benchmark.
struct PrivateKey(PathBuf);

impl PrivateKey {
    fn write(directory: &Path, content: &[u8]) -> io::Result<Self> {
        let path = directory.join(KEY_NAME);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let key = Self(path);
        file.write_all(content)?;
        Ok(key)
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        // The instance's directory goes in any case.
        let _ = fs::remove_file(&self.0);
    }
}

fn directory(base: &Path) -> Result<PathBuf, Failure> {
    base.join("work").canonicalize().map_err(|error| {
        let reason = format!("the directory for the files of a benchmark is not there: {error}");
        Failure::new(Stage::Prepare, reason)
    })
}

/// The data disk of the instance where it has one, since a guest's own root lies in memory.
fn directory_of_files(base: &Path) -> Result<PathBuf, Failure> {
    let disk = base.join(DISK_NAME);
    if disk.is_dir() {
        return disk.canonicalize().map_err(|error| {
            let reason = format!("the data disk cannot be entered: {error}");
            Failure::new(Stage::Prepare, reason)
        });
    }
    directory(base)
}

impl BenchmarkRunner {
    /// Nothing is done yet.
    pub(crate) fn prepare(
        base: &Path,
        benchmark: &Benchmark,
        threads: u32,
    ) -> Result<Self, Failure> {
        let place = BenchmarkPlace { directory: directory_of_files(base)?, threads };
        // It computes nothing that two cells could agree in but what it was asked to do.
        let asked = format!("{benchmark:?} on {threads} threads");
        let what = What::Here(benchmark.clone(), place);
        Ok(Self { what, digest: Sha256Digest::of(asked.as_bytes()) })
    }

    /// Looks at the ssh client and what it needs; nothing is connected yet.
    pub(crate) fn transfer(base: &Path, task: &TransferTask) -> Result<Self, Failure> {
        let client = CommandRunner::prepare(base, &task.client)?;
        let key = match &task.identity {
            None => None,
            Some(file) => {
                let content = read_verified(base, "private key", file)?;
                let key = PrivateKey::write(&directory(base)?, &content).map_err(|error| {
                    let reason =
                        format!("the private key `{}` cannot be copied: {error}", file.name);
                    Failure::new(Stage::Prepare, reason)
                })?;
                Some(key)
            }
        };
        let client = SshClient {
            program: client.words(),
            identity: key.as_ref().map(|key| key.0.clone()),
            known_hosts: verified_path(base, "known hosts", &task.known_hosts)?,
        };
        let asked = format!("{:?}", task.transfer);
        let what = What::Transfer { transfer: task.transfer.clone(), client, _key: key };
        Ok(Self { what, digest: Sha256Digest::of(asked.as_bytes()) })
    }

    /// No engine runs a benchmark.
    pub(crate) fn engine(threads: u32) -> EngineIdentity {
        EngineIdentity {
            name: "none".to_owned(),
            version: String::new(),
            instruction_set: "as compiled".to_owned(),
            threads,
        }
    }

    pub(crate) const fn digest(&self) -> &Sha256Digest {
        &self.digest
    }

    /// Does it: whole in a trial, a moment of each part in a warm-up.
    pub(crate) fn run(
        &self,
        stage: Stage,
    ) -> Result<(Vec<BenchmarkRow>, InferenceTiming), Failure> {
        let extent = if stage == Stage::Trial { Extent::Whole } else { Extent::Rehearsal };
        let began = Instant::now();
        let rows = match &self.what {
            What::Here(benchmark, place) => run_benchmark(benchmark, place, extent)
                .map_err(|error| Failure::from_error(stage, &error))?,
            What::Transfer { transfer, client, .. } => run_transfer(transfer, client, extent),
        };
        let infer_nanoseconds = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Ok((rows, InferenceTiming { infer_nanoseconds, ..InferenceTiming::default() }))
    }
}
