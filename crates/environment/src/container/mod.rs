//! OCI containers without a daemon: own root file system, namespaces and limits.
//!
//! For each instance this process writes a bundle and starts a monitor, which makes the
//! container and stays with it (the `monitor` module says why). Everything that ends or
//! removes a container also works without its monitor, from the resource alone.
//! This module does not know what the agent does. Containers have no network but loopback
//! unless one is asked for.

mod bundle;
mod monitor;
mod probe;
mod runtime;

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use weighbridge_experiment::{
    Availability, ContainerNetwork, CreateRequest, Ended, Endpoint, EnvironmentKind,
    EnvironmentSettings, Fact, HostFacts, MeterTarget, Resource, Sha256Digest,
};

use crate::blocking::blocking;
use crate::cgroup::CgroupTree;
use crate::environment::{CopySource, Environment, Port};
use crate::error::EnvironmentError;
use crate::facts::{collected, own_cgroup_facts, process_facts};
use crate::host_process::{self, Children};
use crate::last_words::last_words;
use crate::layout::{LaunchRecord, Layout, library_name, read_record, write_record};
use crate::libraries;
use crate::network;
use crate::process_identity::{ProcessIdentity, wait_until};
use crate::traces::{self, kill_processes, remove_remains};

pub(crate) use bundle::{AGENT, LIBRARIES, RUN};
use monitor::Report;
pub use monitor::{MONITOR_COMMAND, container_monitor, monitor_directory};

/// Making a container takes tens of milliseconds; this is for a host that is out of breath.
const STARTED_WITHIN: Duration = Duration::from_secs(30);

/// A monitor that was let go of kills, waits and removes; then it is killed itself.
const LET_GO_WITHIN: Duration = Duration::from_secs(5);

/// Runs agents in containers.
#[derive(Debug)]
pub struct ContainerEnvironment {
    monitor: PathBuf,
    children: Arc<Children>,
}

impl ContainerEnvironment {
    /// Containers are watched over by `monitor`, an executable whose `main` passes the
    /// directory of [`monitor_directory`] to [`container_monitor`] before it starts a
    /// thread, and that answers `--version` with exit code 0.
    #[must_use]
    pub fn new(monitor: PathBuf) -> Self {
        Self { monitor, children: Arc::default() }
    }

    /// Containers are watched over by the running executable.
    #[must_use]
    pub fn of_this_executable() -> Self {
        // The link reaches the running executable even after its file was replaced.
        Self::new(std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into()))
    }
}

#[async_trait]
impl Environment for ContainerEnvironment {
    fn kind(&self) -> EnvironmentKind {
        EnvironmentKind::Container
    }

    async fn probe(&self, settings: &EnvironmentSettings) -> Availability {
        let (monitor, children) = (self.monitor.clone(), Arc::clone(&self.children));
        let network = has_network(settings);
        match blocking(move || Ok(probe::probe(&monitor, &children, network))).await {
            Ok(availability) => availability,
            Err(error) => probe::unavailable(error.chain()),
        }
    }

    async fn create(&self, request: &CreateRequest) -> Result<(), EnvironmentError> {
        let (request, monitor) = (request.clone(), self.monitor.clone());
        let children = Arc::clone(&self.children);
        blocking(move || create(&request, &monitor, &children)).await
    }

    fn endpoint(&self, resource: &Resource, port: Port) -> Result<Endpoint, EnvironmentError> {
        match port {
            Port::Agent => host_process::endpoint(resource, port),
            Port::Service(port) => {
                Err(EnvironmentError::ServicePort { kind: EnvironmentKind::Container, port })
            }
        }
    }

    async fn copy_in(
        &self,
        resource: &Resource,
        source: CopySource,
        name: &str,
    ) -> Result<(), EnvironmentError> {
        let (resource, name) = (resource.clone(), name.to_owned());
        blocking(move || host_process::copy_in(&resource, &source, &name)).await
    }

