//! Which cgroup hierarchies the host mounts, from the text of `/proc/self/mountinfo`.

use std::path::{Path, PathBuf};

/// One mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) point: PathBuf,
    pub(crate) kind: String,
    options: String,
}

/// Reads `/proc/PID/mountinfo` (proc_pid_mountinfo(5)); a line of another shape is skipped.
pub(crate) fn parse_mounts(text: &str) -> Vec<Mount> {
    text.lines()
        .filter_map(|line| {
            let (place, file_system) = line.split_once(" - ")?;
            let point = unescape(place.split(' ').nth(4)?);
            let mut fields = file_system.split(' ');
            Some(Mount {
                point: PathBuf::from(point),
                kind: fields.next()?.to_owned(),
                options: fields.nth(1).unwrap_or_default().to_owned(),
            })
        })
        .collect()
}

/// The kernel writes space, tab, newline and backslash as three octal digits.
fn unescape(text: &str) -> String {
    let mut plain = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let octal = bytes
            .get(at + 1..at + 4)
            .filter(|_| bytes[at] == b'\\')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        plain.push(octal.unwrap_or(bytes[at]));
        at += if octal.is_some() { 4 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// The two interfaces that the kernel offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

/// One mounted hierarchy and the controllers that it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hierarchy {
    pub(crate) version: Version,
    pub(crate) root: PathBuf,
    pub(crate) controllers: Vec<String>,
}

impl Hierarchy {
    pub(crate) fn carries(&self, controller: &str) -> bool {
        self.controllers.iter().any(|name| name == controller)
    }
}

/// The hierarchies among the mounts, each once. `controllers_of` reads the controllers of a
/// version 2 hierarchy, which its mount line does not tell.
pub(crate) fn hierarchies(
    mounts: &[Mount],
    controllers_of: impl Fn(&Path) -> Vec<String>,
) -> Vec<Hierarchy> {
    let mut found: Vec<Hierarchy> = Vec::new();
    for mount in mounts {
        let hierarchy = match mount.kind.as_str() {
            "cgroup" => Hierarchy {
                version: Version::V1,
                root: mount.point.clone(),
                controllers: mount
                    .options
                    .split(',')
                    .filter(|option| !["rw", "ro", "xattr", "clone_children"].contains(option))
                    .map(str::to_owned)
                    .collect(),
            },
            "cgroup2" => Hierarchy {
                version: Version::V2,
                root: mount.point.clone(),
                controllers: controllers_of(&mount.point),
            },
            _ => continue,
        };
        // The same hierarchy may be mounted in several places.
        let again = found.iter().any(|other| {
            other.version == hierarchy.version
                && (hierarchy.version == Version::V2 || other.controllers == hierarchy.controllers)
        });
        if !again {
            found.push(hierarchy);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HYBRID: &str = "\
25 30 0:23 / /sys rw,nosuid - sysfs sysfs rw
26 25 0:24 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
27 26 0:25 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
28 26 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
29 26 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
31 26 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
32 25 0:26 / /mnt/with\\040space rw - cgroup cgroup rw,memory
";

    #[test]
    fn both_versions_are_found_beside_each_other() {
        let found = hierarchies(&parse_mounts(HYBRID), |_| Vec::new());
        let roots: Vec<_> = found.iter().map(|h| (h.version, h.root.to_str().unwrap())).collect();
        assert_eq!(
            roots,
            [
                (Version::V1, "/sys/fs/cgroup/cpu,cpuacct"),
                (Version::V1, "/sys/fs/cgroup/memory"),
                (Version::V1, "/sys/fs/cgroup/systemd"),
                (Version::V2, "/sys/fs/cgroup/unified"),
            ]
        );
        assert!(found[0].carries("cpu") && found[0].carries("cpuacct"));
        assert!(!found[0].carries("rw"));
        assert_eq!(found[2].controllers, ["name=systemd"]);
    }

    #[test]
    fn spaces_in_a_mount_point_are_decoded() {
        let mounts = parse_mounts(HYBRID);
        assert_eq!(mounts.last().unwrap().point, Path::new("/mnt/with space"));
        assert_eq!(unescape(r"a\134b\01"), r"a\b\01");
    }

    #[test]
    fn pure_version_2_takes_its_controllers_from_the_file() {
        let text = "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = hierarchies(&parse_mounts(text), |_| vec!["cpu".into(), "memory".into()]);
        assert_eq!(found.len(), 1);
        assert!(found[0].carries("memory"));
    }

    proptest! {
        #[test]
        fn reading_mounts_never_panics(text in "(\\PC|\n|\\\\[0-9]{0,3}| - cgroup )*") {
            let _ = hierarchies(&parse_mounts(&text), |_| Vec::new());
        }
    }
}
