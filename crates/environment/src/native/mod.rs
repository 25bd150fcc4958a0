//! The host itself: the agent as a child process, under the same limits as the others.
//!
//! Limits come from a cgroup where this user may make one. Where not, the agent runs
//! without, and every answer says so. This module does not know what the agent does.

use std::process::{Command, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use weighbridge_experiment::{
    Availability, CpuCount, CreateRequest, Ended, Endpoint, EnvironmentKind, EnvironmentSettings,
    Fact, HostFacts, Limits, MeterTarget, Resource,
};

use crate::blocking::blocking;
use crate::cgroup::CgroupTree;
use crate::environment::{CopySource, Environment, Port};
use crate::error::EnvironmentError;
use crate::facts::{collected, missing_cgroup_facts, own_cgroup_facts, process_facts};
use crate::host_process::{self, Children};
use crate::layout::Layout;
use crate::probe_instance::probe_resource;
use crate::traces;

/// Runs agents as processes of this host.
#[derive(Debug, Default)]
pub struct NativeEnvironment {
    children: Arc<Children>,
}

impl NativeEnvironment {
    /// Makes nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Environment for NativeEnvironment {
    fn kind(&self) -> EnvironmentKind {
        EnvironmentKind::Native
    }

    async fn probe(&self, _: &EnvironmentSettings) -> Availability {
        match blocking(|| Ok(try_limits(&CgroupTree::detect()))).await {
            Ok(Ok(version)) => available(Some(format!("cgroup {version}")), None),
            Ok(Err(reason)) => available(None, Some(reason)),
            Err(error) => available(None, Some(format!("without limits: {}", error.chain()))),
        }
    }

    async fn create(&self, request: &CreateRequest) -> Result<(), EnvironmentError> {
        let (request, children) = (request.clone(), Arc::clone(&self.children));
        blocking(move || host_process::start(&request, &[], Some(&CgroupTree::detect()), &children))
            .await
    }

    fn endpoint(&self, resource: &Resource, port: Port) -> Result<Endpoint, EnvironmentError> {
        host_process::endpoint(resource, port)
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
        blocking(move || host_process::destroy(&resource, &CgroupTree::detect(), &children)).await
    }

    async fn exists(&self, resource: &Resource) -> bool {
        let resource = resource.clone();
        blocking(move || Ok(!traces::traces(&resource).is_empty())).await.unwrap_or(true)
    }
}

/// A process of the host always works; only its limits may not.
fn available(version: Option<String>, reason: Option<String>) -> Availability {
    Availability {
        available: true,
        emulated: false,
        version,
        enable: reason.is_some().then(|| "sudo weighbridge run".to_owned()),
        reason,
    }
}

/// Makes a cgroup with both limits, runs a process inside, and removes it again.
fn try_limits(tree: &CgroupTree) -> Result<&'static str, String> {
    let instance = probe_resource(EnvironmentKind::Native, None).instance;
    let limits = Limits {
        cpus: CpuCount::new(1.0).map_err(|error| error.to_string())?,
        memory: Some(weighbridge_experiment::ByteSize(256 << 20)),
    };
    let without = |error: EnvironmentError| format!("without limits: {}", error.chain());
    tree.create(&instance, &limits).map_err(without)?;
    let ran = tree.entrances(&instance).map_err(without).and_then(|entrances| {
        let mut command = Command::new("/proc/self/exe");
        command.arg("--version").env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        host_process::enter_before_exec(&mut command, entrances);
        command.status().map(drop).map_err(|error| format!("without limits: {error}"))
    });
    tree.kill(&instance, std::time::Duration::from_secs(1));
    let removed = tree.remove(&instance).map_err(without);
    ran.and(removed)?;
    tree.version().ok_or_else(|| "without limits: no cgroup hierarchy".to_owned())
}

fn facts(resource: &Resource) -> HostFacts {
    let limits = match Layout::of(resource).map(|layout| host_process::unlimited_reason(&layout)) {
        Ok(None) => own_cgroup_facts(&CgroupTree::detect(), &resource.instance),
        Ok(Some(reason)) => missing_cgroup_facts(&reason),
        Err(error) => missing_cgroup_facts(&error.chain()),
    };
    let process = host_process::agent(resource).map(|identity| identity.process);
    collected(vec![
        vec![Fact::missing("runtime", "a process of the host has none", "native environment")],
        limits,
        process_facts(process),
        vec![Fact::missing("rootfs_bytes", "the host's own file system", "native environment")],
    ])
}
