//! The same code on fake trees of plain files, for the versions that a host does not mount.

use std::fs;
use std::path::Path;

use weighbridge_experiment::{ByteSize, CpuCount};

use super::*;

fn limits() -> Limits {
    Limits { cpus: CpuCount::new(1.5).unwrap(), memory: Some(ByteSize(64 << 20)) }
}

fn instance() -> InstanceId {
    InstanceId("run-1".into())
}

fn mount(root: &Path, name: &str, kind: &str, options: &str) -> String {
    let point = root.join(name);
    fs::create_dir_all(&point).unwrap();
    format!("30 24 0:30 / {} rw - {kind} {kind} rw,{options}\n", point.display())
}

/// A version 1 host: one directory a controller, as Debian mounts them.
fn v1(root: &Path) -> CgroupTree {
    let text: String = ["cpu,cpuacct", "memory", "freezer", "cpuset", "devices"]
        .iter()
        .map(|name| mount(root, name, "cgroup", name))
        .collect();
    CgroupTree::from_mountinfo(&text)
}

fn v2(root: &Path) -> CgroupTree {
    let text = mount(root, "unified", "cgroup2", "nsdelegate");
    fs::write(root.join("unified/cgroup.controllers"), "cpuset cpu io memory pids\n").unwrap();
    CgroupTree::from_mountinfo(&text)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn version_1_limits_go_into_each_controllers_own_hierarchy() {
    let root = tempfile::tempdir().unwrap();
    let tree = v1(root.path());
    let memory = root.path().join("memory/weighbridge-run-1");
    fs::create_dir_all(&memory).unwrap();
    fs::write(memory.join("memory.memsw.limit_in_bytes"), "").unwrap();
    tree.create(&instance(), &limits()).unwrap();

    let cpu = root.path().join("cpu,cpuacct/weighbridge-run-1");
    assert_eq!(read(&cpu.join("cpu.cfs_quota_us")), "150000");
    assert_eq!(read(&cpu.join("cpu.cfs_period_us")), "100000");
    assert_eq!(read(&memory.join("memory.limit_in_bytes")), "67108864");
    assert_eq!(read(&memory.join("memory.memsw.limit_in_bytes")), "67108864");
    assert!(root.path().join("freezer/weighbridge-run-1").is_dir());
    assert!(!root.path().join("devices/weighbridge-run-1").exists());
    assert_eq!(tree.version(), Some("v1"));
    assert_eq!(tree.shown_cpu_limit(&relative_path(&instance())).unwrap().0, "1.5");
    assert_eq!(tree.shown_memory_limit(&relative_path(&instance())).unwrap().0, "67108864");
}

#[test]
fn version_2_enables_controllers_on_the_way_down_and_writes_one_tree() {
    let root = tempfile::tempdir().unwrap();
    let tree = v2(root.path());
    tree.create(&instance(), &limits()).unwrap();
    let unified = root.path().join("unified");
    // Each write replaces the plain file; the kernel would add to the set.
    assert_eq!(read(&unified.join("cgroup.subtree_control")), "+io");
    let leaf = unified.join("weighbridge-run-1");
    assert_eq!(read(&leaf.join("cpu.max")), "150000 100000");
    assert_eq!(read(&leaf.join("memory.max")), "67108864");
    assert!(!leaf.join("memory.swap.max").exists(), "a host without swap accounting");
    assert!(!leaf.join("cgroup.subtree_control").exists(), "the leaf holds processes");
    assert_eq!(tree.version(), Some("v2"));
    assert_eq!(tree.shown_cpu_limit(&relative_path(&instance())).unwrap().0, "1.5");
}

#[test]
fn an_empty_version_2_beside_version_1_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let mut text = mount(root.path(), "cpu", "cgroup", "cpu");
    text += &mount(root.path(), "memory", "cgroup", "memory");
    text += &mount(root.path(), "unified", "cgroup2", "nsdelegate");
    let tree = CgroupTree::from_mountinfo(&text);
    tree.create(&instance(), &limits()).unwrap();
    assert_eq!(tree.version(), Some("v1 (hybrid)"));
    assert!(!root.path().join("unified/weighbridge").exists());
    assert_eq!(tree.directories(&instance()).len(), 2);
}

