//! What is left of an instance, and its removal from the resource alone.
//!
//! Removal never asks how the instance came to be in its state: it kills what runs, takes
//! away what is mounted, removes cgroups and files, and each step finds nothing to do where
//! an earlier removal was cut off. It does not know which kind of environment it removes.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::mount::{UnmountFlags, unmount};
use rustix::process::Signal;
use weighbridge_experiment::Resource;

use crate::cgroup::{CgroupTree, parse_mounts};
use crate::error::EnvironmentError;
use crate::layout::{Layout, read_record};
use crate::network;
use crate::process_identity::{
    ProcessIdentity, ProcessStat, process_tree, signal_process, strays, wait_until,
};

/// A killed process can need a moment to let go of its memory.
const DEAD_WITHIN: Duration = Duration::from_secs(5);

/// One thing that an instance left on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trace {
    /// A process, as the host numbers it.
    Process(u32),
    /// A cgroup directory.
    Cgroup(PathBuf),
    /// A mount below the instance's directory.
    Mount(PathBuf),
    /// The instance's directory.
    Directory(PathBuf),
    /// What is not a thing of this host, in words.
    Elsewhere(String),
}

impl fmt::Display for Trace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(process) => write!(formatter, "process {process}"),
            Self::Cgroup(path) => write!(formatter, "cgroup {}", path.display()),
            Self::Mount(path) => write!(formatter, "mount {}", path.display()),
            Self::Directory(path) => write!(formatter, "directory {}", path.display()),
            Self::Elsewhere(what) => formatter.write_str(what),
        }
    }
}

/// Everything of this instance that is on the host now.
#[must_use]
pub fn traces(resource: &Resource) -> Vec<Trace> {
    traces_in(resource, &CgroupTree::detect())
}

pub(crate) fn traces_in(resource: &Resource, tree: &CgroupTree) -> Vec<Trace> {
    // A name that no environment would have made cannot have left anything.
    if Layout::of(resource).is_err() {
        return Vec::new();
    }
    let mut processes = tree.processes(&resource.instance);
    let executables = Layout::of(resource).map(|layout| layout.executables()).unwrap_or_default();
    processes.extend(processes_by_record(resource, &executables));
    processes.sort_unstable();
    processes.dedup();
    let mut found: Vec<Trace> = processes.into_iter().map(Trace::Process).collect();
    found.extend(tree.directories(&resource.instance).into_iter().map(Trace::Cgroup));
    found.extend(mounts_below(&resource.directory).into_iter().map(Trace::Mount));
    found.extend(network::traces(resource));
    if fs::symlink_metadata(&resource.directory).is_ok() {
        found.push(Trace::Directory(resource.directory.clone()));
    }
    found
}

/// Processes that the files of the instance lead to, whether or not they are in a cgroup.
fn processes_by_record(resource: &Resource, executables: &[PathBuf]) -> Vec<u32> {
    let Ok(layout) = Layout::of(resource) else { return Vec::new() };
    let mut roots: Vec<u32> = [layout.agent_identity(), layout.monitor_identity()]
        .iter()
        // A record that was cut short names nobody; the search by directory goes on.
        .filter_map(|path| read_record::<ProcessIdentity>(path).ok().flatten())
        .filter(ProcessIdentity::is_running)
        .map(|identity| identity.process)
        .collect();
    roots.extend(strays(&resource.directory, executables));
    roots.into_iter().flat_map(process_tree).collect()
}

fn mounts_below(directory: &Path) -> Vec<PathBuf> {
    let directory = fs::canonicalize(directory).unwrap_or_else(|_| directory.into());
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    parse_mounts(&text)
        .into_iter()
        .map(|mount| mount.point)
        .filter(|point| point.starts_with(&directory))
        .collect()
}

/// Ends all processes of the instance and waits until they are gone or zombies. The record
/// that would start one is withdrawn first.
pub(crate) fn kill_processes(resource: &Resource, tree: &CgroupTree) {
    let Ok(layout) = Layout::of(resource) else { return };
    // There is none where the instance was never made, or was destroyed before.
    let _ = fs::rename(layout.launch(), layout.withdrawn_launch());
    end_processes(resource, tree, &layout.executables());
}

fn end_processes(resource: &Resource, tree: &CgroupTree, executables: &[PathBuf]) {
    wait_until(DEAD_WITHIN, || {
        let mut processes = processes_by_record(resource, executables);
        processes.retain(|process| ProcessStat::of(*process).is_some_and(|stat| !stat.has_ended()));
        for process in &processes {
            signal_process(*process, Signal::KILL);
        }
        tree.kill(&resource.instance, Duration::ZERO) && processes.is_empty()
    });
}

/// Removes mounts, cgroups and the directory of an instance whose processes have ended.
///
/// A process that was being started when its maker was killed may appear, and write, while
/// the removal goes on; so it is repeated until nothing appears any more.
pub(crate) fn remove_remains(
    resource: &Resource,
    tree: &CgroupTree,
) -> Result<(), EnvironmentError> {
    let executables = Layout::of(resource)?.executables();
    let mut outcome = Ok(());
    wait_until(DEAD_WITHIN, || {
        outcome = remove_once(resource, tree);
        let appeared = !processes_by_record(resource, &executables).is_empty();
        if appeared || outcome.is_err() {
            end_processes(resource, tree, &executables);
        }
        !appeared && outcome.is_ok()
    });
    outcome
}

fn remove_once(resource: &Resource, tree: &CgroupTree) -> Result<(), EnvironmentError> {
    // A mount on top of another hides it, so the last one goes first.
    for point in mounts_below(&resource.directory).into_iter().rev() {
        unmount(&point, UnmountFlags::DETACH)
            .map_err(|error| EnvironmentError::file("unmount", &point)(error.into()))?;
    }
    tree.remove(&resource.instance)?;
    // What it is known by lies in the directory, which therefore goes last.
    network::remove(resource)?;
    match fs::remove_dir_all(&resource.directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(EnvironmentError::file("remove directory", &resource.directory)(error))
        }
        _ => Ok(()),
    }
}
