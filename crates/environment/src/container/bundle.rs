//! The OCI bundle of one instance: a root file system and its `config.json`.
//!
//! The root file system holds the agent, what it is linked to, and empty directories for
//! mounts. Files are hard links to the host's where both lie on one file system, so every
//! environment runs the same bytes out of the same page cache; elsewhere they are copies.
//! The root is read-only inside. This module does not start anything.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use libcontainer::oci_spec::OciSpecError;
use libcontainer::oci_spec::runtime::{
    Capabilities, LinuxBuilder, LinuxCapabilitiesBuilder, LinuxCpuBuilder, LinuxMemoryBuilder,
    LinuxNamespaceBuilder, LinuxNamespaceType, LinuxResourcesBuilder, Mount, MountBuilder,
    ProcessBuilder, RootBuilder, Spec, SpecBuilder,
};

use crate::cgroup::{CPU_PERIOD_MICROSECONDS, cpu_quota_microseconds, relative_path};
use crate::error::EnvironmentError;
use crate::host_process::AGENT_ENVIRONMENT;
use crate::layout::{LaunchRecord, Layout, place};
use crate::libraries::NeededFile;

/// The agent's executable inside.
pub(crate) const AGENT: &str = "/agent";
/// The agent's working directory inside; the instance's `run/` on the host.
pub(crate) const RUN: &str = "/run/weighbridge";
/// `../lib` as the agent sees it. Not below [`RUN`], where nothing may be executed.
pub(crate) const LIBRARIES: &str = "/run/lib";

/// Namespaces that every container has of its own.
const NAMESPACES: [LinuxNamespaceType; 5] = [
    LinuxNamespaceType::Pid,
    LinuxNamespaceType::Mount,
    LinuxNamespaceType::Network,
    LinuxNamespaceType::Uts,
    LinuxNamespaceType::Ipc,
];

/// Makes the bundle in the instance's directory.
pub(crate) fn write_bundle(
    layout: &Layout,
    launch: &LaunchRecord,
    needed: &[NeededFile],
) -> Result<(), EnvironmentError> {
    let root = layout.rootfs();
    for directory in ["dev", "proc", "sys", &RUN[1..]] {
        let path = root.join(directory);
        fs::create_dir_all(&path).map_err(EnvironmentError::file("create directory", path))?;
    }
    place(&launch.executable, &root, Path::new(AGENT))?;
    for file in needed {
        place(&file.host, &root, &file.inside)?;
    }
    let spec = specification(layout, launch).map_err(|error| EnvironmentError::Bundle {
        instance: launch.instance.clone(),
        reason: error.to_string(),
    })?;
    let path = layout.bundle().join("config.json");
    let text = serde_json::to_vec_pretty(&spec)
        .map_err(|source| EnvironmentError::Record { path: path.clone(), source })?;
    fs::write(&path, text).map_err(EnvironmentError::file("write", path))
}

/// Who runs inside has a name, which clients of a network ask for.
pub(crate) fn name_the_user(layout: &Layout) -> Result<(), EnvironmentError> {
    let directory = layout.rootfs().join("etc");
    fs::create_dir_all(&directory)
        .map_err(EnvironmentError::file("create directory", &directory))?;
    let path = directory.join("passwd");
    fs::write(&path, "root:x:0:0:root:/:/\n").map_err(EnvironmentError::file("write", path))
}

