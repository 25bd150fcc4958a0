//! How much of the host a guest is given: whole processors, and memory that holds its image.
//!
//! Does not know which program runs the guest.

use weighbridge_experiment::{ByteSize, Limits};

use crate::error::EnvironmentError;

/// Memory of a guest of which the user said nothing, where the host has twice as much.
const DEFAULT_MEMORY_BYTES: u64 = 2 << 30;
const MEBIBYTE: u64 = 1 << 20;

/// Whole processors are given as such; of a part, a whole one is given, and the rest is up to
/// the quota of the cgroup of what runs it.
pub(crate) fn processors(limits: &Limits) -> u32 {
    // At most a few thousand, so nothing is lost.
    (limits.cpus.count().ceil() as u32).max(1)
}

/// The limits of the cgroup of the program that runs a guest: a quota for a part of a processor, else none. The guest's
/// memory is limited by being that large.
pub(crate) fn outer_limits(limits: &Limits) -> Option<Limits> {
    let part = limits.cpus.count().fract() != 0.0;
    part.then_some(Limits { cpus: limits.cpus, memory: None })
}

/// The guest's memory, checked to hold its image twice: packed and unpacked.
pub(crate) fn memory_mebibytes(
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
pub(crate) fn host_memory_bytes(meminfo: &str) -> Option<u64> {
    let value = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
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
    fn the_hosts_memory_is_read_where_it_is() {
        assert_eq!(host_memory_bytes("MemTotal:       24641234 kB\n"), Some(24_641_234 * 1024));
        assert_eq!(host_memory_bytes("Nothing: 1 kB"), None);
    }
}
