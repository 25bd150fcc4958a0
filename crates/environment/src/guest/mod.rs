//! What runs inside a virtual machine: a kernel of the distribution, and one archive that
//! holds the agent, its libraries and the modules that the kernel needs to reach it.
//!
//! The first process of the guest is the agent's own executable in another role ([`init`]);
//! nothing of a distribution's user space is in there. Host and guest talk through ports of a
//! virtual serial bus, known by their names below, or through sockets of the family that hosts
//! and guests share (vsock(7)). This module does not know which virtual machine it is that
//! boots the guest, nor what the agent is asked.

pub(crate) mod allotment;
mod archive;
pub(crate) mod disk;
mod files;
mod host;
mod image;
mod init;
mod kernel;
mod modules;
mod network;
mod prepare;
mod vmlinux;
pub(crate) mod vsock;

pub(crate) use files::{Place, over_socket, send};
pub(crate) use host::{GuestHost, facts};
pub(crate) use image::Images;
pub use init::{guest_init, is_guest_init};
pub use kernel::Kernel;
pub use prepare::{KernelSource, PrepareError, prepare_kernel};
pub use vmlinux::unpacked_kernel;

use serde::{Deserialize, Serialize};

/// On which the agent serves its protocol.
pub(crate) const AGENT_PORT: &str = "weighbridge.agent";
/// Over which files come in.
pub(crate) const FILES_PORT: &str = "weighbridge.files";
/// To which the agent's standard error goes.
pub(crate) const STDERR_PORT: &str = "weighbridge.stderr";
/// To which goes how the agent ended.
pub(crate) const ENDED_PORT: &str = "weighbridge.ended";

/// Where the ports are found in the guest, by name.
const PORTS: &str = "/dev/virtio-ports";
/// The agent's executable in the guest.
const AGENT: &str = "/agent";
/// The agent's working directory in the guest, as in a container.
const RUN: &str = "/run/weighbridge";
/// `../lib` as the agent sees it.
const LIBRARIES: &str = "/run/lib";
/// Where the data disk is mounted, where there is one: `disk` as the agent sees it.
const DISK: &str = "/run/weighbridge/disk";
/// The kernel's modules, named in the order in which they are loaded.
const MODULES: &str = "/modules";
/// The parameter of the kernel's command line that carries a [`GuestLaunch`].
const LAUNCH_PARAMETER: &str = "weighbridge.launch";

/// The port of the agent, and the one that takes files, where there are sockets.
pub(crate) const AGENT_VSOCK_PORT: u32 = 1024;
pub(crate) const FILES_VSOCK_PORT: u32 = 1025;
/// How the line on the console begins that tells how the agent ended, where no port does.
pub(crate) const ENDED_MARK: &str = "weighbridge-ended: ";

/// Over what host and guest talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Channel {
    /// Ports of a virtual serial bus.
    Ports,
    /// Sockets; standard error and the way the agent ended go to the console.
    Vsock,
}

/// How the guest's kernel finds its virtual devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bus {
    /// On a PCI bus.
    Pci,
    /// At addresses that it is told.
    Mmio,
}

/// What the guest's interface is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GuestAddress {
    pub(crate) address: [u8; 4],
    /// The way to everything else.
    pub(crate) gateway: [u8; 4],
    pub(crate) prefix_bits: u8,
}

/// What QEMU's user networking gives out: the guest 10.0.2.15, the way to the host 10.0.2.2.
pub(crate) const QEMU_ADDRESS: GuestAddress =
    GuestAddress { address: [10, 0, 2, 15], gateway: [10, 0, 2, 2], prefix_bits: 24 };

/// What the guest's first process is told, on the kernel's command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GuestLaunch {
    /// The agent's arguments.
    pub(crate) arguments: Vec<String>,
    /// Whether it is to serve its protocol, on the channel.
    pub(crate) serves: bool,
    /// How many libraries come in before the agent may start.
    pub(crate) libraries: usize,
    /// Whether there is a data disk, formatted and empty.
    pub(crate) disk: bool,
    pub(crate) channel: Channel,
    pub(crate) bus: Bus,
    /// `None` where there is no interface but the loopback.
    pub(crate) network: Option<GuestAddress>,
}