/// Bytes of all files of the root file system.
pub(crate) fn root_bytes(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { root_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

fn mount(
    destination: &str,
    kind: &str,
    source: PathBuf,
    options: &[&str],
) -> Result<Mount, OciSpecError> {
    MountBuilder::default()
        .destination(destination)
        .typ(kind)
        .source(source)
        .options(options.iter().map(ToString::to_string).collect::<Vec<_>>())
        .build()
}

fn mounts(layout: &Layout) -> Result<Vec<Mount>, OciSpecError> {
    let closed = ["nosuid", "noexec", "nodev"];
    Ok(vec![
        mount("/proc", "proc", "proc".into(), &closed)?,
        mount("/dev", "tmpfs", "tmpfs".into(), &["nosuid", "strictatime", "mode=755", "size=64k"])?,
        // The agent reads processor, clock and mitigations there.
        mount("/sys", "sysfs", "sysfs".into(), &["nosuid", "noexec", "nodev", "ro"])?,
        mount(RUN, "bind", layout.run(), &["bind", "rw", "nosuid", "noexec", "nodev"])?,
    ])
}

fn specification(layout: &Layout, launch: &LaunchRecord) -> Result<Spec, OciSpecError> {
    let none = Capabilities::new;
    let capabilities = LinuxCapabilitiesBuilder::default()
        .bounding(none())
        .effective(none())
        .inheritable(none())
        .permitted(none())
        .ambient(none())
        .build()?;
    let mut arguments = vec![AGENT.to_owned()];
    arguments.extend(launch.arguments.iter().cloned());
    let process = ProcessBuilder::default()
        .terminal(false)
        .args(arguments)
        .env(AGENT_ENVIRONMENT.map(|(name, value)| format!("{name}={value}")))
        .cwd(RUN)
        .no_new_privileges(true)
        .capabilities(capabilities)
        .rlimits(Vec::new())
        .build()?;
    let namespaces = NAMESPACES
        .into_iter()
        .map(|kind| LinuxNamespaceBuilder::default().typ(kind).build())
        .collect::<Result<Vec<_>, _>>()?;
    let cpu = LinuxCpuBuilder::default()
        .quota(i64::try_from(cpu_quota_microseconds(&launch.limits)).unwrap_or(i64::MAX))
        .period(CPU_PERIOD_MICROSECONDS)
        .build()?;
    let mut resources = LinuxResourcesBuilder::default().cpu(cpu);
    if let Some(memory) = launch.limits.memory {
        // Swap was limited when the cgroup was made: not every kernel counts it.
        let limit = i64::try_from(memory.bytes()).unwrap_or(i64::MAX);
        resources = resources.memory(LinuxMemoryBuilder::default().limit(limit).build()?);
    }
    let linux = LinuxBuilder::default()
        .namespaces(namespaces)
        .cgroups_path(format!("/{}", relative_path(&launch.instance)))
        .resources(resources.build()?)
        .build()?;
    SpecBuilder::default()
        .version("1.0.2")
        .root(RootBuilder::default().path("rootfs").readonly(true).build()?)
        .hostname(launch.instance.0.clone())
        .mounts(mounts(layout)?)
        .process(process)
        .linux(linux)
        .build()
}

#[cfg(test)]
mod tests {
    use weighbridge_experiment::{ByteSize, CpuCount, InstanceId, Limits};

    use super::*;

    fn launch(executable: PathBuf) -> LaunchRecord {
        LaunchRecord {
            executable,
            arguments: vec!["agent".into(), "$(reboot)".into()],
            limits: Limits { cpus: CpuCount::new(0.5).unwrap(), memory: Some(ByteSize(1 << 26)) },
            monitor: None,
            maker: None,
            instance: InstanceId("run-1".into()),
        }
    }

    #[test]
    fn the_bundle_holds_the_agent_its_libraries_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout { directory: directory.path().join("run-1") };
        let library = directory.path().join("libx.so.1");
        fs::write(&library, "library").unwrap();
        let needed = [NeededFile { host: library, inside: "/lib/deep/libx.so.1".into() }];
        let executable = fs::canonicalize("/proc/self/exe").unwrap();
        write_bundle(&layout, &launch(executable.clone()), &needed).unwrap();

        let root = layout.rootfs();
        let mut top: Vec<_> = fs::read_dir(&root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        top.sort();
        assert_eq!(top, ["agent", "dev", "lib", "proc", "run", "sys"]);
        assert_eq!(fs::read(root.join("lib/deep/libx.so.1")).unwrap(), b"library");
        let bytes = fs::metadata(&executable).unwrap().len() + 7;
        assert_eq!(root_bytes(&root).unwrap(), bytes);
    }

    #[test]
    fn the_description_confines_the_agent() {
        let layout = Layout { directory: "/instances/run-1".into() };
        let spec = specification(&layout, &launch("/bin/agent".into())).unwrap();
        let json = serde_json::to_value(&spec).unwrap();
        assert_eq!(json["process"]["args"], serde_json::json!(["/agent", "agent", "$(reboot)"]));
        assert_eq!(json["process"]["noNewPrivileges"], true);
        for set in ["bounding", "effective", "inheritable", "permitted", "ambient"] {
            assert_eq!(json["process"]["capabilities"][set], serde_json::json!([]), "{set}");
        }
        assert_eq!(json["root"], serde_json::json!({"path": "rootfs", "readonly": true}));
        assert_eq!(json["linux"]["cgroupsPath"], "/weighbridge-run-1");
        assert_eq!(json["linux"]["resources"]["cpu"]["quota"], 50_000);
        assert_eq!(json["linux"]["resources"]["memory"]["limit"], 1 << 26);
        let namespaces: Vec<_> = json["linux"]["namespaces"]
            .as_array()
            .unwrap()
            .iter()
            .map(|namespace| namespace["type"].as_str().unwrap())
            .collect();
        assert_eq!(namespaces, ["pid", "mount", "network", "uts", "ipc"]);
    }
}
