//! Virtual machines of QEMU: a kernel of the distribution, processors of KVM or emulated ones.
//!
//! QEMU runs as a process of this host in the instance's cgroup and is asked by its machine
//! protocol. Agent, files, standard error and the way the agent ended go over ports of a
//! virtual serial bus, each a socket or a file in the instance's directory. This module does
//! not know what the agent is asked, nor where the kernel came from.

mod command_line;
mod describe;
mod end;
mod guest_record;
mod probe;
mod qmp;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use weighbridge_experiment::{
    AgentLaunch, Availability, CreateRequest, DiskSettings, Ended, Endpoint, EnvironmentKind,
    EnvironmentSettings, GuestCounters, HostFacts, Limits, MeterTarget, QemuMachine, QemuSettings,
    Resource,
};

use crate::blocking::blocking;
use crate::cgroup::CgroupTree;
use crate::environment::{CopySource, Environment, Port};
use crate::error::EnvironmentError;
use crate::guest::{
    Bus, Channel, GuestHost, GuestLaunch, Kernel, Place, QEMU_ADDRESS, allotment, disk,
    over_socket, send,
};
use crate::host_process;
use crate::last_words::last_words;
use crate::layout::{
    LaunchRecord, Layout, checked_file_name, library_name, read_record, write_record,
};
use crate::process_identity::wait_until;
use crate::programs;
use crate::traces;

use command_line::{CommandLine, FILES_SOCKET, QMP_SOCKET};
use end::destroy;
use guest_record::GuestRecord;
use qmp::{Qmp, QmpError};

/// The program; this version makes guests for its processor only.
const PROGRAM: &str = "qemu-system-x86_64";
/// QEMU listens a moment after it was started.
const LISTENS_WITHIN: Duration = Duration::from_secs(20);
/// Longest silence of a guest that takes a file, from its start on.
const FILE_WITHIN: Duration = Duration::from_secs(120);

/// Runs agents in virtual machines.
#[derive(Debug)]
pub struct QemuEnvironment(Arc<GuestHost>);

impl QemuEnvironment {
    /// Guests boot the kernel that was put into `store` by
    /// [`prepare_kernel`](crate::prepare_kernel); a probe runs `executable --version` in one.
    /// That executable's `main` must call [`guest_init`](crate::guest_init) where
    /// [`is_guest_init`](crate::is_guest_init) says so.
    #[must_use]
    pub fn new(store: PathBuf, executable: PathBuf) -> Self {
        Self(GuestHost::new(Some(store), executable))
    }

    /// Enough to look after instances that exist; makes none.
    #[must_use]
    pub fn without_store() -> Self {
        Self(GuestHost::new(None, PathBuf::new()))
    }
}

#[async_trait]
impl Environment for QemuEnvironment {
    fn kind(&self) -> EnvironmentKind {
        EnvironmentKind::Qemu
    }

    async fn probe(&self, settings: &EnvironmentSettings) -> Availability {
        let (host, settings) = (Arc::clone(&self.0), settings.clone());
        match blocking(move || Ok(probe::probe(&host, &settings))).await {
            Ok(availability) => availability,
            Err(error) => probe::unavailable(error.chain(), None),
        }
    }

    async fn create(&self, request: &CreateRequest) -> Result<(), EnvironmentError> {
        let request = request.clone();
        self.0.on_thread(&request.resource.clone(), move |host, _| create(host, &request)).await
    }

