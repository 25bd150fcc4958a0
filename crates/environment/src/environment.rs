use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use weighbridge_experiment::{
    Availability, CreateRequest, Ended, Endpoint, EnvironmentKind, EnvironmentSettings, HostFacts,
    Locator, MeterTarget, Resource,
};

use crate::container::ContainerEnvironment;
use crate::docker::{self, DockerEnvironment};
use crate::error::EnvironmentError;
use crate::firecracker::FirecrackerEnvironment;
use crate::layout::{Layout, read_record, write_record};
use crate::native::NativeEnvironment;
use crate::qemu::QemuEnvironment;
use crate::simulated::SimulatedEnvironment;
use crate::ssh::SshEnvironment;
use crate::traces::{self, Trace};

/// Longest wait of [`reap`] for the kernel to let go of a destroyed instance.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// Bytes or a file to be copied into an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopySource {
    /// These bytes. Shared, since each block makes an instance of its own out of them.
    Bytes(Arc<[u8]>),
    /// The contents of this file of the host.
    File(PathBuf),
}

/// Which port of an instance is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Where the agent answers.
    Agent,
    /// A TCP port on which a service inside the instance listens.
    Service(u16),
}

/// One kind of place in which an application can run.
///
/// Every method but [`probe`](Self::probe) and [`create`](Self::create) works from the
/// [`Resource`] alone, also in a process that did not make the instance.
#[async_trait]
pub trait Environment: Send + Sync {
    /// The kind, as users name it.
    fn kind(&self) -> EnvironmentKind;

    /// Tries the environment once for real: makes an instance, runs it, removes it. Never
    /// fails; what went wrong is the reason inside the answer.
    async fn probe(&self, settings: &EnvironmentSettings) -> Availability;

    /// Makes the instance and returns as soon as its agent's process runs. The agent is
    /// started in a directory where it listens on `agent.sock` and reads `work/NAME`.
    /// Whatever was made before an error is removed again.
    async fn create(&self, request: &CreateRequest) -> Result<(), EnvironmentError>;

    /// Where the host reaches a port of the instance. Does not wait until it answers.
    fn endpoint(&self, resource: &Resource, port: Port) -> Result<Endpoint, EnvironmentError>;

    /// Copies into the instance; its agent reads the copy as `work/NAME`.
    async fn copy_in(
        &self,
        resource: &Resource,
        source: CopySource,
        name: &str,
    ) -> Result<(), EnvironmentError>;

    /// What a meter outside the instance may read.
    async fn meter_target(&self, resource: &Resource) -> Result<MeterTarget, EnvironmentError>;

    /// Stops all processes of the instance (`true`) or lets them continue (`false`).
    /// Returns when it has happened; repeating it changes nothing.
    async fn pause(&self, resource: &Resource, paused: bool) -> Result<(), EnvironmentError>;

    /// What the environment itself knows of the instance: limits as the kernel shows them,
    /// runtime, cgroup version, namespaces, root file system.
    async fn describe(&self, resource: &Resource) -> HostFacts;

    /// Ends the instance and removes every trace of it. Tells how it had ended before this
    /// call killed it. Destroying what does not exist succeeds and tells nothing.
    async fn destroy(&self, resource: &Resource) -> Result<Ended, EnvironmentError>;

    /// Whether any trace of the instance is left: process, cgroup in any controller, mount
    /// or directory. [`crate::traces()`] lists them.
    async fn exists(&self, resource: &Resource) -> bool;
}

/// All environments of this version. Containers are watched over by the running
/// executable itself, whose `main` must call [`crate::container_monitor`].
#[must_use]
pub fn environments() -> Vec<Box<dyn Environment>> {
    EnvironmentKind::ALL.into_iter().map(open).collect()
}

/// The environment of one kind. Virtual machines can be looked after and not made: where
/// their kernel lies is for [`QemuEnvironment::new`] and [`FirecrackerEnvironment::new`] to say.
#[must_use]
pub fn open(kind: EnvironmentKind) -> Box<dyn Environment> {
    match kind {
        EnvironmentKind::Native => Box::new(NativeEnvironment::new()),
        EnvironmentKind::Container => Box::new(ContainerEnvironment::of_this_executable()),
        EnvironmentKind::Docker => Box::new(DockerEnvironment::of_this_executable()),
        EnvironmentKind::Qemu => Box::new(QemuEnvironment::without_store()),
        EnvironmentKind::Firecracker => Box::new(FirecrackerEnvironment::without_store()),
        EnvironmentKind::Ssh => Box::new(SshEnvironment::of_this_executable()),
        EnvironmentKind::Simulated => Box::new(SimulatedEnvironment::new()),
    }
}

/// Where a later process finds an instance that is about to be made with these settings,
/// besides in its directory. It belongs into the instance's [`Resource`].
#[must_use]
pub fn locate(settings: &EnvironmentSettings) -> Option<Locator> {
    match settings {
        EnvironmentSettings::None
        | EnvironmentSettings::Container(_)
        | EnvironmentSettings::Qemu(_)
        | EnvironmentSettings::Firecracker(_) => None,
        EnvironmentSettings::Docker(docker) => docker::locate(docker),
        EnvironmentSettings::Ssh(ssh) => Some(Locator::Ssh(ssh.clone())),
    }
}

/// Writes into the directory of a probe's instance where else it may be found: no journal
/// tells it.
pub(crate) fn write_locator(resource: &Resource) -> Result<(), EnvironmentError> {
    let layout = Layout::of(resource)?;
    let directory = &layout.directory;
    std::fs::create_dir_all(directory)
        .map_err(EnvironmentError::file("create directory", directory))?;
    write_record(&layout.locator(), &resource.locator)
}

/// What [`write_locator`] wrote; a record that was cut short says nothing.
pub(crate) fn read_locator(directory: &std::path::Path) -> Option<Locator> {
    read_record(&directory.join(Layout::LOCATOR)).ok().flatten()
}

/// Destroys an instance and waits, within bounds, until nothing of it is left.
pub async fn reap(
    environment: &dyn Environment,
    resource: &Resource,
) -> Result<Ended, EnvironmentError> {
    let ended = environment.destroy(resource).await?;
    let mut waited = Duration::ZERO;
    let mut pause = Duration::from_millis(2);
    while environment.exists(resource).await {
        if waited >= GONE_WITHIN {
            let mut left = traces::traces(resource);
            if left.is_empty() {
                left.push(Trace::Elsewhere(format!("something of it in {}", resource.kind)));
            }
            return Err(EnvironmentError::Remains {
                instance: resource.instance.clone(),
                traces: left,
            });
        }
        tokio::time::sleep(pause).await;
        waited += pause;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
    Ok(ended)
}
