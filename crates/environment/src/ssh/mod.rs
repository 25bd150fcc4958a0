//! Another host, reached by the system's `ssh`.
//!
//! The agent travels there with its linker and libraries, by content, so that it starts on any
//! Linux of the same architecture, and for another one is built beforehand; its socket is
//! forwarded to a unix socket here, so nothing listens on a port but what a service was asked
//! for, on loopback. Limits come from a cgroup where the user there may make one.
//!
//! This module does not know what the agent does, and reads no meter of the other host.

mod connection;
mod instance;
mod probe;
mod quote;
mod scripts;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use weighbridge_experiment::{
    Availability, CreateRequest, Ended, Endpoint, EnvironmentKind, EnvironmentSettings, HostFacts,
    MeterTarget, Resource,
};

use crate::blocking::blocking;
use crate::environment::{CopySource, Environment, Port};
use crate::error::EnvironmentError;
use crate::host_process::{self, Children};
use crate::traces;

/// Runs agents on other hosts.
#[derive(Debug)]
pub struct SshEnvironment {
    /// What a probe runs.
    agent: PathBuf,
    /// The standing connections of this process.
    children: Arc<Children>,
}

impl SshEnvironment {
    /// A probe runs `agent agent`, which must listen on `agent.sock` in its working directory.
    #[must_use]
    pub fn new(agent: PathBuf) -> Self {
        Self { agent, children: Arc::default() }
    }

    /// A probe runs the running executable.
    #[must_use]
    pub fn of_this_executable() -> Self {
        Self::new(std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into()))
    }
}

#[async_trait]
impl Environment for SshEnvironment {
    fn kind(&self) -> EnvironmentKind {
        EnvironmentKind::Ssh
    }

    async fn probe(&self, settings: &EnvironmentSettings) -> Availability {
        Box::pin(probe::probe(&self.agent, settings, &self.children)).await
    }

    async fn create(&self, request: &CreateRequest) -> Result<(), EnvironmentError> {
        Box::pin(instance::create(request, &self.children)).await
    }

    fn endpoint(&self, resource: &Resource, port: Port) -> Result<Endpoint, EnvironmentError> {
        match port {
            Port::Agent => host_process::endpoint(resource, port),
            Port::Service(port) => instance::forwarded(resource, port),
        }
    }

    async fn copy_in(
        &self,
        resource: &Resource,
        source: CopySource,
        name: &str,
    ) -> Result<(), EnvironmentError> {
        Box::pin(instance::copy_in(resource, source, name)).await
    }

    async fn meter_target(&self, resource: &Resource) -> Result<MeterTarget, EnvironmentError> {
        if self.exists(resource).await {
            let reason = "its processes run on another host, whose counters are not read";
            return Ok(MeterTarget::Nothing { reason: reason.to_owned() });
        }
        Err(EnvironmentError::NotRunning {
            instance: resource.instance.clone(),
            reason: "it was never made, or is destroyed".to_owned(),
        })
    }

    async fn pause(&self, resource: &Resource, paused: bool) -> Result<(), EnvironmentError> {
        instance::pause(resource, paused).await
    }

    async fn describe(&self, resource: &Resource) -> HostFacts {
        instance::facts(resource)
    }

    async fn destroy(&self, resource: &Resource) -> Result<Ended, EnvironmentError> {
        Box::pin(instance::destroy(resource, &self.children)).await
    }

    async fn exists(&self, resource: &Resource) -> bool {
        let here = resource.clone();
        let here = blocking(move || Ok(!traces::traces(&here).is_empty())).await;
        // Without its directory here nothing of it is there, as its removal promises; a host
        // that does not answer changes nothing of that.
        here.unwrap_or(true) || instance::is_there(resource).await.unwrap_or(false)
    }
}
