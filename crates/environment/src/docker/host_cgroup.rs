//! Where the kernel keeps the cgroup of a process: whichever driver the daemon uses, the
//! host's `/proc/PID/cgroup` tells it.
//!
//! | driver | version 1 | version 2 |
//! |---|---|---|
//! | cgroupfs | `/docker/ID` | `/docker/ID` |
//! | systemd | `/system.slice/docker-ID.scope` | `/system.slice/docker-ID.scope` |

/// The path of a process's cgroup below each controller's mount point, without a leading `/`.
///
/// # Errors
///
/// Why there is none that a meter could read.
pub(super) fn path(text: &str) -> Result<String, String> {
    let version_1 = |controller: &str| {
        text.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            controllers.split(',').any(|name| name == controller).then_some(path)
        })
    };
    let unified = || text.lines().find_map(|line| line.strip_prefix("0::"));
    let path = match (version_1("cpuacct"), version_1("memory")) {
        (Some(cpu), Some(memory)) if cpu == memory => cpu,
        (Some(cpu), Some(memory)) => {
            return Err(format!("its CPU time is counted in {cpu} and its memory in {memory}"));
        }
        (Some(path), None) | (None, Some(path)) => path,
        (None, None) => unified().ok_or("the kernel shows no cgroup of its process")?,
    };
    match path.trim_matches('/') {
        "" => Err("its process is in no cgroup of its own".to_owned()),
        below => Ok(below.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_drivers_and_both_versions_are_understood() {
        let hybrid = "12:pids:/docker/ab\n4:memory:/docker/ab\n3:cpu,cpuacct:/docker/ab\n0::/\n";
        assert_eq!(path(hybrid).as_deref(), Ok("docker/ab"));
        let systemd =
            "5:cpu,cpuacct:/system.slice/docker-ab.scope\n4:memory:/system.slice/docker-ab.scope\n";
        assert_eq!(path(systemd).as_deref(), Ok("system.slice/docker-ab.scope"));
        assert_eq!(path("0::/docker/ab\n").as_deref(), Ok("docker/ab"));
        assert_eq!(
            path("0::/system.slice/docker-ab.scope\n").as_deref(),
            Ok("system.slice/docker-ab.scope")
        );
    }

    #[test]
    fn what_a_meter_cannot_read_has_a_reason() {
        assert!(path("").unwrap_err().contains("no cgroup"));
        assert!(path("0::/\n").unwrap_err().contains("of its own"));
        let apart = "4:memory:/a\n3:cpuacct:/b\n";
        assert!(path(apart).unwrap_err().contains("/a"));
    }

    proptest! {
        #[test]
        fn reading_a_cgroup_file_never_panics(text in "(\\PC|\n|:|/)*") {
            let _ = path(&text);
        }
    }
}
