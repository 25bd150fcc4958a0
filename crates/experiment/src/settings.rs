//! What only one kind of environment has: one table of the file for each such kind.
//!
//! To add a kind: a struct of its own here, a variant of [`EnvironmentSettings`], and where a
//! later process needs more than the instance's directory to remove one, a variant of
//! [`Locator`]. Nothing here looks at the host.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EnvironmentKind, FirecrackerSettings, QemuSettings};

/// The settings of one environment, of the kind that it has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EnvironmentSettings {
    /// The kind has none.
    #[default]
    None,
    /// Of kind "container", where anything is asked of it.
    Container(ContainerSettings),
    /// Of kind "docker".
    Docker(DockerSettings),
    /// Of kind "ssh".
    Ssh(SshSettings),
    /// Of kind "qemu".
    Qemu(QemuSettings),
    /// Of kind "firecracker".
    Firecracker(FirecrackerSettings),
}

impl EnvironmentSettings {
    /// The settings of a kind of which the user said nothing.
    #[must_use]
    pub fn of_kind(kind: EnvironmentKind) -> Self {
        match kind {
            EnvironmentKind::Native | EnvironmentKind::Container | EnvironmentKind::Simulated => {
                Self::None
            }
            EnvironmentKind::Docker => Self::Docker(DockerSettings::default()),
            EnvironmentKind::Qemu => Self::Qemu(QemuSettings::default()),
            EnvironmentKind::Firecracker => Self::Firecracker(FirecrackerSettings::default()),
            EnvironmentKind::Ssh => Self::Ssh(SshSettings::default()),
        }
    }

    /// Whether there is nothing to write down.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Everything in them that is a path of the host, relative to the file as long as
    /// nobody made it absolute.
    pub fn paths(&mut self) -> Vec<&mut String> {
        let paths: Vec<&mut Option<String>> = match self {
            Self::None | Self::Container(_) | Self::Qemu(_) => Vec::new(),
            Self::Docker(docker) => vec![&mut docker.socket],
            Self::Firecracker(guest) => vec![&mut guest.binary, &mut guest.kernel],
            Self::Ssh(ssh) => vec![&mut ssh.identity, &mut ssh.known_hosts, &mut ssh.agents],
        };
        paths.into_iter().flatten().collect()
    }
}

/// `[environment.container]`: a container without a daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerSettings {
    /// "none" (loopback only) or "nat" (a pair of virtual devices and address translation by
    /// this host, which takes `ip` and `iptables`); "none" unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<ContainerNetwork>,
}

/// What a container without a daemon reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ContainerNetwork {
    /// Itself.
    #[default]
    None,
    /// This host, and by its addresses what this host reaches, where it forwards packets.
    Nat,
}

/// `[environment.docker]`: a container of a Docker daemon, or of Podman behind the same API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DockerSettings {
    /// Path of the daemon's unix socket; that of `DOCKER_HOST`, else
    /// "/var/run/docker.sock", else Podman's unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// An image that the daemon has, such as "debian:12"; one that holds the agent and its
    /// libraries and nothing else unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// "bridge" (the daemon's usual network), "none", or the name of a network that the
    /// daemon has; "bridge" unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

/// `[environment.ssh]`: another host, reached by the system's `ssh`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SshSettings {
    /// Where to go, as `ssh` takes it: "user@host", or a name of the user's ssh configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Port of its ssh server; as the ssh configuration says unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// File with the private key; as the ssh configuration and agent say unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Hosts to go through, as `ssh -J` takes them; as the ssh configuration says unless
    /// given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<String>,
    /// File of the keys of known hosts; the user's own unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_hosts: Option<String>,
    /// Directory on that host for all that is brought there, absolute; one below the home
    /// directory unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Directory of this host with agents for other processors, each as
    /// `MACHINE/weighbridge-agent`, where MACHINE is what `uname -m` says there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<String>,
}

/// What a later process needs, besides the instance's directory, to find an instance and to
/// remove it. Journaled before the instance is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Locator {
    /// The daemon that keeps the container.
    Docker {
        /// Its unix socket.
        socket: PathBuf,
    },
    /// The way to the host on which the instance runs.
    Ssh(SshSettings),
}
