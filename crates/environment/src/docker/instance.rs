//! One instance from its making to its removal: the daemon's container and the files here.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use weighbridge_experiment::{
    CreateRequest, DockerSettings, Ended, Endpoint, EnvironmentKind, EnvironmentSettings, Fact,
    HostFacts, Locator, MeterTarget, Resource,
};

use super::container;
use super::daemon::Daemon;
use super::description::{
    Description, GUEST_AGENT, GUEST_LIBRARIES, GUEST_LINKER, Start, guest_directory,
};
use super::{host_cgroup, image, socket};
use crate::blocking::blocking;
use crate::cgroup::CgroupTree;
use crate::error::EnvironmentError;
use crate::facts::{cgroup_facts, collected, missing_cgroup_facts, process_facts};
use crate::host_process;
use crate::layout::{LaunchRecord, Layout, library_name, place, read_record, write_record};
use crate::libraries::program_files;
use crate::process_identity::ProcessIdentity;
use crate::traces::{kill_processes, remove_remains};

/// The network of a container unless told otherwise: the daemon's usual one.
const DEFAULT_NETWORK: &str = "bridge";

/// Ports of services inside, and on this host.
type Ports = BTreeMap<u16, u16>;

fn asked(layout: &Layout) -> PathBuf {
    layout.directory.join("asked.json")
}

fn ports(layout: &Layout) -> PathBuf {
    layout.directory.join("ports.json")
}

/// The daemon that keeps the container of an instance.
pub(super) async fn daemon_of(resource: &Resource) -> Result<Daemon, EnvironmentError> {
    match &resource.locator {
        Some(Locator::Docker { socket }) => Daemon::connect(socket).await,
        _ => {
            // Nothing was found when the instance was planned; the reason may be gone by now.
            let socket = socket::find(&DockerSettings::default())
                .map_err(|reason| EnvironmentError::DockerMissing { reason })?;
            Daemon::connect(&socket).await
        }
    }
}

/// Makes the container and starts it. Whatever was made before an error is removed again.
pub(super) async fn create(request: &CreateRequest) -> Result<(), EnvironmentError> {
    let resource = &request.resource;
    let layout = Layout::of(resource)?;
    let daemon = daemon_of(resource).await?;
    let launch = LaunchRecord::new(resource, &request.agent, request.limits, None)?;
    let settings = match &request.settings {
        EnvironmentSettings::Docker(settings) => settings.clone(),
        _ => DockerSettings::default(),
    };
    let (image, start) = match &settings.image {
        None => (image::of_agent(&daemon, &launch.executable).await?, Start::OwnImage),
        Some(name) => {
            let image = image::named(&daemon, name).await?;
            let linker = program_files(&launch.executable)?.linker.is_some();
            (image, Start::Beside { linker })
        }
    };
    let user = user(&daemon).await?;
    layout.prepare(&launch)?;
    let description = Description {
        request,
        launch: &launch,
        layout: &layout,
        image: &image.id,
        start,
        network: settings.network.as_deref().unwrap_or(DEFAULT_NETWORK),
        user: &user,
    };
    let started = match place_files(&layout, &launch, &request.agent.libraries, start) {
        Ok(()) => start_container(&daemon, &description).await,
        Err(error) => Err(error),
    };
    if started.is_err() {
        // The first error tells more than a second one from the clean-up.
        let _ = destroy(resource).await;
    }
    started
}

async fn start_container(
    daemon: &Daemon,
    description: &Description<'_>,
) -> Result<(), EnvironmentError> {
    let (layout, instance) = (description.layout, &description.launch.instance);
    // From here on the daemon may have a container of this name.
    write_record(&asked(layout), &daemon.name)?;
    container::create(daemon, instance, &description.body()).await?;
    container::start(daemon, instance).await?;
    let Some(found) = container::inspect(daemon, instance).await? else {
        return Err(EnvironmentError::NotRunning {
            instance: instance.clone(),
            reason: "the daemon lost its container as soon as it was started".to_owned(),
        });
    };
    write_record(&ports(layout), &found.ports())?;
    // A process that has ended already is told of when the instance is destroyed.
    match ProcessIdentity::of(found.state.pid).filter(|_| found.state.pid != 0) {
        Some(identity) => write_record(&layout.agent_identity(), &identity),
        None => Ok(()),
    }
}

/// Links or copies what is bound into the container.
fn place_files(
    layout: &Layout,
    launch: &LaunchRecord,
    libraries: &[PathBuf],
    start: Start,
) -> Result<(), EnvironmentError> {
    for library in libraries {
        place(library, &layout.libraries(), library_name(library)?.as_ref())?;
    }
    if start == Start::OwnImage {
        return Ok(());
    }
    let guest = guest_directory(layout);
    let needed = program_files(&launch.executable)?;
    place(&launch.executable, &guest, GUEST_AGENT.as_ref())?;
    if let Some(linker) = &needed.linker {
        place(linker, &guest, GUEST_LINKER.as_ref())?;
    }
    for library in &needed.libraries {
        place(library, &guest.join(GUEST_LIBRARIES), library_name(library)?.as_ref())?;
    }
    Ok(())
}

