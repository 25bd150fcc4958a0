//! An agent started as a plain process of the host.
//!
//! Native and simulated differ in two things only: whether the process gets a cgroup, and
//! what is appended to its arguments. QEMU is started and metered the same way. This module
//! does not know which of them it serves.

use std::collections::HashMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use weighbridge_experiment::{
    CreateRequest, Ended, Endpoint, InstanceId, Limits, MeterTarget, Resource,
};

use crate::cgroup::{CgroupTree, relative_path};
use crate::environment::{CopySource, Port};
use crate::error::EnvironmentError;
use crate::last_words::last_words;
use crate::layout::{
    LaunchRecord, Layout, checked_file_name, library_name, place, read_record, write_record,
};
use crate::process_identity::{
    ProcessIdentity, ProcessStat, process_tree, signal_process, wait_until,
};
use crate::spawner::spawn;
use crate::traces::{kill_processes, remove_remains};

/// The whole environment of every agent, in every kind of place: a longer one moves the
/// stack and with it the speed of the program.
pub(crate) const AGENT_ENVIRONMENT: [(&str, &str); 2] = [("PATH", "/usr/bin:/bin"), ("HOME", "/")];

const WAITED_WITHIN: Duration = Duration::from_secs(5);
const STOPPED_WITHIN: Duration = Duration::from_secs(5);

/// Why an instance has no cgroup.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Unlimited {
    reason: String,
}

/// The children of this process, kept so that their exit codes can be collected.
#[derive(Debug, Default)]
pub(crate) struct Children(Mutex<HashMap<InstanceId, Child>>);

impl Children {
    fn lock(&self) -> MutexGuard<'_, HashMap<InstanceId, Child>> {
        // The map is whole even if a thread panicked while it held the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, instance: &InstanceId, child: Child) {
        self.lock().insert(instance.clone(), child);
    }

    /// Whether the child has ended; `None` where it is none of this process's.
    pub(crate) fn has_ended(&self, instance: &InstanceId) -> Option<bool> {
        self.lock().get_mut(instance).map(|child| !matches!(child.try_wait(), Ok(None)))
    }

    pub(crate) fn take(&self, instance: &InstanceId) -> Option<Child> {
        self.lock().remove(instance)
    }
}

/// Starts the agent. `tree` is `None` where limits are not wanted at all; where they are
/// wanted and not permitted the agent runs without, and the reason is kept.
pub(crate) fn start(
    request: &CreateRequest,
    extra_arguments: &[String],
    tree: Option<&CgroupTree>,
    children: &Children,
) -> Result<(), EnvironmentError> {
    let layout = Layout::of(&request.resource)?;
    let mut launch = LaunchRecord::new(&request.resource, &request.agent, request.limits, None)?;
    launch.arguments.extend_from_slice(extra_arguments);
    layout.prepare(&launch)?;
    let libraries = &request.agent.libraries;
    let started = place_libraries(&layout, libraries).and_then(|()| {
        let (limits, log) = (Some(request.limits), &layout.stderr());
        Start { launch: &launch, limits, log, output: None }.start(&layout, tree, children)
    });
    if started.is_err() {
        // The first error tells more than a second one from the clean-up.
        let _ = destroy(&request.resource, &CgroupTree::detect(), children);
    }
    started
}

fn place_libraries(
    layout: &Layout,
    libraries: &[std::path::PathBuf],
) -> Result<(), EnvironmentError> {
    for library in libraries {
        place(library, &layout.libraries(), library_name(library)?.as_ref())?;
    }
    Ok(())
}

/// A process that is about to be started for an instance that is prepared.
pub(crate) struct Start<'a> {
    pub(crate) launch: &'a LaunchRecord,
    /// Limits of its cgroup; `None` for one that only meters.
    pub(crate) limits: Option<Limits>,
    /// An existing file to which its standard error goes.
    pub(crate) log: &'a Path,
    /// An existing file to which its standard output goes; to nowhere where there is none.
    pub(crate) output: Option<&'a Path>,
}

impl Start<'_> {
    /// Starts it, in a cgroup where there is a tree and that is permitted.
    pub(crate) fn start(
        &self,
        layout: &Layout,
        tree: Option<&CgroupTree>,
        children: &Children,
    ) -> Result<(), EnvironmentError> {
        let Self { launch, log, output, .. } = self;
        let entrances = self.entrances(layout, tree)?;
        let open = |path: &Path| {
            let file = fs::File::options().append(true).open(path);
            file.map_err(EnvironmentError::file("open", path))
        };
        let stderr = open(log)?;
        let stdout = output.map_or_else(|| Ok(Stdio::null()), |path| open(path).map(Into::into))?;
        let mut command = Command::new(&launch.executable);
        command
            .args(&launch.arguments)
            .current_dir(layout.run())
            .env_clear()
            .envs(AGENT_ENVIRONMENT)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0);
        enter_before_exec(&mut command, entrances);
        let child = spawn(command).map_err(|source| EnvironmentError::Spawn {
            executable: launch.executable.clone(),
            source,
        })?;
        let identity = ProcessIdentity::of(child.id());
        children.insert(&launch.instance, child);
        match identity {
            Some(identity) => write_record(&layout.agent_identity(), &identity),
            None => Err(EnvironmentError::NotRunning {
                instance: launch.instance.clone(),
                reason: "its process cannot be read in /proc; mount it".into(),
            }),
        }
    }

    /// Ways into the new cgroup. Where one is wanted and not permitted there are none, and
    /// the reason is kept.
    fn entrances(
        &self,
        layout: &Layout,
        tree: Option<&CgroupTree>,
    ) -> Result<Vec<fs::File>, EnvironmentError> {
        let Some(tree) = tree else { return Ok(Vec::new()) };
        let instance = &self.launch.instance;
        let made = tree.create(instance, self.limits.as_ref());
        match made.and_then(|()| tree.entrances(instance)) {
            Ok(files) => Ok(files),
            Err(error) => {
                let reason = format!("without limits: {}", error.chain());
                write_record(&layout.unlimited(), &Unlimited { reason })?;
                Ok(Vec::new())
            }
        }
    }
}

