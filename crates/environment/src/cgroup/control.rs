//! The control files of a cgroup: limits, freezer, and the counter of memory kills.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use weighbridge_experiment::{InstanceId, Limits};

use super::{CgroupTree, Hierarchy, Version};
use crate::error::EnvironmentError;
use crate::process_identity::wait_until;

/// Length of the period over which processor time is shared out, in microseconds. The
/// kernel's own default, and that of container runtimes.
pub(crate) const CPU_PERIOD_MICROSECONDS: u64 = 100_000;

const FROZEN_WITHIN: Duration = Duration::from_secs(5);

/// Processor time that an instance may use in each period, in microseconds.
pub(crate) fn cpu_quota_microseconds(limits: &Limits) -> u64 {
    let quota = limits.cpus.count() * CPU_PERIOD_MICROSECONDS as f64;
    // The kernel refuses less than a millisecond.
    (quota.round() as u64).max(1_000)
}

/// Lets the children of the root use each controller that we want. A controller that cannot
/// be enabled shows when its limit is written.
pub(super) fn enable_controllers(hierarchy: &Hierarchy) {
    for controller in ["cpu", "memory", "pids", "io"] {
        if hierarchy.carries(controller) {
            let path = hierarchy.root.join("cgroup.subtree_control");
            let _ = fs::write(path, format!("+{controller}"));
        }
    }
}

fn write(path: PathBuf, value: &str) -> Result<(), EnvironmentError> {
    fs::write(&path, value).map_err(EnvironmentError::cgroup("write", path))
}

fn read_trimmed(path: PathBuf) -> Result<String, EnvironmentError> {
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(EnvironmentError::cgroup("read", path)(error)),
    }
}

/// The value behind `key` in a file of `key value` lines.
pub(super) fn keyed_value(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        if name == key { value.trim().parse().ok() } else { None }
    })
}

impl CgroupTree {
    fn place(
        &self,
        controller: &'static str,
        instance: &InstanceId,
    ) -> Result<(Version, PathBuf), EnvironmentError> {
        self.place_of(controller, &super::relative_path(instance))
    }

    fn place_of(
        &self,
        controller: &'static str,
        relative: &str,
    ) -> Result<(Version, PathBuf), EnvironmentError> {
        let hierarchy = self
            .controller(controller)
            .ok_or(EnvironmentError::ControllerMissing { controller })?;
        Ok((hierarchy.version, hierarchy.root.join(relative)))
    }

    pub(super) fn limit(
        &self,
        instance: &InstanceId,
        limits: &Limits,
    ) -> Result<(), EnvironmentError> {
        let quota = cpu_quota_microseconds(limits);
        let (version, cpu) = self.place("cpu", instance)?;
        match version {
            Version::V1 => {
                write(cpu.join("cpu.cfs_period_us"), &CPU_PERIOD_MICROSECONDS.to_string())?;
                write(cpu.join("cpu.cfs_quota_us"), &quota.to_string())?;
            }
            Version::V2 => {
                write(cpu.join("cpu.max"), &format!("{quota} {CPU_PERIOD_MICROSECONDS}"))?;
            }
        }
        let Some(memory) = limits.memory else { return Ok(()) };
        let bytes = memory.bytes().to_string();
        let (version, directory) = self.place("memory", instance)?;
        // Without a limit on swap, a memory limit only makes an instance slow.
        let (limit, swap, swap_bytes) = match version {
            Version::V1 => ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", bytes.as_str()),
            Version::V2 => ("memory.max", "memory.swap.max", "0"),
        };
        write(directory.join(limit), &bytes)?;
        let swap = directory.join(swap);
        if swap.exists() { write(swap, swap_bytes) } else { Ok(()) }
    }