    async fn meter_target(&self, resource: &Resource) -> Result<MeterTarget, EnvironmentError> {
        let resource = resource.clone();
        blocking(move || host_process::meter_target(&resource)).await
    }

    async fn pause(&self, resource: &Resource, paused: bool) -> Result<(), EnvironmentError> {
        let resource = resource.clone();
        blocking(move || host_process::pause(&resource, paused, Some(&CgroupTree::detect()))).await
    }

    async fn describe(&self, resource: &Resource) -> HostFacts {
        let resource = resource.clone();
        blocking(move || Ok(facts(&resource))).await.unwrap_or_default()
    }

    async fn destroy(&self, resource: &Resource) -> Result<Ended, EnvironmentError> {
        let (resource, children) = (resource.clone(), Arc::clone(&self.children));
        blocking(move || destroy(&resource, &children)).await
    }

    async fn exists(&self, resource: &Resource) -> bool {
        let resource = resource.clone();
        blocking(move || Ok(!traces::traces(&resource).is_empty())).await.unwrap_or(true)
    }
}

fn create(
    request: &CreateRequest,
    monitor: &Path,
    children: &Children,
) -> Result<(), EnvironmentError> {
    let layout = Layout::of(&request.resource)?;
    let monitor =
        fs::canonicalize(monitor).map_err(EnvironmentError::file("find the monitor", monitor))?;
    let launch =
        LaunchRecord::new(&request.resource, &request.agent, request.limits, Some(monitor))?;
    layout.prepare(&launch)?;
    if has_network(&request.settings) {
        bundle::name_the_user(&layout)?;
    }
    let started = create_prepared(&layout, &launch, &request.agent.libraries, children)
        .and_then(|()| attach_network(&layout, request));
    if started.is_err() {
        // The first error tells more than a second one from the clean-up.
        let _ = destroy(&request.resource, children);
    }
    started
}

fn has_network(settings: &EnvironmentSettings) -> bool {
    matches!(settings, EnvironmentSettings::Container(asked) if asked.network == Some(ContainerNetwork::Nat))
}

/// A container that has ended already is told of when it is destroyed, not here.
fn attach_network(layout: &Layout, request: &CreateRequest) -> Result<(), EnvironmentError> {
    if !has_network(&request.settings) {
        return Ok(());
    }
    let agent = read_record::<ProcessIdentity>(&layout.agent_identity())?;
    match agent.filter(ProcessIdentity::is_running) {
        Some(agent) => network::attach(layout, &request.resource.instance, agent.process),
        None => Ok(()),
    }
}

fn create_prepared(
    layout: &Layout,
    launch: &LaunchRecord,
    loaded_later: &[PathBuf],
    children: &Children,
) -> Result<(), EnvironmentError> {
    let mut needed = libraries::needed_files(&launch.executable)?;
    for library in loaded_later {
        let inside = Path::new(bundle::LIBRARIES).join(library_name(library)?);
        needed.push(libraries::NeededFile { host: library.clone(), inside });
    }
    bundle::write_bundle(layout, launch, &needed)?;
    CgroupTree::detect().create(&launch.instance, &launch.limits)?;
    let mut child = spawn_monitor(layout, launch)?;
    let report = first_report(&mut child);
    children.insert(&launch.instance, child);
    let failed =
        |reason| EnvironmentError::ContainerStart { instance: launch.instance.clone(), reason };
    match report {
        Some(Report::Started { runtime }) => write_record(&layout.runtime_name(), &runtime),
        Some(Report::Failed { reason }) => Err(failed(reason)),
        None => {
            let said = last_words(&layout.monitor_log()).unwrap_or_default();
            Err(failed(format!("its monitor reported nothing: {said}")))
        }
    }
}

