//! Small virtual machines of Firecracker: KVM, no firmware, no PCI bus.
//!
//! Firecracker runs as a process of this host in the instance's cgroup, locked in by its jailer
//! where that is there, and is told what to do over its HTTP interface. Agent and files are
//! reached through the guest's sockets; standard error and the way the agent ended come over
//! the console, whose output is a file. This module does not know what the agent is asked.

mod api;
mod calls;
mod describe;
mod probe;
mod program;
mod record;
mod snapshot;
mod start;
mod tap;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use weighbridge_experiment::{
    Availability, CreateRequest, Ended, Endpoint, EnvironmentKind, EnvironmentSettings,
    FirecrackerSettings, GuestCounters, HostFacts, MeterTarget, Resource,
};

use crate::blocking::blocking;
use crate::cgroup::CgroupTree;
use crate::environment::{CopySource, Environment, Port};
use crate::error::EnvironmentError;
use crate::guest::{AGENT_VSOCK_PORT, ENDED_MARK, FILES_VSOCK_PORT, GuestHost, Place, send, vsock};
use crate::host_process;
use crate::last_words::last_words;
use crate::layout::{Layout, checked_file_name};
use crate::process_identity::wait_until;
use crate::traces::{self, kill_processes, remove_remains};

use api::Api;

/// Longest silence of a guest that takes a file, from its start on.
const FILE_WITHIN: Duration = Duration::from_secs(60);
const WAITED_WITHIN: Duration = Duration::from_secs(5);

/// Runs agents in virtual machines of Firecracker.
#[derive(Debug)]
pub struct FirecrackerEnvironment(Arc<GuestHost>);

impl FirecrackerEnvironment {
    /// Guests boot the kernel that was put into `store` by
    /// [`prepare_kernel`](crate::prepare_kernel), unless the settings name one; a probe runs
    /// `executable --version` in one. That executable's `main` must call
    /// [`guest_init`](crate::guest_init) where [`is_guest_init`](crate::is_guest_init) says so.
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
impl Environment for FirecrackerEnvironment {
    fn kind(&self) -> EnvironmentKind {
        EnvironmentKind::Firecracker
    }

    async fn probe(&self, settings: &EnvironmentSettings) -> Availability {
        let (host, settings) = (Arc::clone(&self.0), settings.clone());
        match blocking(move || Ok(probe::probe(&host, &settings_of(&settings)))).await {
            Ok(availability) => availability,
            Err(error) => probe::unavailable(error.chain(), None),
        }
    }

    async fn create(&self, request: &CreateRequest) -> Result<(), EnvironmentError> {
        let request = request.clone();
        self.0
            .on_thread(&request.resource.clone(), move |host, _| start::create(host, &request))
            .await
    }

