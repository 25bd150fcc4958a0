//! What probes of killed processes left behind.
//!
//! A probe is over before anything is journaled, so its traces are found by their names,
//! which hold the number of the process that probed. One that still runs may be probing now:
//! its traces are left alone. Does not know what a probe does.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use weighbridge_experiment::{EnvironmentKind, InstanceId, Resource};

use crate::cgroup::CgroupTree;
use crate::environment::{open, read_locator, reap};
use crate::error::EnvironmentError;
use crate::process_identity::ProcessStat;

/// Names of probes begin so, then comes the process, then whatever keeps them apart.
const PREFIXES: [(&str, EnvironmentKind); 6] = [
    ("probe-native-", EnvironmentKind::Native),
    ("probe-container-", EnvironmentKind::Container),
    ("probe-docker-", EnvironmentKind::Docker),
    ("probe-qemu-", EnvironmentKind::Qemu),
    ("probe-firecracker-", EnvironmentKind::Firecracker),
    ("probe-ssh-", EnvironmentKind::Ssh),
];

/// Removes the traces of probes whose process is gone; returns their names.
///
/// # Errors
///
/// A trace that cannot be removed.
pub async fn reap_probes() -> Result<Vec<String>, EnvironmentError> {
    let mut names = CgroupTree::detect().instances();
    names.extend(own_directories(&std::env::temp_dir()));
    let mut removed = Vec::new();
    for name in names {
        let Some((kind, process)) = prober(&name) else { continue };
        if ProcessStat::of(process).is_some_and(|stat| !stat.has_ended()) {
            continue;
        }
        let directory = std::env::temp_dir().join(&name);
        let locator = read_locator(&directory);
        let resource = Resource { kind, instance: InstanceId(name.clone()), directory, locator };
        reap(&*open(kind), &resource).await?;
        removed.push(name);
    }
    Ok(removed)
}

/// Which kind was probed, and by which process, by the name of the instance.
fn prober(name: &str) -> Option<(EnvironmentKind, u32)> {
    PREFIXES.iter().find_map(|(prefix, kind)| {
        let number = name.strip_prefix(prefix)?.split('-').next()?;
        Some((*kind, number.parse().ok()?))
    })
}

/// The directories of this user in a directory that others may write to as well.
fn own_directories(directory: &Path) -> BTreeSet<String> {
    let me = rustix::process::geteuid().as_raw();
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            // Of the link itself, not of what it points to.
            fs::symlink_metadata(entry.path())
                .is_ok_and(|found| found.is_dir() && found.uid() == me)
        })
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_known_by_its_name() {
        assert_eq!(prober("probe-native-71"), Some((EnvironmentKind::Native, 71)));
        assert_eq!(prober("probe-container-71-3"), Some((EnvironmentKind::Container, 71)));
        for other in ["probe-native-", "probe-other-7", "wb-0123456789ab-b0-c0", "native-71"] {
            assert_eq!(prober(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn traces_of_a_process_that_is_gone_are_removed_and_those_of_a_living_one_stay() {
        let mut gone = std::process::Command::new("true").spawn().expect("a process");
        gone.wait().expect("it ends");
        let left = std::env::temp_dir().join(format!("probe-container-{}-77", gone.id()));
        let mine = std::env::temp_dir().join(format!("probe-container-{}-77", std::process::id()));
        for directory in [&left, &mine] {
            fs::create_dir(directory).expect("made");
        }
        reap_probes().await.expect("removed");
        assert!(!left.exists());
        assert!(mine.exists());
        fs::remove_dir(&mine).expect("removed");
    }
}
