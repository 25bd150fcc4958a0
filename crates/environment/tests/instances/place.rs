//! Where the tests make their instances, and how they look at them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use weighbridge_environment::{
    ContainerEnvironment, DockerEnvironment, Environment, FirecrackerEnvironment,
    NativeEnvironment, QemuEnvironment, SimulatedEnvironment, SshEnvironment, reap, traces,
};
use weighbridge_experiment::{
    AgentLaunch, ByteSize, CpuCount, CreateRequest, EnvironmentKind, EnvironmentSettings,
    InstanceId, Limits, Resource,
};

/// Cargo builds examples before it runs tests, beside them.
pub(crate) fn stand_in() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(Path::parent).unwrap();
    let path = target.join("examples/agent_stand_in");
    assert!(path.is_file(), "{} is missing: run `cargo build --examples`", path.display());
    path
}

pub(crate) fn environment(kind: EnvironmentKind) -> Box<dyn Environment> {
    match kind {
        EnvironmentKind::Native => Box::new(NativeEnvironment::new()),
        EnvironmentKind::Container => Box::new(ContainerEnvironment::new(stand_in())),
        EnvironmentKind::Ssh => Box::new(SshEnvironment::new(stand_in())),
        EnvironmentKind::Docker => Box::new(DockerEnvironment::new(stand_in())),
        EnvironmentKind::Qemu => Box::new(QemuEnvironment::without_store()),
        EnvironmentKind::Firecracker => Box::new(FirecrackerEnvironment::without_store()),
        EnvironmentKind::Simulated => Box::new(SimulatedEnvironment::new()),
    }
}

/// Kinds whose instances are processes of ours; the others have tests of their own.
pub(crate) const HERE: [EnvironmentKind; 3] =
    [EnvironmentKind::Native, EnvironmentKind::Container, EnvironmentKind::Simulated];

/// Kinds that this user can run; what is left out is said, and refused in CI.
pub(crate) fn kinds(wanted: &[EnvironmentKind]) -> Vec<EnvironmentKind> {
    let root = rustix::process::geteuid().is_root();
    // A guest boots nothing but the real executable: `crates/weighbridge/tests` does that.
    let here = wanted.iter().filter(|kind| **kind != EnvironmentKind::Qemu);
    let (kept, left_out): (Vec<_>, Vec<_>) =
        here.partition(|kind| root || **kind != EnvironmentKind::Container);
    if !left_out.is_empty() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{left_out:?} needs root");
        eprintln!("left out, because it needs root: {left_out:?}");
    }
    kept
}

/// A directory under which a test's instances lie, and what makes their requests.
pub(crate) struct Place {
    pub(crate) directory: tempfile::TempDir,
}

static INSTANCES: AtomicU32 = AtomicU32::new(0);

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn resource(&self, kind: EnvironmentKind) -> Resource {
        let number = INSTANCES.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{kind}-{}-{number:04}", std::process::id());
        let directory = self.directory.path().join(&name);
        Resource { kind, instance: InstanceId(name), directory, locator: None }
    }

    pub(crate) fn request(&self, kind: EnvironmentKind, arguments: &[&str]) -> CreateRequest {
        CreateRequest {
            resource: self.resource(kind),
            limits: Limits { cpus: CpuCount::new(0.5).unwrap(), memory: Some(ByteSize(64 << 20)) },
            agent: AgentLaunch {
                executable: stand_in(),
                arguments: arguments.iter().map(ToString::to_string).collect(),
                libraries: Vec::new(),
            },
            settings: EnvironmentSettings::of_kind(kind),
            service_ports: Vec::new(),
        }
    }
}

/// Looks with its own eyes, not with the library's: every mounted cgroup, every mount, and
/// the directory.
pub(crate) fn assert_nothing_left(resource: &Resource) {
    let name = &resource.instance.0;
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let roots = mounts.lines().filter(|line| line.contains(" - cgroup"));
    for root in roots.filter_map(|line| line.split(' ').nth(4)) {
        let cgroup = Path::new(root).join(format!("weighbridge-{name}"));
        assert!(!cgroup.exists(), "{} is left", cgroup.display());
    }
    assert!(!mounts.contains(name.as_str()), "a mount is left");
    assert!(!resource.directory.exists(), "{} is left", resource.directory.display());
    for entry in fs::read_dir("/proc").unwrap() {
        let command = fs::read(entry.unwrap().path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).into_owned();
        assert!(!command.contains(name.as_str()), "a process is left: {command:?}");
    }
    assert_eq!(traces(resource), []);
}

pub(crate) async fn destroy(environment: &dyn Environment, resource: &Resource) {
    reap(environment, resource).await.unwrap();
    assert_nothing_left(resource);
}

/// Kinds with limits, which need root.
pub(crate) fn limited_kinds() -> Vec<EnvironmentKind> {
    if kinds(&[EnvironmentKind::Container]).is_empty() {
        return Vec::new();
    }
    vec![EnvironmentKind::Native, EnvironmentKind::Container]
}