    fn endpoint(&self, resource: &Resource, port: Port) -> Result<Endpoint, EnvironmentError> {
        let record = record::of(resource)?;
        let socket = record.room.join(calls::GUEST_SOCKET);
        let Port::Service(wanted) = port else {
            return Ok(Endpoint::GuestPort { socket, port: AGENT_VSOCK_PORT });
        };
        let network = record.network.ok_or(EnvironmentError::ServicePort {
            kind: EnvironmentKind::Firecracker,
            port: wanted,
        })?;
        Ok(Endpoint::Tcp(SocketAddr::from((Ipv4Addr::from(network.address), wanted))))
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
                let socket = record::of(resource)?.room.join(calls::GUEST_SOCKET);
                let way = || vsock::connect(&socket, FILES_VSOCK_PORT, FILE_WITHIN);
                let to = (Place::Work, checked_file_name(&name)?);
                send(&resource.instance, &way, to, &source, FILE_WITHIN)
            })
            .await
    }

    async fn meter_target(&self, resource: &Resource) -> Result<MeterTarget, EnvironmentError> {
        self.0
            .on_thread(resource, |_, resource| {
                let room = record::of(resource)?.room;
                Ok(MeterTarget::Guest {
                    host: Box::new(host_process::meter_target(resource)?),
                    counters: GuestCounters::Firecracker {
                        socket: room.join(calls::API_SOCKET),
                        metrics: room.join(calls::METRICS),
                    },
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
            .on_thread(resource, |_, resource| {
                Ok(!traces::traces(resource).is_empty() || tap::exists(&resource.instance))
            })
            .await
            .unwrap_or(true)
    }
}

/// The settings of this kind; its defaults where they are of another.
fn settings_of(settings: &EnvironmentSettings) -> FirecrackerSettings {
    match settings {
        EnvironmentSettings::Firecracker(settings) => settings.clone(),
        _ => FirecrackerSettings::default(),
    }
}

fn pause(resource: &Resource, paused: bool) -> Result<(), EnvironmentError> {
    // An instance that is gone is an error here as in every other environment.
    host_process::agent(resource)?;
    let api = Api::at(&record::of(resource)?.room.join(calls::API_SOCKET));
    let wanted = if paused { "Paused" } else { "Running" };
    let state = || api.information().map(|information| information.state);
    let done = state().and_then(|now| {
        if now == wanted {
            return Ok(now);
        }
        api.make(&[calls::set_running(!paused)])?;
        state()
    });
    let reason = match done {
        Ok(now) if now == wanted => return Ok(()),
        Ok(now) => format!("Firecracker agreed, and the guest is \"{now}\""),
        Err(reason) => reason,
    };
    Err(EnvironmentError::Pause {
        instance: resource.instance.clone(),
        action: if paused { "paused" } else { "resumed" },
        reason,
    })
}

fn destroy(host: &GuestHost, resource: &Resource) -> Result<Ended, EnvironmentError> {
    let layout = Layout::of(resource)?;
    let tree = CgroupTree::detect();
    let mut child = host.children.take(&resource.instance);
    let status = child.as_mut().and_then(|child| child.try_wait().ok().flatten());
    kill_processes(resource, &tree);
    if let Some(child) = &mut child {
        wait_until(WAITED_WITHIN, || !matches!(child.try_wait(), Ok(None)));
    }
    let console = last_words(&layout.console()).unwrap_or_default();
    let (told, words) = ended_in(&console);
    let mut ended = told.unwrap_or_else(|| {
        let mut ended = host_process::ended_with(status);
        // Firecracker ends well whenever its guest restarts, which says nothing of the agent.
        ended.exit_code = ended.exit_code.filter(|code| *code != 0);
        ended
    });
    ended.last_words = words;
    let own = last_words(&layout.monitor_log()).unwrap_or_default();
    if ended.last_words.is_empty() && !own.is_empty() {
        ended.last_words = own;
    }
    tap::remove(&resource.instance).map_err(|reason| EnvironmentError::GuestNetwork {
        instance: resource.instance.clone(),
        reason,
    })?;
    remove_remains(resource, &tree)?;
    Ok(ended)
}

/// What a guest's console tells: how the agent ended, and everything else.
fn ended_in(console: &str) -> (Option<Ended>, String) {
    let mut told = None;
    let mut rest = Vec::new();
    for line in console.lines() {
        match line.split_once(ENDED_MARK).map(|(_, text)| serde_json::from_str(text.trim())) {
            Some(Ok(ended)) => told = Some(ended),
            _ => rest.push(line.trim_end()),
        }
    }
    (told, rest.join("\n").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_tells_how_the_agent_ended_among_other_things() {
        let told = r#"{"exit_code":1,"signal":null,"oom_kills":0,"last_words":""}"#;
        let console =
            format!("agent: no such file\r\nweighbridge-ended: {told}\r\n[ 1.0] reboot\r\n");
        let (ended, words) = ended_in(&console);
        assert_eq!(ended.unwrap().exit_code, Some(1));
        assert_eq!(words, "agent: no such file\n[ 1.0] reboot");
        let (nothing, words) = ended_in("Kernel panic\r\nweighbridge-ended: {\"exi");
        assert_eq!(nothing, None);
        assert!(words.starts_with("Kernel panic\n"));
    }
}