fn spawn_monitor(layout: &Layout, launch: &LaunchRecord) -> Result<Child, EnvironmentError> {
    let log = File::create(layout.monitor_log())
        .map_err(EnvironmentError::file("create", layout.monitor_log()))?;
    let monitor = launch.monitor.clone().unwrap_or_else(|| launch.executable.clone());
    let mut command = Command::new(&monitor);
    command
        .arg(MONITOR_COMMAND)
        .arg("--directory")
        .arg(&layout.directory)
        // Its children are found by this directory if nothing else is known of them.
        .current_dir(&layout.directory)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.spawn().map_err(|source| EnvironmentError::Spawn { executable: monitor, source })
}

/// The line that the monitor writes when the container runs; `None` if it wrote none.
fn first_report(child: &mut Child) -> Option<Report> {
    let mut stdout = child.stdout.take()?;
    let limit = Timespec::try_from(STARTED_WITHIN).ok()?;
    let mut line = Vec::new();
    let mut chunk = [0; 4096];
    while !line.ends_with(b"\n") {
        let mut events = [PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::IN)];
        match poll(&mut events, Some(&limit)) {
            Err(rustix::io::Errno::INTR) => continue,
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
        match stdout.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(length) => line.extend_from_slice(&chunk[..length]),
        }
    }
    serde_json::from_slice(&line).ok()
}

fn destroy(resource: &Resource, children: &Children) -> Result<Ended, EnvironmentError> {
    let layout = Layout::of(resource)?;
    let tree = CgroupTree::detect();
    if let Some(mut monitor) = children.take(&resource.instance) {
        // Closing its standard input tells the monitor to end and remove the container.
        drop(monitor.stdin.take());
        if !wait_until(LET_GO_WITHIN, || !matches!(monitor.try_wait(), Ok(None))) {
            kill_processes(resource, &tree);
            let _ = monitor.kill();
            let _ = monitor.wait();
        }
    }
    kill_processes(resource, &tree);
    // A record that was cut short tells nothing, and must not stop the removal.
    let recorded = read_record::<Ended>(&layout.ended()).ok().flatten();
    let mut ended = recorded.unwrap_or_else(|| Ended {
        oom_kills: tree.oom_kills(&resource.instance),
        ..Ended::default()
    });
    ended.last_words = last_words(&layout.stderr()).unwrap_or_default();
    remove_remains(resource, &tree)?;
    Ok(ended)
}

fn facts(resource: &Resource) -> HostFacts {
    let process = host_process::agent(resource).map(|identity| identity.process);
    let own = match Layout::of(resource) {
        Ok(layout) => bundle_facts(&layout),
        Err(error) => vec![Fact::missing("runtime", error.chain(), "container environment")],
    };
    collected(vec![
        own,
        own_cgroup_facts(&CgroupTree::detect(), &resource.instance),
        process_facts(process),
    ])
}

fn bundle_facts(layout: &Layout) -> Vec<Fact> {
    let runtime = match read_record::<String>(&layout.runtime_name()) {
        Ok(Some(name)) => Fact::known("runtime", name, "monitor's report"),
        Ok(None) => Fact::missing("runtime", "the container never started", "monitor's report"),
        Err(error) => Fact::missing("runtime", error.chain(), "monitor's report"),
    };
    let root = layout.rootfs();
    let bytes = match bundle::root_bytes(&root) {
        Ok(bytes) => Fact::known("rootfs_bytes", bytes.to_string(), "sum of file sizes"),
        Err(error) => Fact::missing("rootfs_bytes", error.to_string(), "sum of file sizes"),
    };
    let agent = match fs::read(root.join("agent")) {
        Ok(bytes) => {
            let digest = Sha256Digest::of(&bytes);
            Fact::known("rootfs_agent_sha256", digest.as_str(), "file inside the bundle")
        }
        Err(error) => {
            Fact::missing("rootfs_agent_sha256", error.to_string(), "file inside the bundle")
        }
    };
    vec![runtime, bytes, agent, network::fact(layout)]
}
