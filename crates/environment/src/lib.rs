//! The places in which an application can run, each behind one small trait.
//!
//! An [`Environment`] makes an instance (one agent process under CPU and memory limits),
//! says where its agent answers and what a meter may read, and removes every trace of it.
//! All names and paths of an instance follow from its [`Resource`], which is journaled
//! before anything is made, so that a later process can remove what a killed one left.
//!
//! What this crate deliberately does **not** know: the protocol that the agent speaks,
//! how a meter reads a cgroup, what runs inside the agent, trials, prices, and the journal.
//!
//! | module | what it owns |
//! |---|---|
//! | `layout` | the files of one instance, derived from its resource |
//! | `cgroup` | version 1, 2 and mixed hierarchies: create, limit, freeze, kill, remove |
//! | `process_identity` | naming a process so that a reused number is never mistaken for it |
//! | `traces` | what is left of an instance, and its removal |
//! | `file_digest` | digests of files, each read once |
//! | `facts` | what an environment knows of one instance |
//! | `probe_remains` | what probes of killed processes left |
//! | `spawner` | the one thread that starts processes |
//! | `host_process` | an agent started as a plain process, shared by native and simulated |
//! | `unix_http`, `socket_path` | asking programs over unix sockets |
//! | `programs` | programs of the host, found by name |
//! | `libraries`, `elf` | what an executable is linked to |
//! | `guest` | what runs inside a virtual machine: kernel, image, first process |
//! | `native`, `container`, `docker`, `qemu`, `firecracker`, `ssh`, `simulated` | the environments |

#![cfg(target_os = "linux")]

mod blocking;
mod cgroup;
pub mod container;
pub mod docker;
mod elf;
mod environment;
mod error;
mod facts;
mod file_digest;
pub mod firecracker;
mod guest;
mod host_process;
mod last_words;
mod layout;
mod libraries;
pub mod native;
mod network;
mod paper;
mod probe_instance;
mod probe_remains;
mod process_identity;
mod programs;
pub mod qemu;
pub mod simulated;
mod socket_path;
mod spawner;
pub mod ssh;
mod traces;
mod unix_http;

pub use container::{ContainerEnvironment, MONITOR_COMMAND, container_monitor, monitor_directory};
pub use docker::DockerEnvironment;
pub use environment::{CopySource, Environment, Port, environments, locate, open, reap};
pub use error::EnvironmentError;
pub use firecracker::FirecrackerEnvironment;
pub use guest::{
    Kernel, KernelSource, PrepareError, guest_init, is_guest_init, prepare_kernel, unpacked_kernel,
};
pub use libraries::{Program, library_closure, program_files};
pub use native::NativeEnvironment;
pub use paper::paper_target;
pub use probe_remains::reap_probes;
pub use process_identity::ProcessIdentity;
pub use qemu::QemuEnvironment;
pub use simulated::SimulatedEnvironment;
pub use ssh::SshEnvironment;
pub use traces::{Trace, traces};
