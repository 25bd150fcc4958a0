//! Meters from outside an instance ([`OutsideMeter`]) and from inside it
//! ([`OwnProcessMeter`]).
//!
//! Definitions, the same for every environment:
//! - processor time: the cgroup's counter where there is one, else the processes' ticks;
//! - memory resident: the sum of `VmRSS` over the instance's processes. Not the cgroup's
//!   `memory.current`: that counts page cache, and charges a shared file to whoever read it
//!   first, so that the same work would weigh differently in two environments;
//! - memory peak: the highest sum of `VmHWM` seen, exact for an instance of one process and
//!   an upper bound for more;
//! - storage bytes: `read_bytes` and `write_bytes` of `/proc/PID/io`, the latter counted
//!   when a page is made dirty;
//! - network: all interfaces but `lo` of the instance's own network namespace;
//! - of a virtual machine: all of the above of the program that runs it, besides what that
//!   program counts of the guest's disk and network;
//! - GPU: the whole first NVIDIA GPU, whoever uses it.

mod cgroup;
mod gpu;
mod guest;
mod network;
mod outside;
mod own;
mod paper;
mod pinned;
mod process;
mod tree;

use std::path::PathBuf;

use thiserror::Error;
use weighbridge_experiment::Usage;

pub use outside::{OutsideMeter, process_cpu_nanoseconds, process_cpu_nanoseconds_at};
pub use own::OwnProcessMeter;
pub use paper::PaperMeter;

/// Something that can be read again and again: cumulative counters, and memory now.
pub trait Meter: Send + 'static {
    /// One reading. What cannot be read is `None`.
    fn usage(&mut self) -> Usage;
}

/// Why a meter could not be opened or read.
#[derive(Debug, Error)]
pub enum MeterError {
    /// No controller knows the cgroup.
    #[error(
        "no processor counter of cgroup `{path}` was found (tried {tried}); check that the instance still runs and that its cgroup was created under this root"
    )]
    CgroupMissing {
        /// The cgroup, relative to the mount points.
        path: String,
        /// The files that were tried.
        tried: String,
    },
    /// The process is not there.
    #[error("cannot read {path} of process {process}; check that the instance still runs")]
    Process {
        /// Its number on this host.
        process: u32,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A counter that was there cannot be read any more.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the kernel does not look as documented.
    #[error("{path} does not have the documented form: no {expected} in it")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        expected: &'static str,
    },
}
