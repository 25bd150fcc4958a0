//! What was decided for one guest, kept in its directory for whoever asks later.

use serde::{Deserialize, Serialize};
use weighbridge_experiment::QemuMachine;

/// What a guest was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GuestRecord {
    pub(super) machine: QemuMachine,
    pub(super) kvm: bool,
    pub(super) kernel: String,
    pub(super) processors: u32,
    pub(super) memory_mebibytes: u64,
    /// Ports of the host's loopback, and of the guest.
    pub(super) forwards: Vec<(u16, u16)>,
    pub(super) image_bytes: u64,
}

/// The frequency in the text of `/proc/cpuinfo`, in kHz.
pub(super) fn host_kilohertz(cpuinfo: &str) -> Option<u64> {
    let value = cpuinfo.lines().find_map(|line| line.strip_prefix("cpu MHz"))?;
    let megahertz: f64 = value.trim_start_matches([' ', '\t', ':']).trim().parse().ok()?;
    (megahertz > 0.0).then_some((megahertz * 1000.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_frequency_is_read_where_it_is() {
        assert_eq!(host_kilohertz("model name\t: x\ncpu MHz\t\t: 2596.122\n"), Some(2_596_122));
        assert_eq!(host_kilohertz("BogoMIPS: 50"), None);
    }
}
