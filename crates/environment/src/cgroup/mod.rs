//! The cgroup of one instance, in version 1, version 2 and mixed hierarchies.
//!
//! Every hierarchy of the host may hold a directory `weighbridge-INSTANCE`; all of them
//! together are the instance's cgroup. Creation uses the controllers that limit or meter;
//! removal looks into every hierarchy, because a container runtime joins them all. The
//! hierarchies come from a mountinfo text, so tests run the same code on a fake tree.
//! This module does not know what runs inside, nor how a meter reads the counters.

mod control;
mod hierarchy;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use weighbridge_experiment::{InstanceId, Limits};

pub(crate) use self::control::{CPU_PERIOD_MICROSECONDS, cpu_quota_microseconds};
pub(crate) use self::hierarchy::parse_mounts;
use self::hierarchy::{Hierarchy, Version, hierarchies};
use crate::error::EnvironmentError;
use crate::process_identity::{signal_process, wait_until};

/// What the name of every instance's cgroup begins with, right below each hierarchy's root.
/// There is no directory of ours above them all: whoever removed it when it was empty would
/// do so under the feet of another run that is about to use it.
const PREFIX: &str = "weighbridge-";

/// Controllers that limit or meter an instance, under their names in either version.
const WANTED: [&str; 7] = ["cpu", "cpuacct", "memory", "pids", "freezer", "blkio", "io"];

/// A directory can stay busy for a moment after its last process ended.
const RELEASED_WITHIN: Duration = Duration::from_secs(2);

/// The hierarchies of one host.
#[derive(Debug, Clone)]
pub(crate) struct CgroupTree {
    hierarchies: Vec<Hierarchy>,
}

/// Path of an instance's cgroup below each hierarchy's root, without a leading `/`.
pub(crate) fn relative_path(instance: &InstanceId) -> String {
    format!("{PREFIX}{instance}")
}

impl CgroupTree {
    /// The hierarchies that this host mounts; none where `/proc` cannot be read.
    pub(crate) fn detect() -> Self {
        Self::from_mountinfo(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    pub(crate) fn from_mountinfo(text: &str) -> Self {
        let controllers_of = |root: &Path| {
            let text = fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
            text.split_whitespace().map(str::to_owned).collect()
        };
        Self { hierarchies: hierarchies(&parse_mounts(text), controllers_of) }
    }

    /// `v1`, `v2`, or which of them carries the controllers where both are mounted.
    pub(crate) fn version(&self) -> Option<&'static str> {
        let mounted = |version| self.hierarchies.iter().any(|h| h.version == version);
        let limiting = self.controller("cpu").or_else(|| self.controller("memory"));
        match (limiting?.version, mounted(Version::V1), mounted(Version::V2)) {
            (Version::V1, _, false) => Some("v1"),
            (Version::V2, false, _) => Some("v2"),
            (Version::V1, _, true) => Some("v1 (hybrid)"),
            (Version::V2, true, _) => Some("v2 (hybrid)"),
        }
    }

    fn controller(&self, name: &str) -> Option<&Hierarchy> {
        self.hierarchies.iter().find(|hierarchy| hierarchy.carries(name))
    }

    /// Hierarchies that limit or meter; an empty version 2 beside version 1 is not one.
    fn wanted(&self) -> impl Iterator<Item = &Hierarchy> {
        self.hierarchies.iter().filter(|h| WANTED.iter().any(|name| h.carries(name)))
    }

    fn directory(hierarchy: &Hierarchy, instance: &InstanceId) -> PathBuf {
        hierarchy.root.join(relative_path(instance))
    }

    /// Names of all instances that have a directory now, in any hierarchy.
    pub(crate) fn instances(&self) -> BTreeSet<String> {
        let entries =
            self.hierarchies.iter().filter_map(|hierarchy| fs::read_dir(&hierarchy.root).ok());
        entries
            .flat_map(Iterator::flatten)
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_prefix(PREFIX)?.to_owned()))
            .collect()
    }

    /// Directories of the instance that exist now, over all hierarchies.
    pub(crate) fn directories(&self, instance: &InstanceId) -> Vec<PathBuf> {
        self.hierarchies
            .iter()
            .map(|hierarchy| Self::directory(hierarchy, instance))
            .filter(|directory| directory.is_dir())
            .collect()
    }

    /// Makes the instance's cgroup with its limits, or one that only meters. What was made
    /// before an error is removed again.
    pub(crate) fn create<'a>(
        &self,
        instance: &InstanceId,
        limits: impl Into<Option<&'a Limits>>,
    ) -> Result<(), EnvironmentError> {
        let made = self.create_directories(instance).and_then(|()| match limits.into() {
            Some(limits) => self.limit(instance, limits),
            None => Ok(()),
        });
        if made.is_err() {
            // The first error tells more than a second one from the clean-up.
            let _ = self.remove(instance);
        }
        made
    }

    fn create_directories(&self, instance: &InstanceId) -> Result<(), EnvironmentError> {
        for hierarchy in self.wanted() {
            let directory = Self::directory(hierarchy, instance);
            if hierarchy.version == Version::V2 {
                control::enable_controllers(hierarchy);
            }
            match fs::create_dir(&directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(EnvironmentError::cgroup("create", directory)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Files to each of which a process writes `0` to move itself into the cgroup.
    pub(crate) fn entrances(&self, instance: &InstanceId) -> Result<Vec<File>, EnvironmentError> {
        self.wanted()
            .map(|hierarchy| {
                let path = Self::directory(hierarchy, instance).join("cgroup.procs");
                File::options()
                    .write(true)
                    .open(&path)
                    .map_err(EnvironmentError::cgroup("open", path))
            })
            .collect()
    }

    /// Processes inside, over all hierarchies, each once.
    pub(crate) fn processes(&self, instance: &InstanceId) -> Vec<u32> {
        let mut processes: Vec<u32> = self
            .directories(instance)
            .iter()
            .flat_map(|directory| {
                let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
                text.lines().filter_map(|line| line.parse().ok()).collect::<Vec<u32>>()
            })
            // A process of another PID namespace shows as 0, which would mean ourselves.
            .filter(|process| *process != 0)
            .collect();
        processes.sort_unstable();
        processes.dedup();
        processes
    }

    /// Kills everything inside until nothing is left. False if something stayed.
    pub(crate) fn kill(&self, instance: &InstanceId, limit: Duration) -> bool {
        wait_until(limit, || {
            let processes = self.processes(instance);
            for process in &processes {
                signal_process(*process, Signal::KILL);
            }
            if !processes.is_empty() {
                // Version 1 delivers no signal to a frozen process, not even this one.
                let _ = self.write_freeze(instance, false);
            }
            processes.is_empty()
        })
    }

    /// Removes the instance's directories.
    pub(crate) fn remove(&self, instance: &InstanceId) -> Result<(), EnvironmentError> {
        let mut failure = Ok(());
        for hierarchy in &self.hierarchies {
            let directory = Self::directory(hierarchy, instance);
            if let Err(error) = remove_cgroup(&directory) {
                failure = Err(EnvironmentError::cgroup("remove", directory)(error));
            }
        }
        failure
    }
}

fn remove_cgroup(directory: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_cgroup(&entry.path())?;
        }
    }
    let mut last = Ok(());
    wait_until(RELEASED_WITHIN, || {
        last = match fs::remove_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        last.is_ok()
    });
    last
}

#[cfg(test)]
mod tests;
