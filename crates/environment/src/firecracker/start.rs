//! From a request to a guest that boots, or that goes on from a snapshot.
//!
//! Everything that Firecracker reads or writes lies in the guest's room, a directory of the
//! instance. Does not know what becomes of the guest after its agent was started.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::Duration;

use weighbridge_experiment::{
    AgentLaunch, CreateRequest, FirecrackerSettings, GuestNetwork, Resource, StartMode,
};

use super::api::Api;
use super::program::Program;
use super::record::{self, GuestRecord};
use super::{FILE_WITHIN, calls, destroy, settings_of, snapshot, tap};
use crate::cgroup::CgroupTree;
use crate::environment::CopySource;
use crate::error::EnvironmentError;
use crate::guest::{
    Bus, Channel, FILES_VSOCK_PORT, GuestHost, GuestLaunch, Kernel, Place, allotment, disk, send,
    unpacked_kernel, vsock,
};
use crate::host_process;
use crate::last_words::last_words;
use crate::layout::{LaunchRecord, Layout, library_name, place, write_record};
use crate::process_identity::wait_until;

/// Firecracker answers some milliseconds after it was started.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// A guest that is about to be made.
pub(super) struct Guest<'a> {
    pub(super) request: &'a CreateRequest,
    pub(super) settings: FirecrackerSettings,
    pub(super) program: Program,
    pub(super) layout: Layout,
    pub(super) launch: GuestLaunch,
    pub(super) record: GuestRecord,
    pub(super) kernel: PathBuf,
    pub(super) image: PathBuf,
}

pub(super) fn create(host: &GuestHost, request: &CreateRequest) -> Result<(), EnvironmentError> {
    let agent = &request.agent;
    let arguments = agent.arguments.clone();
    let guest = Guest::decided(host, request, arguments, true)?;
    guest.made(host, |guest| match guest.settings.start {
        StartMode::Boot => {
            guest.boot(host)?;
            guest.send_libraries_beside();
            Ok(())
        }
        StartMode::Snapshot => snapshot::start(host, guest),
    })
}

/// What every guest with these settings is told.
fn launch_of(
    settings: &FirecrackerSettings,
    arguments: Vec<String>,
    serves: bool,
    libraries: usize,
) -> GuestLaunch {
    GuestLaunch {
        arguments,
        serves,
        libraries,
        disk: settings.disk.is_some(),
        channel: Channel::Vsock,
        bus: Bus::Mmio,
        network: None,
    }
}

impl<'a> Guest<'a> {
    /// Decides everything and makes nothing.
    pub(super) fn decided(
        host: &GuestHost,
        request: &'a CreateRequest,
        arguments: Vec<String>,
        serves: bool,
    ) -> Result<Self, EnvironmentError> {
        let layout = Layout::of(&request.resource)?;
        let settings = settings_of(&request.settings);
        let program = Program::find(&settings)?;
        let (kernel, path) = kernel(host, &settings)?;
        let store = host.store.as_deref().ok_or(EnvironmentError::GuestKernel)?;
        let image = host.images.of(store, &request.agent.executable, &kernel)?;
        let image_bytes =
            fs::metadata(&image).map_err(EnvironmentError::file("read", &image))?.len();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let record = GuestRecord {
            kernel: kernel.release,
            processors: allotment::processors(&request.limits),
            memory_mebibytes: allotment::memory_mebibytes(
                request.limits.memory,
                allotment::host_memory_bytes(&meminfo),
                image_bytes,
            )?,
            image_bytes,
            room: program.room(&layout),
            jailed: program.jailer.is_some(),
            start: settings.start,
            network: None,
        };
        let launch = launch_of(&settings, arguments, serves, request.agent.libraries.len());
        Ok(Self { request, settings, program, layout, launch, record, kernel: path, image })
    }

    pub(super) fn resource(&self) -> &Resource {
        &self.request.resource
    }

    /// Prepares the instance and has `start` start it; what was made before an error is removed
    /// again.
    pub(super) fn made(
        mut self,
        host: &GuestHost,
        start: impl FnOnce(&mut Self) -> Result<(), EnvironmentError>,
    ) -> Result<(), EnvironmentError> {
        self.layout.prepare(&self.launch_record()?)?;
        let started = start(&mut self);
        if started.is_err() {
            // The first error tells more than a second one from the clean-up.
            let _ = destroy(host, &self.request.resource);
        }
        started
    }

    fn launch_record(&self) -> Result<LaunchRecord, EnvironmentError> {
        let (executable, arguments) =
            self.program.command(&self.layout, &self.request.resource.instance);
        let launch = AgentLaunch { executable, arguments, libraries: Vec::new() };
        // The jailer becomes the program that it locked in, a copy inside the room.
        let name = self.program.firecracker.file_name().unwrap_or_default();
        let locked_in = self.record.jailed.then(|| self.record.room.join(name));
        LaunchRecord::new(&self.request.resource, &launch, self.request.limits, locked_in)
    }

    /// Boots the guest in a fresh process.
    pub(super) fn boot(&mut self, host: &GuestHost) -> Result<(), EnvironmentError> {
        self.furnish()?;
        for (from, name) in [(&self.kernel, calls::KERNEL), (&self.image, calls::IMAGE)] {
            place(from, &self.record.room, name.as_ref())?;
        }
        if let Some(data) = self.settings.disk {
            let path = self.record.room.join(calls::DISK);
            disk::make(&self.resource().instance, &path, data.size)?;
            self.hand_over(&path)?;
        }
        self.make_network()?;
        let parameter = self
            .launch
            .parameter()
            .map_err(|source| EnvironmentError::Record { path: self.layout.guest(), source })?;
        let tap = self.record.network.map(|_| tap::name(&self.resource().instance));
        let machine = calls::Machine {
            processors: self.record.processors,
            memory_mebibytes: self.record.memory_mebibytes,
            launch_parameter: &parameter,
            disk: self.settings.disk.map(|disk| disk.cache),
            tap: tap.as_deref(),
        };
        let calls = calls::boot(&machine);
        self.run(host, &calls)
    }

