use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ByteSize, CpuCount, EnvironmentSettings, HostFacts, Locator, PriceSpec};

/// A kind of place in which an application can run.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum EnvironmentKind {
    /// A process of the host, under the same limits as the others.
    Native,
    /// An OCI container with its own root file system and namespaces.
    Container,
    /// A container of a Docker daemon, or of Podman behind the same interface.
    Docker,
    /// A virtual machine with a kernel of its own.
    Qemu,
    /// A small virtual machine of Firecracker.
    Firecracker,
    /// Another host, reached by `ssh`.
    Ssh,
    /// No measurement at all: times drawn from a seeded distribution, to try a whole run.
    Simulated,
}

impl EnvironmentKind {
    /// All kinds of this version.
    pub const ALL: [Self; 7] = [
        Self::Native,
        Self::Container,
        Self::Docker,
        Self::Qemu,
        Self::Firecracker,
        Self::Ssh,
        Self::Simulated,
    ];

    /// Kinds with a place in the design that this version cannot run yet.
    pub const PLANNED: [&'static str; 3] = ["aws", "azure", "gcp"];

    /// The name as it is written in files and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Container => "container",
            Self::Docker => "docker",
            Self::Qemu => "qemu",
            Self::Firecracker => "firecracker",
            Self::Ssh => "ssh",
            Self::Simulated => "simulated",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for EnvironmentKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// One environment as asked, checked but not resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentSpec {
    /// Its name; the kind's unless given.
    pub name: String,
    /// What it is.
    pub kind: EnvironmentKind,
    /// Its share of CPUs; all of the host's unless given.
    pub cpus: Option<CpuCount>,
    /// Its memory; unlimited by us unless given.
    pub memory: Option<ByteSize>,
    /// What it costs.
    pub price: Option<PriceSpec>,
    /// What only its kind has.
    #[serde(default, skip_serializing_if = "EnvironmentSettings::is_none")]
    pub settings: EnvironmentSettings,
}

impl EnvironmentSpec {
    /// An environment of which only the kind was named.
    #[must_use]
    pub fn of_kind(kind: EnvironmentKind) -> Self {
        Self {
            name: kind.to_string(),
            kind,
            cpus: None,
            memory: None,
            price: None,
            settings: EnvironmentSettings::of_kind(kind),
        }
    }
}

/// The answer of a real probe: the environment was tried once, not guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Availability {
    /// Whether it works here.
    pub available: bool,
    /// Whether its processor is emulated in software.
    pub emulated: bool,
    /// Version of the runtime behind it, e.g. `libcontainer 0.7.0, cgroup v1`.
    pub version: Option<String>,
    /// What was tried and why it does not work, or with which restriction it does.
    pub reason: Option<String>,
    /// One command that would enable it.
    pub enable: Option<String>,
}

/// CPU and memory limits of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Share of CPUs.
    pub cpus: CpuCount,
    /// Memory; `None` leaves it unlimited.
    pub memory: Option<ByteSize>,
}

/// Name of one instance on the host: lower-case letters, digits and `-`, at most 40
/// characters. Every trace of the instance (directory, cgroup, container) carries it.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct InstanceId(pub String);

impl fmt::Display for InstanceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// How to start the agent: the one executable that every compared cell runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentLaunch {
    /// The executable on the host.
    pub executable: PathBuf,
    /// Its arguments. The environment appends nothing: the agent listens on `agent.sock`
    /// in its working directory.
    pub arguments: Vec<String>,
    /// Shared libraries of the host that the agent will load while it runs. It reads each as
    /// `../lib/FILE-NAME`, seen from its working directory, and may execute it there.
    pub libraries: Vec<PathBuf>,
}

/// What an environment needs to make one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateRequest {
    /// What is to be made; journaled before it is.
    pub resource: Resource,
    /// Its limits.
    pub limits: Limits,
    /// What it runs.
    pub agent: AgentLaunch,
    /// What only its kind has.
    pub settings: EnvironmentSettings,
    /// TCP ports on which services inside will listen, to be reachable from the host as
    /// the environment's endpoint of that port.
    pub service_ports: Vec<u16>,
}

/// Everything needed to find one instance again and to remove it, known before it exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resource {
    /// Kind of environment.
    pub kind: EnvironmentKind,
    /// Its name.
    pub instance: InstanceId,
    /// Directory that holds all of its files, itself named by the instance.
    pub directory: PathBuf,
    /// Where else to look for it; none where all that it has lies on this host and follows
    /// from its name and directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locator: Option<Locator>,
}

/// Where the agent of an instance answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket on the host.
    UnixSocket(PathBuf),
    /// A TCP address.
    Tcp(std::net::SocketAddr),
    /// A port inside a guest, behind a unix socket of the host that is first told `CONNECT`
    /// and the number, and answers `OK` (Firecracker, `docs/vsock.md`).
    GuestPort {
        /// The socket.
        socket: PathBuf,
        /// The port.
        port: u32,
    },
}

/// What a meter outside the instance reads. A cgroup path is relative to the controllers'
/// mount points; its process is there for what cgroups do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MeterTarget {
    /// A cgroup and its first process.
    Cgroup {
        /// Path below each controller's mount point, without a leading `/`.
        path: String,
        /// The first process of the instance, as the host numbers it.
        process: u32,
    },
    /// A process and its descendants.
    ProcessTree {
        /// The root of the tree, as the host numbers it.
        process: u32,
        /// Why there is no cgroup to read.
        reason: String,
    },
    /// A virtual machine, and what runs it.
    Guest {
        /// The program that runs it: its cgroup or process.
        host: Box<MeterTarget>,
        /// What that program counts of the guest.
        counters: GuestCounters,
    },
    /// Nothing that could be read from outside, for this reason.
    Nothing {
        /// Why.
        reason: String,
    },
}

/// Where the program that runs a virtual machine says what it counted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuestCounters {
    /// QEMU's machine protocol.
    Qemu {
        /// Its unix socket.
        socket: PathBuf,
    },
    /// A file to which Firecracker writes when it is told to over its interface.
    Firecracker {
        /// The unix socket of the interface.
        socket: PathBuf,
        /// The file.
        metrics: PathBuf,
    },
}

/// How an instance ended, found while it was destroyed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// Exit code, where the process exited by itself before it was destroyed.
    pub exit_code: Option<i32>,
    /// Signal that ended it before it was destroyed.
    pub signal: Option<i32>,
    /// Processes killed by the kernel for want of memory, by the cgroup's counter.
    pub oom_kills: Option<u64>,
    /// The last lines that it wrote to its standard error.
    pub last_words: String,
}

/// Facts and instruments of an environment as a user meets them in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentFacts {
    /// Name of the environment.
    pub environment: String,
    /// What was read inside it.
    pub facts: HostFacts,
}