/// Moves the new process into its cgroup before it executes anything of its own: memory
/// that it touched outside would never be charged to the cgroup.
#[allow(unsafe_code)]
pub(crate) fn enter_before_exec(command: &mut Command, entrances: Vec<fs::File>) {
    let enter = move || {
        for entrance in &entrances {
            rustix::io::write(entrance, b"0")?;
        }
        Ok(())
    };
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe calls
    // are allowed. It calls write(2) on files that were opened before the fork and makes an
    // io::Error from an error number; it neither allocates nor takes a lock.
    unsafe {
        command.pre_exec(enter);
    }
}

/// Where the agent, or a service that shares the host's network, answers.
pub(crate) fn endpoint(resource: &Resource, port: Port) -> Result<Endpoint, EnvironmentError> {
    Ok(match port {
        Port::Agent => Endpoint::UnixSocket(Layout::of(resource)?.socket()),
        Port::Service(port) => Endpoint::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
    })
}

/// The agent's process, if it runs.
pub(crate) fn agent(resource: &Resource) -> Result<ProcessIdentity, EnvironmentError> {
    let layout = Layout::of(resource)?;
    let not_running = |reason: &str| EnvironmentError::NotRunning {
        instance: resource.instance.clone(),
        reason: reason.into(),
    };
    let identity: ProcessIdentity = read_record(&layout.agent_identity())?
        .ok_or_else(|| not_running("it was never started, or is destroyed"))?;
    if identity.is_running() { Ok(identity) } else { Err(not_running("its process has ended")) }
}

pub(crate) fn meter_target(resource: &Resource) -> Result<MeterTarget, EnvironmentError> {
    let process = agent(resource)?.process;
    let layout = Layout::of(resource)?;
    Ok(match read_record::<Unlimited>(&layout.unlimited())? {
        Some(Unlimited { reason }) => MeterTarget::ProcessTree { process, reason },
        None => MeterTarget::Cgroup { path: relative_path(&resource.instance), process },
    })
}

/// Why the instance runs without limits, where it does.
pub(crate) fn unlimited_reason(layout: &Layout) -> Option<String> {
    read_record::<Unlimited>(&layout.unlimited()).ok().flatten().map(|record| record.reason)
}

/// Copies bytes or a file to where the agent reads `work/NAME`.
pub(crate) fn copy_in(
    resource: &Resource,
    source: &CopySource,
    name: &str,
) -> Result<(), EnvironmentError> {
    let layout = Layout::of(resource)?;
    let target = layout.work().join(checked_file_name(name)?);
    match source {
        CopySource::Bytes(bytes) => {
            fs::write(&target, bytes).map_err(EnvironmentError::file("write", &target))
        }
        CopySource::File(path) => {
            let mut from = fs::File::open(path).map_err(EnvironmentError::file("read", path))?;
            let mut to =
                fs::File::create(&target).map_err(EnvironmentError::file("create", &target))?;
            std::io::copy(&mut from, &mut to)
                .map(drop)
                .map_err(EnvironmentError::file("copy to", &target))
        }
    }
}

/// Freezes by cgroup where there is one, else stops every process of the tree.
pub(crate) fn pause(
    resource: &Resource,
    paused: bool,
    tree: Option<&CgroupTree>,
) -> Result<(), EnvironmentError> {
    let agent = agent(resource)?;
    if let Some(tree) = tree
        && tree.freeze(&resource.instance, paused)?
    {
        return Ok(());
    }
    let signal = if paused { Signal::STOP } else { Signal::CONT };
    let settled = |process: &u32| {
        ProcessStat::of(*process)
            .is_none_or(|stat| stat.has_ended() || (stat.state == 'T') == paused)
    };
    let done = wait_until(STOPPED_WITHIN, || {
        // The tree is read anew each time: a process may have been born in between.
        let processes = process_tree(agent.process);
        if processes.iter().all(settled) {
            return true;
        }
        for process in processes {
            signal_process(process, signal);
        }
        false
    });
    if done {
        return Ok(());
    }
    Err(EnvironmentError::Pause {
        instance: resource.instance.clone(),
        action: if paused { "paused" } else { "resumed" },
        reason: format!("its processes did not follow within {} s", STOPPED_WITHIN.as_secs()),
    })
}

/// Ends the instance, tells how it had ended before, and removes what is left of it.
pub(crate) fn destroy(
    resource: &Resource,
    tree: &CgroupTree,
    children: &Children,
) -> Result<Ended, EnvironmentError> {
    let layout = Layout::of(resource)?;
    let mut child = children.take(&resource.instance);
    let status = child.as_mut().and_then(|child| child.try_wait().ok().flatten());
    kill_processes(resource, tree);
    if let Some(child) = &mut child {
        wait_until(WAITED_WITHIN, || !matches!(child.try_wait(), Ok(None)));
    }
    let ended = Ended {
        oom_kills: tree.oom_kills(&resource.instance),
        last_words: last_words(&layout.stderr()).unwrap_or_default(),
        ..ended_with(status)
    };
    remove_remains(resource, tree)?;
    Ok(ended)
}

/// How a child ended, as far as its status tells.
pub(crate) fn ended_with(status: Option<ExitStatus>) -> Ended {
    Ended {
        exit_code: status.and_then(|status| status.code()),
        signal: status.and_then(|status| status.signal()),
        ..Ended::default()
    }
}