    /// Makes the room, with the files that Firecracker writes to.
    pub(super) fn furnish(&self) -> Result<(), EnvironmentError> {
        let room = &self.record.room;
        fs::create_dir_all(room).map_err(EnvironmentError::file("create directory", room))?;
        for name in [calls::LOG, calls::METRICS] {
            let path = room.join(name);
            fs::File::create(&path).map_err(EnvironmentError::file("create", &path))?;
            self.hand_over(&path)?;
        }
        Ok(())
    }

    /// Gives a file of the room to the user as which Firecracker runs.
    pub(super) fn hand_over(&self, path: &Path) -> Result<(), EnvironmentError> {
        match self.program.user(&self.resource().instance) {
            Some(user) => chown(path, Some(user), Some(user))
                .map_err(EnvironmentError::file("change the owner of", path)),
            None => Ok(()),
        }
    }

    fn make_network(&mut self) -> Result<(), EnvironmentError> {
        if self.settings.network == GuestNetwork::None {
            return Ok(());
        }
        let instance = &self.request.resource.instance;
        let user = self.program.user(instance).unwrap_or(rustix::process::geteuid().as_raw());
        let given = tap::make(instance, user).map_err(|reason| EnvironmentError::GuestNetwork {
            instance: instance.clone(),
            reason,
        })?;
        self.record.network = Some(given);
        self.launch.network = Some(given);
        Ok(())
    }

    /// Starts Firecracker and makes the calls.
    pub(super) fn run(
        &self,
        host: &GuestHost,
        calls: &[calls::Call],
    ) -> Result<(), EnvironmentError> {
        let layout = &self.layout;
        write_record(&layout.guest(), &self.record)?;
        let (log, console) = (layout.monitor_log(), layout.console());
        for path in [&log, &console] {
            fs::File::create(path).map_err(EnvironmentError::file("create", path))?;
        }
        let launch = self.launch_record()?;
        let start = host_process::Start {
            launch: &launch,
            limits: allotment::outer_limits(&self.request.limits),
            log: &log,
            output: Some(&console),
        };
        start.start(layout, Some(&CgroupTree::detect()), &host.children)?;
        let api = Api::at(&self.record.room.join(calls::API_SOCKET));
        self.answers(host, &api).and_then(|()| api.make(calls)).map_err(|reason| {
            EnvironmentError::Firecracker {
                instance: self.resource().instance.clone(),
                reason: self.with_last_words(reason),
            }
        })
    }

    fn answers(&self, host: &GuestHost, api: &Api) -> Result<(), String> {
        let mut last = Ok(());
        let resource = self.resource();
        let answered = wait_until(ANSWERS_WITHIN, || {
            // Asked first: an answer may come just before the end.
            let runs = host.runs(resource);
            last = api.information().map(drop);
            last.is_ok() || !runs
        });
        match last {
            Err(_) if !host.runs(resource) => Err("it ended at once".to_owned()),
            Ok(()) if !answered => Err("it does not answer".to_owned()),
            other => other,
        }
    }

    /// A reason, and what Firecracker itself said.
    fn with_last_words(&self, reason: String) -> String {
        let of = |path: PathBuf| last_words(&path).unwrap_or_default();
        let said = [of(self.record.room.join(calls::LOG)), of(self.layout.monitor_log())];
        let said = [said.as_slice(), &[of(self.layout.console())]].concat();
        match said.iter().find_map(|text| text.lines().rfind(|line| !line.trim().is_empty())) {
            Some(line) => format!("{reason}; it said last: {}", line.trim()),
            None => reason,
        }
    }

    /// Sends the agent's libraries; the guest starts the agent when it has them.
    pub(super) fn send_libraries(&self) -> Result<(), EnvironmentError> {
        send_libraries(self.request)
    }

    /// The same while the guest boots.
    fn send_libraries_beside(&self) {
        if !self.request.agent.libraries.is_empty() {
            let request = self.request.clone();
            // The guest says on its console which one did not come, and ends.
            std::thread::spawn(move || drop(send_libraries(&request)));
        }
    }
}

fn send_libraries(request: &CreateRequest) -> Result<(), EnvironmentError> {
    for library in &request.agent.libraries {
        let socket = record::of(&request.resource)?.room.join(calls::GUEST_SOCKET);
        let way = || vsock::connect(&socket, FILES_VSOCK_PORT, FILE_WITHIN);
        let to = (Place::Library, library_name(library)?);
        let source = CopySource::File(library.clone());
        send(&request.resource.instance, &way, to, &source, FILE_WITHIN)?;
    }
    Ok(())
}

/// The kernel that is booted, and the file with it unpacked.
pub(super) fn kernel(
    host: &GuestHost,
    settings: &FirecrackerSettings,
) -> Result<(Kernel, PathBuf), EnvironmentError> {
    if let Some(path) = &settings.kernel {
        let path = PathBuf::from(path);
        return Ok((Kernel::of_file(&path)?, path));
    }
    let store = host.store.as_deref().ok_or(EnvironmentError::GuestKernel)?;
    let kernel = Kernel::in_use(store)?.filter(|kernel| kernel.is_whole(store));
    let kernel = kernel.ok_or(EnvironmentError::GuestKernel)?;
    let path = unpacked_kernel(store, &kernel)?;
    Ok((kernel, path))
}
