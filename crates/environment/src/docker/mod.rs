//! Containers of a Docker daemon, or of Podman behind the same interface.
//!
//! The instance's directory is bound into the container, so the agent's socket lies on this
//! host and no port is opened for it. The container is found by its name, which follows from
//! the instance. Its directory here is removed last, after the daemon confirmed that the
//! container is gone: while the directory exists, the container may.
//!
//! This module does not know what the agent does, nor does it ever fetch an image.

mod container;
mod daemon;
mod description;
mod host_cgroup;
mod image;
mod instance;
mod log;
mod probe;
mod socket;

use std::path::PathBuf;

use async_trait::async_trait;
use weighbridge_experiment::{
    Availability, CreateRequest, DockerSettings, Ended, Endpoint, EnvironmentKind,
    EnvironmentSettings, HostFacts, Locator, MeterTarget, PaperTarget, Resource,
};

use crate::blocking::blocking;
use crate::environment::{CopySource, Environment, Port};
use crate::error::EnvironmentError;
use crate::host_process;
use crate::traces;

/// Runs agents in containers of a daemon.
#[derive(Debug)]
pub struct DockerEnvironment {
    /// What a probe runs.
    agent: PathBuf,
}

impl DockerEnvironment {
    /// A probe runs `agent agent`, which must listen on `agent.sock` in its working directory.
    #[must_use]
    pub fn new(agent: PathBuf) -> Self {
        Self { agent }
    }

    /// A probe runs the running executable.
    #[must_use]
    pub fn of_this_executable() -> Self {
        Self::new(std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into()))
    }
}

#[async_trait]
impl Environment for DockerEnvironment {
    fn kind(&self) -> EnvironmentKind {
        EnvironmentKind::Docker
    }

    async fn probe(&self, settings: &EnvironmentSettings) -> Availability {
        Box::pin(probe::probe(&self.agent, settings)).await
    }

    async fn create(&self, request: &CreateRequest) -> Result<(), EnvironmentError> {
        Box::pin(instance::create(request)).await
    }

    fn endpoint(&self, resource: &Resource, port: Port) -> Result<Endpoint, EnvironmentError> {
        match port {
            Port::Agent => host_process::endpoint(resource, port),
            Port::Service(port) => instance::published(resource, port),
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
        blocking(move || instance::meter_target(&resource)).await
    }

    async fn pause(&self, resource: &Resource, paused: bool) -> Result<(), EnvironmentError> {
        let daemon = instance::daemon_of(resource).await?;
        container::pause(&daemon, &resource.instance, paused).await
    }

    async fn describe(&self, resource: &Resource) -> HostFacts {
        instance::facts(resource).await
    }

    async fn destroy(&self, resource: &Resource) -> Result<Ended, EnvironmentError> {
        Box::pin(instance::destroy(resource)).await
    }

    async fn exists(&self, resource: &Resource) -> bool {
        let here = resource.clone();
        let here = blocking(move || Ok(!traces::traces(&here).is_empty())).await;
        // Without its directory there is no container, as the module says; a daemon that does
        // not answer changes nothing of that.
        here.unwrap_or(true) || instance::is_known(resource).await.unwrap_or(false)
    }
}

/// Where the container of an instance with these settings will be. None where no daemon is
/// found: then none can be made either, and making it says why.
pub(crate) fn locate(settings: &DockerSettings) -> Option<Locator> {
    socket::find(settings).ok().map(|socket| Locator::Docker { socket })
}

/// Where `docker stats` reads an instance.
pub(crate) fn stats_target(resource: &Resource) -> PaperTarget {
    match &resource.locator {
        Some(Locator::Docker { socket }) => PaperTarget::Daemon {
            socket: socket.clone(),
            container: description::container_name(&resource.instance),
        },
        _ => PaperTarget::Nothing { reason: "its daemon is not known".to_owned() },
    }
}

/// Removes the images of agents that a daemon keeps as a cache, and that no container uses.
/// Returns their names; none where no daemon is found.
///
/// # Errors
///
/// What the daemon refuses.
pub async fn remove_images(settings: &DockerSettings) -> Result<Vec<String>, EnvironmentError> {
    let Ok(socket) = socket::find(settings) else { return Ok(Vec::new()) };
    match daemon::Daemon::connect(&socket).await {
        Ok(daemon) => image::remove_ours(&daemon).await,
        // A daemon that does not run keeps nothing that could be removed now.
        Err(EnvironmentError::DockerUnreachable { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