impl GuestLaunch {
    /// Whether the guest has a use for a module of this name: loading one that serves nothing
    /// costs an emulated processor tens of milliseconds.
    fn needs(&self, module: &str) -> bool {
        match module {
            "virtio_console" => self.channel == Channel::Ports,
            "virtio_blk" | "ext4" | "jbd2" | "mbcache" | "crc16" => self.disk,
            "virtio_net" | "net_failover" | "failover" => self.network.is_some(),
            "virtio_mmio" => self.bus == Bus::Mmio,
            name if name.starts_with("virtio_pci") => self.bus == Bus::Pci,
            name if name.contains("vsock") => self.channel == Channel::Vsock,
            _ => true,
        }
    }

    /// `NAME=VALUE` for the kernel's command line: the record as JSON, its bytes in
    /// hexadecimal, since that line knows no quoting that every kernel agrees on.
    pub(crate) fn parameter(&self) -> Result<String, serde_json::Error> {
        let bytes = serde_json::to_vec(self)?;
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("{LAUNCH_PARAMETER}={digits}"))
    }

    /// The record out of the kernel's command line.
    fn from_command_line(line: &str) -> Result<Self, String> {
        let digits = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix(LAUNCH_PARAMETER)?.strip_prefix('='))
            .ok_or_else(|| format!("the kernel was given no {LAUNCH_PARAMETER}"))?;
        let byte = |at: usize| {
            let pair = digits.get(at..at + 2).ok_or("it is cut short")?;
            u8::from_str_radix(pair, 16).map_err(|_| "it is not hexadecimal")
        };
        let bytes: Result<Vec<u8>, _> = (0..digits.len()).step_by(2).map(byte).collect();
        bytes
            .map_err(str::to_owned)
            .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()))
            .map_err(|reason| format!("cannot understand {LAUNCH_PARAMETER}: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> GuestLaunch {
        GuestLaunch {
            arguments: vec!["agent".into()],
            serves: true,
            libraries: 0,
            disk: false,
            channel: Channel::Ports,
            bus: Bus::Pci,
            network: Some(QEMU_ADDRESS),
        }
    }

    #[test]
    fn only_modules_with_a_use_are_loaded() {
        let all = ["virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci", "virtio_mmio"];
        let more = ["virtio_blk", "virtio_net", "virtio_console", "vsock", "net_failover"];
        let of = |launch: &GuestLaunch| -> Vec<&str> {
            all.into_iter().chain(more).filter(|name| launch.needs(name)).collect()
        };
        let serial = of(&example());
        assert!(serial.contains(&"virtio_pci") && serial.contains(&"virtio_console"));
        assert!(!serial.contains(&"virtio_blk") && !serial.contains(&"vsock"));
        let small = GuestLaunch {
            channel: Channel::Vsock,
            bus: Bus::Mmio,
            network: None,
            disk: true,
            ..example()
        };
        let expected = ["virtio", "virtio_ring", "virtio_mmio", "virtio_blk", "vsock"];
        assert_eq!(of(&small), expected);
    }

    #[test]
    fn what_is_not_there_or_cut_is_said() {
        let refused = |line| GuestLaunch::from_command_line(line).unwrap_err();
        assert!(refused("console=ttyS0").contains("no weighbridge.launch"));
        assert!(refused("weighbridge.launch=7b2").contains("cut short"));
        assert!(refused("weighbridge.launch=zz").contains("hexadecimal"));
        assert!(refused("weighbridge.launch=7b7d").contains("missing field"));
    }

    proptest! {
        #[test]
        fn a_launch_comes_through_the_command_line(
            arguments in proptest::collection::vec("\\PC{0,12}", 0..4),
            libraries in 0_usize..9,
            disk: bool,
        ) {
            let launch = GuestLaunch { arguments, libraries, disk, ..example() };
            let line = format!("console=ttyS0 {} panic=-1\n", launch.parameter().unwrap());
            prop_assert_eq!(GuestLaunch::from_command_line(&line), Ok(launch));
        }

        #[test]
        fn no_command_line_panics(line in "(weighbridge.launch=)?\\PC{0,40}") {
            let _ = GuestLaunch::from_command_line(&line);
        }
    }
}
