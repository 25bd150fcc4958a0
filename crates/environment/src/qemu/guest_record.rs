//! What was decided for one guest, kept in its directory for whoever asks later.

use serde::{Deserialize, Serialize};
use weighbridge_experiment::{ByteSize, Limits, QemuMachine};

use crate::error::EnvironmentError;

/// Memory of a guest of which the user said nothing, where the host has twice as much.
const DEFAULT_MEMORY_BYTES: u64 = 2 << 30;
const MEBIBYTE: u64 = 1 << 20;

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

/// Whole processors are given as such; of a part, a whole one is given, and the rest is up to
/// the quota of QEMU's cgroup.
pub(super) fn processors(limits: &Limits) -> u32 {
    // At most a few thousand, so nothing is lost.
    (limits.cpus.count().ceil() as u32).max(1)
}

/// The limits of QEMU's own cgroup: a quota for a part of a processor, else none. The guest's
/// memory is limited by being that large.
pub(super) fn outer_limits(limits: &Limits) -> Option<Limits> {
    let part = limits.cpus.count().fract() != 0.0;
    part.then_some(Limits { cpus: limits.cpus, memory: None })
}

/// The guest's memory, checked to hold its image twice: packed and unpacked.
pub(super) fn memory_mebibytes(
    asked: Option<ByteSize>,
    host_bytes: Option<u64>,
    image_bytes: u64,
) -> Result<u64, EnvironmentError> {
    let half = host_bytes.map_or(DEFAULT_MEMORY_BYTES, |bytes| bytes / 2);
    let bytes = asked.map_or(DEFAULT_MEMORY_BYTES.min(half), ByteSize::bytes);
    let least = 2 * image_bytes + 128 * MEBIBYTE;
    if bytes < least {
        return Err(EnvironmentError::GuestMemory {
            asked: ByteSize(bytes),
            least: ByteSize(least.next_multiple_of(MEBIBYTE)),
        });
    }
    Ok(bytes / MEBIBYTE)
}

/// All memory of the host, from the text of `/proc/meminfo`.
pub(super) fn host_memory_bytes(meminfo: &str) -> Option<u64> {
    let value = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The frequency in the text of `/proc/cpuinfo`, in kHz.
pub(super) fn host_kilohertz(cpuinfo: &str) -> Option<u64> {
    let value = cpuinfo.lines().find_map(|line| line.strip_prefix("cpu MHz"))?;
    let megahertz: f64 = value.trim_start_matches([' ', '\t', ':']).trim().parse().ok()?;
    (megahertz > 0.0).then_some((megahertz * 1000.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use weighbridge_experiment::CpuCount;

    use super::*;

    fn limits(cpus: f64) -> Limits {
        Limits { cpus: CpuCount::new(cpus).unwrap(), memory: Some(ByteSize(1 << 30)) }
    }

    #[test]
    fn whole_processors_are_given_and_parts_are_a_quota() {
        assert_eq!((processors(&limits(2.0)), outer_limits(&limits(2.0))), (2, None));
        assert_eq!(processors(&limits(0.5)), 1);
        let outer = outer_limits(&limits(1.5)).unwrap();
        assert_eq!((outer.cpus.count(), outer.memory), (1.5, None));
    }

    #[test]
    fn memory_is_what_was_asked_or_a_default_and_never_too_little() {
        let of = |asked, host| memory_mebibytes(asked, host, 45 << 20);
        assert_eq!(of(Some(ByteSize(1 << 30)), None).unwrap(), 1024);
        assert_eq!(of(None, Some(24 << 30)).unwrap(), 2048);
        assert_eq!(of(None, Some(1 << 30)).unwrap(), 512);
        let refused = of(Some(ByteSize(64 << 20)), None).unwrap_err().to_string();
        assert!(refused.contains("64 MiB") && refused.contains("218 MiB"), "{refused}");
    }

    #[test]
    fn the_hosts_figures_are_read_where_they_are() {
        assert_eq!(host_memory_bytes("MemTotal:       24641234 kB\n"), Some(24_641_234 * 1024));
        assert_eq!(host_memory_bytes("Nothing: 1 kB"), None);
        assert_eq!(host_kilohertz("model name\t: x\ncpu MHz\t\t: 2596.122\n"), Some(2_596_122));
        assert_eq!(host_kilohertz("BogoMIPS: 50"), None);
    }
}