    /// The CPU limit of the cgroup at this path as the kernel shows it, and the file that
    /// shows it.
    pub(crate) fn shown_cpu_limit(
        &self,
        relative: &str,
    ) -> Result<(String, PathBuf), EnvironmentError> {
        let (version, directory) = self.place_of("cpu", relative)?;
        let (quota, period, path) = match version {
            Version::V1 => {
                let path = directory.join("cpu.cfs_quota_us");
                let period = read_trimmed(directory.join("cpu.cfs_period_us"))?;
                (read_trimmed(path.clone())?, period, path)
            }
            Version::V2 => {
                let path = directory.join("cpu.max");
                let text = read_trimmed(path.clone())?;
                let (quota, period) = text.split_once(' ').unwrap_or((&text, "100000"));
                (quota.to_owned(), period.to_owned(), path)
            }
        };
        let cpus = match (quota.parse::<f64>(), period.parse::<f64>()) {
            (Ok(quota), Ok(period)) if quota > 0.0 && period > 0.0 => (quota / period).to_string(),
            _ => "unlimited".to_owned(),
        };
        Ok((cpus, path))
    }

    /// The memory limit in bytes of the cgroup at this path as the kernel shows it, and the
    /// file that shows it.
    pub(crate) fn shown_memory_limit(
        &self,
        relative: &str,
    ) -> Result<(String, PathBuf), EnvironmentError> {
        let (version, directory) = self.place_of("memory", relative)?;
        let path = match version {
            Version::V1 => directory.join("memory.limit_in_bytes"),
            Version::V2 => directory.join("memory.max"),
        };
        let text = read_trimmed(path.clone())?;
        // Version 1 shows the largest number of pages that fits where there is no limit.
        let unlimited = text.parse::<u64>().map_or(true, |bytes| bytes >= 1 << 62);
        Ok((if unlimited { "unlimited".to_owned() } else { text }, path))
    }

    /// Processes of the instance that the kernel killed for want of memory.
    pub(crate) fn oom_kills(&self, instance: &InstanceId) -> Option<u64> {
        let (version, directory) = self.place("memory", instance).ok()?;
        let file = match version {
            Version::V1 => "memory.oom_control",
            Version::V2 => "memory.events",
        };
        keyed_value(&fs::read_to_string(directory.join(file)).ok()?, "oom_kill")
    }

    /// Writes the freezer's control file; `false` where the instance has none.
    pub(super) fn write_freeze(
        &self,
        instance: &InstanceId,
        frozen: bool,
    ) -> Result<bool, EnvironmentError> {
        let Some((version, directory)) = self.freezer(instance) else { return Ok(false) };
        match version {
            Version::V1 => {
                let state = if frozen { "FROZEN" } else { "THAWED" };
                write(directory.join("freezer.state"), state)?;
            }
            Version::V2 => {
                write(directory.join("cgroup.freeze"), if frozen { "1" } else { "0" })?;
            }
        }
        Ok(true)
    }

    /// Version 2 freezes without a controller, in every cgroup but the root.
    fn freezer(&self, instance: &InstanceId) -> Option<(Version, PathBuf)> {
        let place = match self.controller("freezer") {
            Some(hierarchy) => (Version::V1, Self::directory(hierarchy, instance)),
            None => {
                let hierarchy = self.wanted().find(|h| h.version == Version::V2)?;
                (Version::V2, Self::directory(hierarchy, instance))
            }
        };
        place.1.is_dir().then_some(place)
    }

    fn is_frozen(&self, instance: &InstanceId) -> Option<bool> {
        let (version, directory) = self.freezer(instance)?;
        match version {
            Version::V1 => match read_trimmed(directory.join("freezer.state")).ok()?.as_str() {
                "FROZEN" => Some(true),
                "THAWED" => Some(false),
                _ => None,
            },
            Version::V2 => {
                let text = fs::read_to_string(directory.join("cgroup.events")).ok()?;
                Some(keyed_value(&text, "frozen")? == 1)
            }
        }
    }

    /// Freezes or thaws and waits until it has happened; `Ok(false)` where the instance has
    /// no freezer.
    pub(crate) fn freeze(
        &self,
        instance: &InstanceId,
        frozen: bool,
    ) -> Result<bool, EnvironmentError> {
        if !self.write_freeze(instance, frozen)? {
            return Ok(false);
        }
        if wait_until(FROZEN_WITHIN, || self.is_frozen(instance) == Some(frozen)) {
            return Ok(true);
        }
        Err(EnvironmentError::Pause {
            instance: instance.clone(),
            action: if frozen { "paused" } else { "resumed" },
            reason: format!("its freezer did not follow within {} s", FROZEN_WITHIN.as_secs()),
        })
    }
}
