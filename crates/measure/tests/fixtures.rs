//! The whole outside meter on directories of files that look like a kernel's, in the version
//! of cgroups that this machine may not have.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use weighbridge_experiment::{MeterTarget, Usage};
use weighbridge_measure::{OutsideMeter, Roots, process_cpu_nanoseconds_at};

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, text).expect("written");
}

fn host() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    for (name, namespace) in [("self", "net:[1]"), ("50", "net:[2]")] {
        fs::create_dir_all(root.join("proc").join(name).join("ns")).expect("a directory");
        std::os::unix::fs::symlink(namespace, root.join("proc").join(name).join("ns/net"))
            .expect("linked");
    }
    write(root, "proc/50/stat", "50 (agent) S 1 0 0 0 0 0 0 0 0 0 120 30 0 0 20 0 1 0 0");
    write(root, "proc/50/status", "VmHWM:\t 400 kB\nVmRSS:\t 300 kB\n");
    write(root, "proc/50/io", "read_bytes: 8192\nwrite_bytes: 4096\ncancelled_write_bytes: 0\n");
    write(
        root,
        "proc/50/net/dev",
        "a\nb\n lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n eth0: 10 1 0 0 0 0 0 0 20 2 0 0 0 0 0 0\n",
    );
    directory
}

fn target() -> MeterTarget {
    MeterTarget::Cgroup { path: "weighbridge/a".to_owned(), process: 50 }
}

fn expected(cpu_nanoseconds: u64, requests: Option<(u64, u64)>) -> Usage {
    Usage {
        cpu_nanoseconds: Some(cpu_nanoseconds),
        memory_resident_bytes: Some(300 * 1024),
        memory_peak_bytes: Some(400 * 1024),
        storage_read_bytes: Some(8192),
        storage_write_bytes: Some(4096),
        storage_read_requests: requests.map(|(reads, _)| reads),
        storage_write_requests: requests.map(|(_, writes)| writes),
        network_receive_bytes: Some(10),
        network_transmit_bytes: Some(20),
        network_receive_packets: Some(1),
        network_transmit_packets: Some(2),
        ..Usage::default()
    }
}

#[test]
fn an_instance_in_a_version_two_cgroup_is_read_whole() {
    let host = host();
    let at = "sys/fs/cgroup/weighbridge/a";
    write(
        host.path(),
        &format!("{at}/cpu.stat"),
        "usage_usec 1500000\nuser_usec 1\nsystem_usec 1\n",
    );
    write(host.path(), &format!("{at}/cgroup.procs"), "50\n");
    write(
        host.path(),
        &format!("{at}/io.stat"),
        "8:0 rbytes=8192 wbytes=0 rios=2 wios=1 dbytes=0 dios=0\n",
    );
    let roots = Roots::below(host.path());
    let (mut meter, instruments) = OutsideMeter::open_at(&target(), roots.clone()).expect("opened");
    assert_eq!(meter.read().expect("read"), expected(1_500_000_000, Some((2, 1))));
    assert!(instruments.cpu.line().starts_with("cgroup v2 cpu.stat usage_usec"), "{instruments:?}");
    assert_eq!(process_cpu_nanoseconds_at(&target(), roots).expect("read"), Some(1_500_000_000));

    // Time goes on, in the same open files.
    write(host.path(), &format!("{at}/cpu.stat"), "usage_usec 1600000\n");
    assert_eq!(meter.read().expect("read").cpu_nanoseconds, Some(1_600_000_000));
    write(host.path(), &format!("{at}/cpu.stat"), "something else\n");
    let message = meter.read().expect_err("no counter").to_string();
    assert!(message.contains("usage_usec"), "{message}");
}

#[test]
fn an_instance_in_a_version_one_cgroup_is_read_whole_but_for_requests_that_are_not_counted() {
    let host = host();
    write(host.path(), "sys/fs/cgroup/cpuacct/weighbridge/a/cpuacct.usage", "1500000123\n");
    write(host.path(), "sys/fs/cgroup/cpuacct/weighbridge/a/cgroup.procs", "50\n");
    write(
        host.path(),
        "sys/fs/cgroup/blkio/weighbridge/a/blkio.throttle.io_serviced_recursive",
        "Total 0\n",
    );
    write(host.path(), "sys/fs/cgroup/blkio/blkio.throttle.io_serviced_recursive", "Total 0\n");
    write(host.path(), "proc/diskstats", "254 0 vda 5 0 0 0 6 0 0 0 0 0\n");
    let (mut meter, instruments) =
        OutsideMeter::open_at(&target(), Roots::below(host.path())).expect("opened");
    assert_eq!(meter.read().expect("read"), expected(1_500_000_123, None));
    assert!(instruments.storage.line().contains("missing requests: "), "{instruments:?}");
    assert!(
        instruments.storage.line().contains("does not count on this kernel"),
        "{instruments:?}"
    );
}

#[test]
fn where_processes_cannot_be_read_the_cgroup_stands_in_and_says_so() {
    let host = host();
    let at = "sys/fs/cgroup/weighbridge/a";
    write(host.path(), &format!("{at}/cpu.stat"), "usage_usec 1\n");
    write(host.path(), &format!("{at}/memory.stat"), "anon 1000\nfile_mapped 24\n");
    write(host.path(), &format!("{at}/memory.peak"), "5000\n");
    let (mut meter, instruments) =
        OutsideMeter::open_at(&target(), Roots::below(host.path())).expect("opened");
    let usage = meter.read().expect("read");
    assert_eq!((usage.memory_resident_bytes, usage.memory_peak_bytes), (Some(1024), Some(5000)));
    assert_eq!(usage.storage_read_bytes, None);
    assert!(instruments.memory.line().contains("page cache"), "{instruments:?}");
    assert!(instruments.storage.line().starts_with("missing: "), "{instruments:?}");
}

#[test]
fn a_process_tree_is_read_by_its_ticks() {
    let host = host();
    let tree = MeterTarget::ProcessTree { process: 50, reason: "not permitted".to_owned() };
    let (mut meter, instruments) =
        OutsideMeter::open_at(&tree, Roots::below(host.path())).expect("opened");
    assert_eq!(meter.read().expect("read"), expected(1_500_000_000, None));
    assert!(instruments.cpu.line().contains("not permitted"), "{instruments:?}");
}