/// As whom the agent runs: as us, so that its socket is ours to open. A daemon without root
/// counts us as its root.
async fn user(daemon: &Daemon) -> Result<String, EnvironmentError> {
    #[derive(Deserialize)]
    struct Information {
        #[serde(rename = "SecurityOptions")]
        security: Option<Vec<String>>,
    }
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    if user.is_root() {
        return Ok("0:0".to_owned());
    }
    let answer = daemon.ask(hyper::Method::GET, "/info", "", "").await?;
    let security = daemon.read::<Information>("ask how it runs", &answer)?.security;
    let rootless = security.iter().flatten().any(|option| option.contains("rootless"));
    Ok(if rootless { "0:0".to_owned() } else { format!("{}:{}", user.as_raw(), group.as_raw()) })
}

/// Where a service inside is reached.
pub(super) fn published(resource: &Resource, port: u16) -> Result<Endpoint, EnvironmentError> {
    let layout = Layout::of(resource)?;
    let known: Ports = read_record(&ports(&layout))?.unwrap_or_default();
    let host = known
        .get(&port)
        .ok_or(EnvironmentError::ServicePort { kind: EnvironmentKind::Docker, port })?;
    Ok(Endpoint::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, *host))))
}

fn cgroup_of(process: u32) -> Result<String, String> {
    let file = format!("/proc/{process}/cgroup");
    let text = fs::read_to_string(&file).map_err(|error| format!("cannot read {file}: {error}"))?;
    host_cgroup::path(&text)
}

pub(super) fn meter_target(resource: &Resource) -> Result<MeterTarget, EnvironmentError> {
    let process = host_process::agent(resource)?.process;
    Ok(match cgroup_of(process) {
        Ok(path) => MeterTarget::Cgroup { path, process },
        Err(reason) => MeterTarget::ProcessTree { process, reason },
    })
}

/// Whether the daemon has a container of the instance.
pub(super) async fn is_known(resource: &Resource) -> Result<bool, EnvironmentError> {
    let daemon = daemon_of(resource).await?;
    Ok(container::inspect(&daemon, &resource.instance).await?.is_some())
}

/// Removes the container, then what is here.
pub(super) async fn destroy(resource: &Resource) -> Result<Ended, EnvironmentError> {
    let layout = Layout::of(resource)?;
    let ended = match daemon_of(resource).await {
        Ok(daemon) => remove_container(&daemon, resource, &layout).await,
        Err(error) if asked(&layout).exists() => Err(error),
        // It was never asked for a container.
        Err(_) => Ok(Ended::default()),
    };
    let resource = resource.clone();
    let known = ended.is_ok();
    blocking(move || {
        let tree = CgroupTree::detect();
        // What the daemon cannot end must not run on beside other measurements.
        kill_processes(&resource, &tree);
        if known { remove_remains(&resource, &tree) } else { Ok(()) }
    })
    .await?;
    ended
}

async fn remove_container(
    daemon: &Daemon,
    resource: &Resource,
    layout: &Layout,
) -> Result<Ended, EnvironmentError> {
    let recorded = read_record::<ProcessIdentity>(&layout.agent_identity()).ok().flatten();
    let process_gone = recorded.is_none_or(|identity| !identity.is_running());
    let ended = container::ended(daemon, &resource.instance, process_gone).await?;
    container::remove(daemon, &resource.instance).await?;
    Ok(ended)
}

/// What the daemon and the kernel tell of the instance.
pub(super) async fn facts(resource: &Resource) -> HostFacts {
    let daemon = match daemon_facts(resource).await {
        Ok(facts) => facts,
        Err(error) => ["runtime", "container_image", "container_network"]
            .map(|name| Fact::missing(name, error.chain(), "the daemon"))
            .to_vec(),
    };
    let resource = resource.clone();
    let kernel = blocking(move || Ok(kernel_facts(&resource))).await.unwrap_or_default();
    collected(vec![daemon, kernel])
}

async fn daemon_facts(resource: &Resource) -> Result<Vec<Fact>, EnvironmentError> {
    let daemon = daemon_of(resource).await?;
    let Some(found) = container::inspect(&daemon, &resource.instance).await? else {
        return Err(EnvironmentError::NotRunning {
            instance: resource.instance.clone(),
            reason: "the daemon has no container of it".to_owned(),
        });
    };
    let runtime = format!("{}, {}", daemon.name, found.host_config.runtime);
    Ok(vec![
        Fact::known("runtime", runtime, "the daemon"),
        Fact::known("container_image", found.image, "the daemon"),
        Fact::known("container_network", found.host_config.network_mode, "the daemon"),
    ])
}

fn kernel_facts(resource: &Resource) -> Vec<Fact> {
    let process = host_process::agent(resource).map(|identity| identity.process);
    let cgroup = match &process {
        Ok(process) => cgroup_of(*process),
        Err(error) => Err(error.chain()),
    };
    let mut facts = match cgroup {
        Ok(path) => cgroup_facts(&CgroupTree::detect(), &path, "/proc/PID/cgroup"),
        Err(reason) => missing_cgroup_facts(&reason),
    };
    facts.extend(process_facts(process));
    facts.push(rootfs_fact(resource));
    facts
}

fn rootfs_fact(resource: &Resource) -> Fact {
    let beside = Layout::of(resource).map(|layout| guest_directory(&layout));
    let reason = if beside.is_ok_and(|directory| Path::exists(&directory)) {
        "the image is the user's"
    } else {
        "the daemon keeps it compressed and shared"
    };
    Fact::missing("rootfs_bytes", reason, "the daemon")
}
