//! What runs inside a virtual machine: a kernel of the distribution, and one archive that
//! holds the agent, its libraries and the modules that the kernel needs to reach it.
//!
//! The first process of the guest is the agent's own executable in another role ([`init`]);
//! nothing of a distribution's user space is in there. Host and guest talk through ports of a
//! virtual serial bus, known by their names below. This module does not know which virtual
//! machine it is that boots the guest, nor what the agent is asked.

mod archive;
mod files;
mod image;
mod init;
mod kernel;
mod modules;
mod network;
mod prepare;

pub(crate) use files::{Place, send};
pub(crate) use image::Images;
pub use init::{guest_init, is_guest_init};
pub use kernel::Kernel;
pub use prepare::{KernelSource, PrepareError, prepare_kernel};

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

/// What the guest's first process is told, on the kernel's command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GuestLaunch {
    /// The agent's arguments.
    pub(crate) arguments: Vec<String>,
    /// How many libraries come in before the agent may start.
    pub(crate) libraries: usize,
    /// Whether there is a data disk, formatted and empty.
    pub(crate) disk: bool,
}

impl GuestLaunch {
    /// The agent's arguments, which are to serve its protocol on the port.
    pub(crate) fn of(arguments: &[String], libraries: usize, disk: bool) -> Self {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--device".to_owned(), format!("{PORTS}/{AGENT_PORT}")]);
        Self { arguments, libraries, disk }
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
            let launch = GuestLaunch { arguments, libraries, disk };
            let line = format!("console=ttyS0 {} panic=-1\n", launch.parameter().unwrap());
            prop_assert_eq!(GuestLaunch::from_command_line(&line), Ok(launch));
        }

        #[test]
        fn no_command_line_panics(line in "(weighbridge.launch=)?\\PC{0,40}") {
            let _ = GuestLaunch::from_command_line(&line);
        }
    }
}