    fn endpoint(&self, resource: &Resource, port: Port) -> Result<Endpoint, EnvironmentError> {
        let layout = Layout::of(resource)?;
        let Port::Service(wanted) = port else {
            return Ok(Endpoint::UnixSocket(layout.socket()));
        };
        let record = guest_record(resource, &layout)?;
        let forward = record.forwards.iter().find(|(_, guest)| *guest == wanted);
        let (host, _) = forward
            .ok_or(EnvironmentError::ServicePort { kind: EnvironmentKind::Qemu, port: wanted })?;
        Ok(Endpoint::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, *host))))
    }

    async fn copy_in(
        &self,
        resource: &Resource,
        source: CopySource,
        name: &str,
    ) -> Result<(), EnvironmentError> {
        let name = name.to_owned();
        self.0
            .on_thread(resource, move |_, resource| {
                let socket = Layout::of(resource)?.run().join(FILES_SOCKET);
                let to = (Place::Work, checked_file_name(&name)?);
                send(&resource.instance, &over_socket(&socket), to, &source, FILE_WITHIN)
            })
            .await
    }

    async fn meter_target(&self, resource: &Resource) -> Result<MeterTarget, EnvironmentError> {
        self.0
            .on_thread(resource, |_, resource| {
                let socket = Layout::of(resource)?.run().join(QMP_SOCKET);
                Ok(MeterTarget::Guest {
                    host: Box::new(host_process::meter_target(resource)?),
                    counters: GuestCounters::Qemu { socket },
                })
            })
            .await
    }

    async fn pause(&self, resource: &Resource, paused: bool) -> Result<(), EnvironmentError> {
        self.0.on_thread(resource, move |_, resource| pause(resource, paused)).await
    }

    async fn describe(&self, resource: &Resource) -> HostFacts {
        self.0
            .on_thread(resource, |_, resource| Ok(describe::facts(resource)))
            .await
            .unwrap_or_default()
    }

    async fn destroy(&self, resource: &Resource) -> Result<Ended, EnvironmentError> {
        self.0.on_thread(resource, destroy).await
    }

    async fn exists(&self, resource: &Resource) -> bool {
        self.0
            .on_thread(resource, |_, resource| Ok(!traces::traces(resource).is_empty()))
            .await
            .unwrap_or(true)
    }
}

/// The settings of this kind; its defaults where they are of another.
fn settings_of(settings: &EnvironmentSettings) -> QemuSettings {
    match settings {
        EnvironmentSettings::Qemu(settings) => settings.clone(),
        _ => QemuSettings::default(),
    }
}

/// The program on the search path.
fn find_qemu() -> Result<PathBuf, EnvironmentError> {
    programs::find(PROGRAM).ok_or(EnvironmentError::NoQemu { program: PROGRAM })
}

fn guest_record(resource: &Resource, layout: &Layout) -> Result<GuestRecord, EnvironmentError> {
    read_record(&layout.guest())?.ok_or_else(|| EnvironmentError::NotRunning {
        instance: resource.instance.clone(),
        reason: "it was never started, or is destroyed".into(),
    })
}

fn create(host: &GuestHost, request: &CreateRequest) -> Result<(), EnvironmentError> {
    let settings = settings_of(&request.settings);
    let kvm = probe::use_kvm(host, &settings)?;
    let agent = &request.agent;
    let launch = GuestLaunch {
        arguments: agent.arguments.clone(),
        libraries: agent.libraries.len(),
        serves: true,
        ..launch_of(&settings)
    };
    start(host, request, &launch, kvm)?;
    send_libraries(request)
}

/// What every guest with these settings is told.
fn launch_of(settings: &QemuSettings) -> GuestLaunch {
    GuestLaunch {
        arguments: Vec::new(),
        serves: false,
        libraries: 0,
        disk: settings.disk.is_some(),
        channel: Channel::Ports,
        bus: match settings.machine {
            QemuMachine::Q35 => Bus::Pci,
            QemuMachine::Microvm => Bus::Mmio,
        },
        network: Some(QEMU_ADDRESS),
    }
}

/// Boots a guest; what was made before an error is removed again.
fn start(
    host: &GuestHost,
    request: &CreateRequest,
    launch: &GuestLaunch,
    kvm: bool,
) -> Result<(), EnvironmentError> {
    let layout = Layout::of(&request.resource)?;
    let settings = settings_of(&request.settings);
    let (store, kernel) = host.kernel()?;
    let image = host.images.of(store, &request.agent.executable, &kernel)?;
    let record = decide(request, &settings, &kernel, &image, kvm)?;
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let parameter = launch
        .parameter()
        .map_err(|source| EnvironmentError::Record { path: layout.guest(), source })?;
    let line = CommandLine {
        name: &request.resource.instance.0,
        machine: record.machine,
        kvm,
        processors: record.processors,
        memory_mebibytes: record.memory_mebibytes,
        kernel: &kernel.image(store),
        image: &image,
        launch_parameter: &parameter,
        tsc_kilohertz: guest_record::host_kilohertz(&cpuinfo).filter(|_| !kvm),
        forwards: &record.forwards,
        disk: settings.disk.map(|disk| disk.cache),
    };
    let qemu = AgentLaunch {
        executable: find_qemu()?,
        arguments: line.arguments(),
        libraries: Vec::new(),
    };
    let launched = LaunchRecord::new(&request.resource, &qemu, request.limits, None)?;
    layout.prepare(&launched)?;
    let started = start_prepared(host, request, &record, &launched, settings.disk);
    if started.is_err() {
        // The first error tells more than a second one from the clean-up.
        let _ = destroy(host, &request.resource);
    }
    started
}

