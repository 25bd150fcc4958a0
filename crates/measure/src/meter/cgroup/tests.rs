use super::*;

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, text).expect("written");
}

fn roots() -> (tempfile::TempDir, Roots) {
    let directory = tempfile::tempdir().expect("a directory");
    let roots = Roots::below(directory.path());
    (directory, roots)
}

#[test]
fn version_one_is_read_in_nanoseconds_through_either_mount_name() {
    for mount in V1_ACCOUNTING {
        let (_directory, roots) = roots();
        let at = roots.cgroup.join(mount).join("w/a");
        write(&at.join("cpuacct.usage"), "123456789\n");
        write(&at.join("cgroup.procs"), "17\n18\n");
        write(&at.join("inner/cgroup.procs"), "19\n");
        write(
            &roots.cgroup.join("memory/w/a/memory.stat"),
            "rss 1\ntotal_rss 4096\ntotal_mapped_file 8192\n",
        );
        write(&roots.cgroup.join("memory/w/a/memory.max_usage_in_bytes"), "99999\n");
        let cgroup = Cgroup::open(&roots, "w/a").expect("opened");
        let mut buffer = Vec::new();
        assert_eq!(cgroup.cpu_nanoseconds(&mut buffer).expect("read"), 123_456_789);
        assert_eq!(cgroup.memory_resident(&mut buffer), Some(12_288));
        assert_eq!(cgroup.memory_peak_with_cache(&mut buffer), Some(99_999));
        let mut members = vec![1];
        cgroup.members(&mut members, &mut buffer);
        assert_eq!(members, [17, 18, 19]);
        assert!(cgroup.requests.is_err());
    }
}

#[test]
fn version_two_is_read_in_microseconds_pure_or_hybrid() {
    for mount in ["", "unified"] {
        let (_directory, roots) = roots();
        let at = roots.cgroup.join(mount).join("w/a");
        write(&at.join("cpu.stat"), "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n");
        write(&at.join("cgroup.procs"), "17\n");
        write(&at.join("memory.stat"), "anon 4096\nfile 77777\nfile_mapped 1024\n");
        write(&at.join("memory.peak"), "50000\n");
        write(
            &at.join("io.stat"),
            "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n259:0 rbytes=1 wbytes=2 rios=30 wios=40 dbytes=0 dios=0\n",
        );
        let cgroup = Cgroup::open(&roots, "/w/a/").expect("opened");
        let mut buffer = Vec::new();
        assert_eq!(cgroup.cpu_nanoseconds(&mut buffer).expect("read"), 1_500_000);
        assert_eq!(cgroup.memory_resident(&mut buffer), Some(5120));
        assert_eq!(cgroup.memory_peak_with_cache(&mut buffer), Some(50_000));
        assert_eq!(cgroup.requests(&mut buffer), Some((33, 44)));
    }
}

#[test]
fn a_request_counter_that_does_not_count_is_not_believed() {
    let (_directory, roots) = roots();
    write(&roots.cgroup.join("cpuacct/w/cpuacct.usage"), "1\n");
    let serviced = "blkio.throttle.io_serviced_recursive";
    write(&roots.cgroup.join("blkio/w").join(serviced), "8:0 Read 0\nTotal 0\n");
    write(&roots.cgroup.join("blkio").join(serviced), "Total 0\n");
    write(
        &roots.proc.join("diskstats"),
        " 254       0 vda 55549 8906 6771834 25321 31021 89344 1 1 0 1 1\n",
    );
    let reason = Cgroup::open(&roots, "w").expect("opened").requests.expect_err("not counting");
    assert!(reason.contains("does not count on this kernel"), "{reason}");

    write(
        &roots.cgroup.join("blkio").join(serviced),
        "8:0 Read 5\n8:0 Write 6\n8:0 Total 11\nTotal 11\n",
    );
    let cgroup = Cgroup::open(&roots, "w").expect("opened");
    assert_eq!(cgroup.requests(&mut Vec::new()), Some((0, 0)));
}

#[test]
fn a_cgroup_that_is_not_there_names_what_was_tried() {
    let (_directory, roots) = roots();
    let message = Cgroup::open(&roots, "w/gone").expect_err("absent").to_string();
    assert!(
        message.contains("w/gone/cpuacct.usage") && message.contains("unified/w/gone/cpu.stat"),
        "{message}"
    );
    write(&roots.cgroup.join("cpu.stat"), "usage_usec 1\n");
    assert!(Cgroup::open(&roots, "/").is_err(), "the root cgroup is never an instance");
}
