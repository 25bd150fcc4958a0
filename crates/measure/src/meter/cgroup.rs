//! Counters of a cgroup, version 1, version 2, or both at once ("hybrid").

use std::fs;
use std::path::{Path, PathBuf};

use super::MeterError;
use super::pinned::PinnedFile;
use crate::Roots;

/// Names under which distributions mount the v1 processor accounting.
const V1_ACCOUNTING: [&str; 3] = ["cpuacct", "cpu,cpuacct", "cpuacct,cpu"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// The open files of one cgroup.
#[derive(Debug)]
pub(super) struct Cgroup {
    pub(super) version: Version,
    cpu: PinnedFile,
    /// `cgroup.procs` of the cgroup and of those below it when the meter was opened.
    members: Vec<PinnedFile>,
    /// Requests of storage, or why they are not counted.
    pub(super) requests: Result<PinnedFile, String>,
    memory_stat: Option<PinnedFile>,
    memory_peak: Option<PinnedFile>,
}

impl Cgroup {
    pub(super) fn open(roots: &Roots, path: &str) -> Result<Self, MeterError> {
        let relative = path.trim_matches('/');
        let v1 = V1_ACCOUNTING
            .map(|name| (Version::One, roots.cgroup.join(name).join(relative), "cpuacct.usage"));
        let v2 = ["", "unified"]
            .map(|name| (Version::Two, roots.cgroup.join(name).join(relative), "cpu.stat"));
        let missing = || MeterError::CgroupMissing {
            path: path.to_owned(),
            tried: v1
                .iter()
                .chain(&v2)
                .map(|(_, at, file)| at.join(file).display().to_string())
                .collect::<Vec<_>>()
                .join(", "),
        };
        // The empty path is the whole host: never one instance.
        if relative.is_empty() {
            return Err(missing());
        }
        let (version, directory, cpu) = v1
            .iter()
            .chain(&v2)
            .find_map(|(version, at, file)| {
                Some((*version, at.clone(), PinnedFile::open(at.join(file)).ok()?))
            })
            .ok_or_else(missing)?;
        let memory = match version {
            Version::One => roots.cgroup.join("memory").join(relative),
            Version::Two => directory.clone(),
        };
        let peak =
            if version == Version::One { "memory.max_usage_in_bytes" } else { "memory.peak" };
        Ok(Self {
            version,
            cpu,
            members: open_members(&directory),
            requests: open_requests(roots, version, &directory, relative),
            memory_stat: PinnedFile::open(memory.join("memory.stat")).ok(),
            memory_peak: PinnedFile::open(memory.join(peak)).ok(),
        })
    }

    pub(super) fn cpu_instrument(&self) -> String {
        match self.version {
            Version::One => "cgroup v1 cpuacct.usage, nanoseconds, read from outside".to_owned(),
            Version::Two => {
                "cgroup v2 cpu.stat usage_usec, microseconds, read from outside".to_owned()
            }
        }
    }

    pub(super) fn cpu_nanoseconds(&self, buffer: &mut Vec<u8>) -> Result<u64, MeterError> {
        let path = || self.cpu.path().to_path_buf();
        let text =
            self.cpu.read(buffer).map_err(|source| MeterError::Read { path: path(), source })?;
        match self.version {
            Version::One => text.trim().parse().map_err(|_| MeterError::Malformed {
                path: path(),
                expected: "number of nanoseconds",
            }),
            Version::Two => keyed(text, "usage_usec")
                .and_then(|microseconds| microseconds.checked_mul(1000))
                .ok_or_else(|| MeterError::Malformed { path: path(), expected: "usage_usec" }),
        }
    }

    /// Processes in the cgroup, as this host numbers them.
    pub(super) fn members(&self, into: &mut Vec<u32>, buffer: &mut Vec<u8>) {
        into.clear();
        for file in &self.members {
            if let Ok(text) = file.read(buffer) {
                into.extend(
                    text.lines()
                        .filter_map(|line| line.trim().parse::<u32>().ok())
                        .filter(|number| *number > 0),
                );
            }
        }
    }

    pub(super) fn requests(&self, buffer: &mut Vec<u8>) -> Option<(u64, u64)> {
        let text = self.requests.as_ref().ok()?.read(buffer).ok()?;
        Some(match self.version {
            Version::One => parse_serviced(text),
            Version::Two => parse_io_stat(text),
        })
    }

    /// Anonymous memory and mapped files: the nearest that a cgroup has to resident memory,
    /// for instances whose processes cannot be looked into.
    pub(super) fn memory_resident(&self, buffer: &mut Vec<u8>) -> Option<u64> {
        let text = self.memory_stat.as_ref()?.read(buffer).ok()?;
        let (anonymous, mapped) = match self.version {
            Version::One => ("total_rss", "total_mapped_file"),
            Version::Two => ("anon", "file_mapped"),
        };
        keyed(text, anonymous)?.checked_add(keyed(text, mapped)?)
    }

    /// The highest charge of the cgroup, page cache included.
    pub(super) fn memory_peak_with_cache(&self, buffer: &mut Vec<u8>) -> Option<u64> {
        self.memory_peak.as_ref()?.read(buffer).ok()?.trim().parse().ok()
    }
}

fn open_members(directory: &Path) -> Vec<PinnedFile> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(directory) = open.pop() {
        files.extend(PinnedFile::open(directory.join("cgroup.procs")));
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        open.extend(
            entries
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
    }
    files
}

/// The counter of storage requests, only where it counts.
///
/// Version 1 counts in the throttling layer, which recent kernels leave out for devices
/// without a limit: it then reads 0 whatever is done. It is believed only if the root cgroup
/// has counted anything where `/proc/diskstats` has.
fn open_requests(
    roots: &Roots,
    version: Version,
    directory: &Path,
    relative: &str,
) -> Result<PinnedFile, String> {
    let open = |path: PathBuf| {
        PinnedFile::open(path.clone())
            .map_err(|error| format!("requests: cannot open {}: {error}", path.display()))
    };
    if version == Version::Two {
        return open(directory.join("io.stat"));
    }
    const SERVICED: &str = "blkio.throttle.io_serviced_recursive";
    let file = open(roots.cgroup.join("blkio").join(relative).join(SERVICED))?;
    let root = fs::read_to_string(roots.cgroup.join("blkio").join(SERVICED)).unwrap_or_default();
    let disks = fs::read_to_string(roots.proc.join("diskstats")).unwrap_or_default();
    if parse_serviced(&root) == (0, 0) {
        return Err(if parse_diskstats(&disks) > 0 {
            format!(
                "requests: {SERVICED} reads 0 for the whole host although /proc/diskstats does not, so it does not count on this kernel"
            )
        } else {
            format!(
                "requests: {SERVICED} reads 0 for the whole host, so whether it counts is not known"
            )
        });
    }
    Ok(file)
}

/// The number behind `name ` on its own line.
pub(super) fn keyed(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Reads and writes of all devices in `8:0 Read 12` lines.
fn parse_serviced(text: &str) -> (u64, u64) {
    let sum = |kind: &str| {
        let lines = text.lines().filter_map(|line| {
            let mut words = line.split_ascii_whitespace().skip(1);
            if words.next()? == kind { words.next()?.parse::<u64>().ok() } else { None }
        });
        lines.fold(0, u64::saturating_add)
    };
    (sum("Read"), sum("Write"))
}

/// `rios` and `wios` of all devices in `8:0 rbytes=1 wbytes=2 rios=3 wios=4` lines.
fn parse_io_stat(text: &str) -> (u64, u64) {
    let sum = |name: &str| {
        let words = text
            .split_ascii_whitespace()
            .filter_map(|word| word.strip_prefix(name)?.parse::<u64>().ok());
        words.fold(0, u64::saturating_add)
    };
    (sum("rios="), sum("wios="))
}

/// Reads and writes completed by all block devices of the host.
fn parse_diskstats(text: &str) -> u64 {
    let requests = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let reads: u64 = words.nth(3)?.parse().ok()?;
        let writes: u64 = words.nth(3)?.parse().ok()?;
        reads.checked_add(writes)
    });
    requests.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests;