fn decide(
    request: &CreateRequest,
    settings: &QemuSettings,
    kernel: &Kernel,
    image: &Path,
    kvm: bool,
) -> Result<GuestRecord, EnvironmentError> {
    let image_bytes = fs::metadata(image).map_err(EnvironmentError::file("read", image))?.len();
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let host_bytes = allotment::host_memory_bytes(&meminfo);
    let forwards = request.service_ports.iter().map(|port| Ok((free_port()?, *port)));
    Ok(GuestRecord {
        machine: settings.machine,
        kvm,
        kernel: kernel.release.clone(),
        processors: allotment::processors(&request.limits),
        memory_mebibytes: allotment::memory_mebibytes(
            request.limits.memory,
            host_bytes,
            image_bytes,
        )?,
        forwards: forwards.collect::<Result<_, EnvironmentError>>()?,
        image_bytes,
    })
}

/// A port of the loopback that nobody listens on. Somebody may before QEMU does; then QEMU
/// does not start and says why.
fn free_port() -> Result<u16, EnvironmentError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(EnvironmentError::file("listen on", "127.0.0.1"))
}

fn start_prepared(
    host: &GuestHost,
    request: &CreateRequest,
    record: &GuestRecord,
    launched: &LaunchRecord,
    disk: Option<DiskSettings>,
) -> Result<(), EnvironmentError> {
    let layout = Layout::of(&request.resource)?;
    write_record(&layout.guest(), record)?;
    if let Some(disk) = disk {
        disk::make(&request.resource.instance, &layout.disk(), disk.size)?;
    }
    let outer: Option<Limits> = allotment::outer_limits(&request.limits);
    let log = layout.monitor_log();
    fs::File::create(&log).map_err(EnvironmentError::file("create", &log))?;
    let start = host_process::Start { launch: launched, limits: outer, log: &log, output: None };
    start.start(&layout, Some(&CgroupTree::detect()), &host.children)?;
    listens(host, &request.resource, &layout)
}

/// Waits until QEMU can be asked, which is when every socket of its is there.
fn listens(host: &GuestHost, resource: &Resource, layout: &Layout) -> Result<(), EnvironmentError> {
    let mut failed: Option<QmpError> = None;
    let answered = wait_until(LISTENS_WITHIN, || match connect(layout) {
        Ok(_) => true,
        Err(error) => {
            let over = !error.is_absent() || !host.runs(resource);
            failed = Some(error);
            over
        }
    });
    if answered && failed.as_ref().is_none_or(QmpError::is_absent) && host.runs(resource) {
        return Ok(());
    }
    let words = last_words(&layout.monitor_log()).unwrap_or_default();
    let reason = match (words.is_empty(), failed) {
        (false, _) => words,
        (true, Some(error)) => error.to_string(),
        (true, None) => "it ended at once and said nothing".to_owned(),
    };
    Err(EnvironmentError::Qemu { instance: resource.instance.clone(), reason })
}

fn connect(layout: &Layout) -> Result<Qmp, QmpError> {
    Qmp::connect(&layout.run().join(QMP_SOCKET))
}

/// Sends the agent's libraries while the guest boots; it starts the agent when it has them.
fn send_libraries(request: &CreateRequest) -> Result<(), EnvironmentError> {
    let resource = request.resource.clone();
    let socket = Layout::of(&resource)?.run().join(FILES_SOCKET);
    let mut libraries = Vec::new();
    for library in &request.agent.libraries {
        libraries.push((library_name(library)?.to_owned(), CopySource::File(library.clone())));
    }
    if libraries.is_empty() {
        return Ok(());
    }
    std::thread::spawn(move || {
        for (name, source) in libraries {
            let to = (Place::Library, name.as_str());
            if send(&resource.instance, &over_socket(&socket), to, &source, FILE_WITHIN).is_err() {
                // The guest says on its console which one did not come, and ends.
                return;
            }
        }
    });
    Ok(())
}

fn pause(resource: &Resource, paused: bool) -> Result<(), EnvironmentError> {
    let layout = Layout::of(resource)?;
    // An instance that is gone is an error here as in every other environment.
    host_process::agent(resource)?;
    let done = connect(&layout).and_then(|mut qmp| {
        qmp.set_running(!paused)?;
        qmp.is_running()
    });
    let reason = match done {
        Ok(running) if running != paused => return Ok(()),
        Ok(_) => "QEMU agreed and its processors did not follow".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(EnvironmentError::Pause {
        instance: resource.instance.clone(),
        action: if paused { "paused" } else { "resumed" },
        reason,
    })
}