#[test]
fn memory_kills_are_read_in_both_versions_and_missing_is_not_zero() {
    for (tree, file, text) in [
        (
            v1 as fn(&Path) -> CgroupTree,
            "memory/weighbridge-run-1/memory.oom_control",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        ),
        (
            v2,
            "unified/weighbridge-run-1/memory.events",
            "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\n",
        ),
    ] {
        let root = tempfile::tempdir().unwrap();
        let tree = tree(root.path());
        assert_eq!(tree.oom_kills(&instance()), None);
        tree.create(&instance(), &limits()).unwrap();
        fs::write(root.path().join(file), text).unwrap();
        assert_eq!(tree.oom_kills(&instance()), Some(2));
    }
}

#[test]
fn freezing_writes_the_file_of_the_version() {
    let root = tempfile::tempdir().unwrap();
    let tree = v1(root.path());
    tree.create(&instance(), &limits()).unwrap();
    // The plain file answers what was written, as a settled freezer does.
    assert!(tree.freeze(&instance(), true).unwrap());
    let state = root.path().join("freezer/weighbridge-run-1/freezer.state");
    assert_eq!(read(&state), "FROZEN");
    assert!(tree.freeze(&instance(), false).unwrap());
    assert_eq!(read(&state), "THAWED");

    let root = tempfile::tempdir().unwrap();
    let tree = v2(root.path());
    assert!(!tree.freeze(&instance(), true).unwrap(), "there is no such instance yet");
    tree.create(&instance(), &limits()).unwrap();
    let leaf = root.path().join("unified/weighbridge-run-1");
    fs::write(leaf.join("cgroup.events"), "populated 1\nfrozen 1\n").unwrap();
    assert!(tree.freeze(&instance(), true).unwrap());
    assert_eq!(read(&leaf.join("cgroup.freeze")), "1");
}

#[test]
fn processes_of_all_hierarchies_are_listed_once() {
    let root = tempfile::tempdir().unwrap();
    let tree = v1(root.path());
    tree.create(&instance(), &limits()).unwrap();
    for name in ["memory", "freezer"] {
        let procs = root.path().join(name).join("weighbridge-run-1/cgroup.procs");
        fs::write(procs, "12\n7\n0\n").unwrap();
    }
    assert_eq!(tree.processes(&instance()), [7, 12]);
}

#[test]
fn removal_also_takes_hierarchies_that_only_a_runtime_joined() {
    let root = tempfile::tempdir().unwrap();
    let tree = v1(root.path());
    fs::create_dir_all(root.path().join("devices/weighbridge-run-1/nested")).unwrap();
    fs::create_dir_all(root.path().join("cpuset/weighbridge-run-1")).unwrap();
    fs::create_dir_all(root.path().join("cpuset/weighbridge-run-2")).unwrap();
    assert_eq!(tree.directories(&instance()).len(), 2);
    tree.remove(&instance()).unwrap();
    assert_eq!(tree.directories(&instance()).len(), 0);
    assert!(!root.path().join("devices/weighbridge-run-1").exists());
    assert!(root.path().join("cpuset/weighbridge-run-2").is_dir(), "another instance stays");
}

#[test]
fn without_a_cpu_controller_creation_says_so_and_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let tree = CgroupTree::from_mountinfo(&mount(root.path(), "pids", "cgroup", "pids"));
    assert!(matches!(
        tree.create(&instance(), &limits()),
        Err(EnvironmentError::ControllerMissing { controller: "cpu" })
    ));
    assert!(!root.path().join("pids/weighbridge-run-1").exists());
    assert_eq!(tree.version(), None);
}

#[test]
fn a_tiny_share_stays_above_what_the_kernel_refuses() {
    let tiny = Limits { cpus: CpuCount::new(0.01).unwrap(), memory: None };
    assert_eq!(super::control::cpu_quota_microseconds(&tiny), 1_000);
}
