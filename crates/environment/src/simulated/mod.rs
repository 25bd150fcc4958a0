//! A fake, for trying a whole run: the agent is told to draw its times from a seeded
//! distribution. Nothing is limited and nothing can be metered; every result of it is
//! labelled `simulated`. This module does not know the distribution.

use std::sync::Arc;

use async_trait::async_trait;
use weighbridge_experiment::{
    Availability, CreateRequest, Ended, Endpoint, EnvironmentKind, EnvironmentSettings, Fact,
    HostFacts, InstanceId, MeterTarget, Resource, Sha256Digest,
};

use crate::blocking::blocking;
use crate::cgroup::CgroupTree;
use crate::environment::{CopySource, Environment, Port};
use crate::error::EnvironmentError;
use crate::facts::{collected, missing_cgroup_facts};
use crate::host_process::{self, Children};
use crate::traces;

/// Starts agents that pretend.
#[derive(Debug, Default)]
pub struct SimulatedEnvironment {
    children: Arc<Children>,
}

impl SimulatedEnvironment {
    /// Makes nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// The same instance pretends the same: its seed is the start of its name's digest.
fn seed(instance: &InstanceId) -> u64 {
    let digest = Sha256Digest::of(instance.0.as_bytes());
    u64::from_str_radix(digest.as_str().get(..16).unwrap_or("0"), 16).unwrap_or(0)
}

#[async_trait]
impl Environment for SimulatedEnvironment {
    fn kind(&self) -> EnvironmentKind {
        EnvironmentKind::Simulated
    }

    async fn probe(&self, _: &EnvironmentSettings) -> Availability {
        Availability {
            available: true,
            emulated: false,
            version: None,
            reason: Some("simulated: its times are drawn, not measured".into()),
            enable: None,
        }
    }

    async fn create(&self, request: &CreateRequest) -> Result<(), EnvironmentError> {
        let (request, children) = (request.clone(), Arc::clone(&self.children));
        let extra = ["--simulate".to_owned(), seed(&request.resource.instance).to_string()];
        blocking(move || host_process::start(&request, &extra, None, &children)).await
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
        // An instance that is gone is an error here as in every other environment.
        blocking(move || host_process::agent(&resource)).await?;
        Ok(MeterTarget::Nothing { reason: "simulated".into() })
    }

    async fn pause(&self, resource: &Resource, paused: bool) -> Result<(), EnvironmentError> {
        let resource = resource.clone();
        blocking(move || host_process::pause(&resource, paused, None)).await
    }

    async fn describe(&self, _: &Resource) -> HostFacts {
        let simulated = |name| Fact::missing(name, "simulated", "simulated environment");
        collected(vec![
            vec![simulated("runtime")],
            missing_cgroup_facts("simulated"),
            ["namespaces", "capabilities_effective", "no_new_privileges", "seccomp_mode"]
                .into_iter()
                .map(simulated)
                .collect(),
            vec![simulated("rootfs_bytes")],
        ])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_follow_the_name_alone() {
        let one = seed(&InstanceId("run-1".into()));
        assert_eq!(one, seed(&InstanceId("run-1".into())));
        assert_ne!(one, seed(&InstanceId("run-2".into())));
    }
}
