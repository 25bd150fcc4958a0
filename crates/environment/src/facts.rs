//! Facts that an environment knows of one instance, each a value or a reason.

use std::fs;
use std::path::PathBuf;

use weighbridge_experiment::{Fact, HostFacts, InstanceId};

use crate::cgroup::{CgroupTree, relative_path};
use crate::error::EnvironmentError;

/// Kinds of namespace that an instance may have of its own (namespaces(7)).
const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

fn shown(name: &str, read: Result<(String, PathBuf), EnvironmentError>) -> Fact {
    match read {
        Ok((value, path)) => Fact::known(name, value, &path.display().to_string()),
        Err(error) => Fact::missing(name, error.chain(), "cgroup"),
    }
}

/// Limits of the cgroup at `path` as the kernel shows them, not as they were asked.
pub(crate) fn cgroup_facts(tree: &CgroupTree, path: &str, source_of_path: &str) -> Vec<Fact> {
    let version = match tree.version() {
        Some(version) => Fact::known("cgroup_version", version, "/proc/self/mountinfo"),
        None => Fact::missing(
            "cgroup_version",
            "no mounted hierarchy offers cpu or memory",
            "/proc/self/mountinfo",
        ),
    };
    vec![
        version,
        Fact::known("cgroup_path", path, source_of_path),
        shown("limit_cpus", tree.shown_cpu_limit(path)),
        shown("limit_memory_bytes", tree.shown_memory_limit(path)),
    ]
}

/// The same of the cgroup that we made for an instance.
pub(crate) fn own_cgroup_facts(tree: &CgroupTree, instance: &InstanceId) -> Vec<Fact> {
    cgroup_facts(tree, &relative_path(instance), "derived from the instance")
}

/// The same names for an instance without a cgroup.
pub(crate) fn missing_cgroup_facts(reason: &str) -> Vec<Fact> {
    ["cgroup_version", "cgroup_path", "limit_cpus", "limit_memory_bytes"]
        .into_iter()
        .map(|name| Fact::missing(name, reason, "cgroup"))
        .collect()
}

/// Namespaces, capabilities and privileges of a process, compared with our own.
pub(crate) fn process_facts(process: Result<u32, EnvironmentError>) -> Vec<Fact> {
    let names = ["namespaces", "capabilities_effective", "no_new_privileges", "seccomp_mode"];
    let process = match process {
        Ok(process) => process,
        Err(error) => {
            let missing = |name| Fact::missing(name, error.chain(), "/proc/PID");
            return names.into_iter().map(missing).collect();
        }
    };
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let field = |name: &str, key: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        match value {
            Some(value) => Fact::known(name, value.trim(), "/proc/PID/status"),
            None => Fact::missing(name, format!("no line {key}"), "/proc/PID/status"),
        }
    };
    vec![
        own_namespaces(process),
        field(names[1], "CapEff"),
        field(names[2], "NoNewPrivs"),
        field(names[3], "Seccomp"),
    ]
}

fn own_namespaces(process: u32) -> Fact {
    let mut own = Vec::new();
    for name in NAMESPACES {
        let theirs = fs::read_link(format!("/proc/{process}/ns/{name}"));
        let ours = fs::read_link(format!("/proc/self/ns/{name}"));
        match (theirs, ours) {
            (Ok(theirs), Ok(ours)) if theirs != ours => own.push(name),
            (Ok(_), Ok(_)) => {}
            (Err(error), _) | (_, Err(error)) => {
                return Fact::missing("namespaces", format!("{name}: {error}"), "/proc/PID/ns");
            }
        }
    }
    let value = if own.is_empty() { "the host's".to_owned() } else { own.join(" ") };
    Fact::known("namespaces", value, "/proc/PID/ns")
}

/// One list of several groups.
pub(crate) fn collected(groups: Vec<Vec<Fact>>) -> HostFacts {
    HostFacts(groups.into_iter().flatten().collect())
}

/// The processor of the host, beside what a guest believes its own to be.
pub(crate) fn host_processor() -> Fact {
    const PATH: &str = "/proc/cpuinfo";
    let text = fs::read_to_string(PATH).unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    match model {
        Some((_, model)) => Fact::known("host_cpu_model", model, PATH),
        None => Fact::missing("host_cpu_model", "no line model name", PATH),
    }
}
