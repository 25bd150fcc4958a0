//! What kind of host, guest or container this is: each fact a value, or the reason why there
//! is none, with the file that was read.
//!
//! Called on the host and, by the agent, inside every environment, where `/proc` and `/sys`
//! may be masked or absent: nothing here fails.

mod kernel;
mod memory;
mod place;
mod processor;
mod reader;

use weighbridge_experiment::HostFacts;

use crate::Roots;
use reader::Reader;

/// The facts of this host, or of the guest or container in which this is called.
#[must_use]
pub fn host_facts() -> HostFacts {
    host_facts_at(&Roots::default())
}

/// The same on other mount points.
#[must_use]
pub fn host_facts_at(roots: &Roots) -> HostFacts {
    let mut reader = Reader::new(roots);
    processor::read(&mut reader);
    memory::read(&mut reader);
    kernel::read(&mut reader);
    place::read(&mut reader);
    HostFacts(reader.facts)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn there_are_facts_enough_and_each_is_a_value_or_a_reason() {
        let facts = host_facts();
        assert!(facts.0.len() >= 40, "{} facts", facts.0.len());
        let names: BTreeSet<&str> = facts.0.iter().map(|fact| fact.name.as_str()).collect();
        assert_eq!(names.len(), facts.0.len(), "names are unique");
        for fact in &facts.0 {
            assert!(fact.value.is_some() != fact.reason.is_some(), "{fact:?}");
            assert!(!fact.instrument.is_empty(), "{fact:?}");
            assert!(fact.value.as_ref().is_none_or(|value| !value.trim().is_empty()), "{fact:?}");
        }
        assert!(facts.value("kernel_release").is_some());
    }

    #[test]
    fn without_proc_and_sys_every_fact_is_still_listed() {
        let directory = tempfile::tempdir().expect("a directory");
        let bare = host_facts_at(&Roots::below(directory.path()));
        let names =
            |facts: &HostFacts| facts.0.iter().map(|fact| fact.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&bare), names(&host_facts()));
        let memory = bare.0.iter().find(|fact| fact.name == "memory_total_bytes").expect("listed");
        assert!(
            memory.reason.as_deref().is_some_and(|reason| reason.contains("meminfo")),
            "{memory:?}"
        );
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("written");
    }

    #[test]
    fn a_known_host_is_read_as_it_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        let cpu = |number: u32, core: u32| {
            format!(
                "processor\t: {number}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\nmodel name\t: Xeon\nstepping\t: 8\n\
                microcode\t: 0x2b\ncpu MHz\t\t: {}.5\nphysical id\t: 0\ncore id\t\t: {core}\nflags\t\t: fpu avx2 fma avx512f amx_tile\n\n",
                2000 + number
            )
        };
        write(root, "proc/cpuinfo", &(cpu(0, 0) + &cpu(1, 1) + &cpu(2, 0) + &cpu(3, 1)));
        write(
            root,
            "proc/meminfo",
            "MemTotal:       1000 kB\nMemAvailable:    600 kB\nSwapTotal:       0 kB\nHugePages_Total:       3\nHugepagesize:       2048 kB\n",
        );
        write(
            root,
            "proc/cmdline",
            "root=/dev/secret password=1 isolcpus=2,3 quiet nohz_full=2,3\n",
        );
        write(root, "sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected\n");
        write(root, "sys/devices/system/cpu/vulnerabilities/mds", "Mitigation: Clear\n");
        write(root, "sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
        write(root, "sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
        write(root, "sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
        write(root, "proc/stat", "cpu  1 2 3 4 5 6 7 250 0 0\n");
        write(
            root,
            "proc/mounts",
            "proc /proc proc rw 0 0\n/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n",
        );
        let facts = host_facts_at(&Roots::below(root));
        for (name, value) in [
            ("cpu_model", "Xeon"),
            ("cpu_logical_count", "4"),
            ("cpu_physical_cores", "2"),
            ("cpu_threads_per_core", "2"),
            ("cpu_mhz_now", "2000.5 to 2003.5"),
            ("cpu_instruction_sets", "avx2 avx512f fma amx_tile"),
            ("cpu_turbo", "off"),
            ("memory_total_bytes", "1024000"),
            ("swap_total_bytes", "0"),
            ("huge_pages_reserved", "3 of 2048 kB"),
            ("transparent_huge_pages", "madvise"),
            ("cpu_mitigations", "mds: Mitigation: Clear; meltdown: Not affected"),
            ("kernel_isolation_options", "isolcpus=2,3 nohz_full=2,3"),
            ("cgroup_version", "v2"),
            ("cgroup_controllers", "cpuset cpu io memory pids"),
            ("root_file_system", "ext4"),
            ("temporary_file_system", "tmpfs"),
        ] {
            assert_eq!(
                facts.value(name),
                Some(value),
                "{name}: {:?}",
                facts.0.iter().find(|fact| fact.name == name)
            );
        }
        assert!(!facts.0.iter().any(|fact| {
            fact.value
                .as_deref()
                .is_some_and(|value| value.contains("secret") || value.contains("password"))
        }));
    }
}
