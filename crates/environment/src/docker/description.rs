//! What a container is asked to be, as the daemon's interface wants it: a pure function of
//! the instance. Confined as the containers of kind `container` are: no capability, no new
//! privileges, a read-only root, and the instance's `run/` as the only place to write.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use weighbridge_experiment::{ByteSize, CreateRequest, InstanceId};

use crate::cgroup::{CPU_PERIOD_MICROSECONDS, cpu_quota_microseconds};
use crate::container::{AGENT, LIBRARIES, RUN};
use crate::host_process::AGENT_ENVIRONMENT;
use crate::layout::{LaunchRecord, Layout};

/// Every container carries it with the instance's name.
pub(super) const INSTANCE_LABEL: &str = "weighbridge.instance";

/// Where the agent and its libraries lie in an image of the user's.
pub(super) const GUEST: &str = "/run/weighbridge-agent";
/// The agent in there.
pub(super) const GUEST_AGENT: &str = "agent";
/// Its dynamic linker in there.
pub(super) const GUEST_LINKER: &str = "linker";
/// Its libraries in there.
pub(super) const GUEST_LIBRARIES: &str = "lib";

/// Name of the container of an instance.
pub(super) fn container_name(instance: &InstanceId) -> String {
    format!("weighbridge-{instance}")
}

/// How the agent is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// From an image that holds nothing else.
    OwnImage,
    /// Beside what the user's image holds, from a directory of its own. A dynamically linked
    /// agent is started by its own linker, since the image may have another or none.
    Beside {
        /// Whether there is a linker.
        linker: bool,
    },
}

/// Everything of one container.
pub(super) struct Description<'a> {
    pub(super) request: &'a CreateRequest,
    pub(super) launch: &'a LaunchRecord,
    pub(super) layout: &'a Layout,
    /// Id or name of the image.
    pub(super) image: &'a str,
    pub(super) start: Start,
    pub(super) network: &'a str,
    /// `UID:GID` of the agent, as the daemon counts.
    pub(super) user: &'a str,
}

impl Description<'_> {
    /// The body of `POST /containers/create`.
    pub(super) fn body(&self) -> Value {
        let mut exposed = Map::new();
        let mut published = Map::new();
        for port in &self.request.service_ports {
            // The daemon chooses the port of the host; of this host alone.
            exposed.insert(format!("{port}/tcp"), json!({}));
            published
                .insert(format!("{port}/tcp"), json!([{ "HostIp": "127.0.0.1", "HostPort": "" }]));
        }
        let environment = AGENT_ENVIRONMENT.map(|(name, value)| format!("{name}={value}"));
        json!({
            "Image": self.image,
            "Entrypoint": self.entry_point(),
            "Cmd": self.launch.arguments,
            "Env": environment,
            "WorkingDir": RUN,
            "User": self.user,
            "Labels": { INSTANCE_LABEL: self.launch.instance.0 },
            "ExposedPorts": exposed,
            "HostConfig": self.host_configuration(&published),
        })
    }

    fn host_configuration(&self, published: &Map<String, Value>) -> Value {
        let memory = self.launch.limits.memory.map_or(0, ByteSize::bytes);
        json!({
            "Mounts": self.mounts(),
            "CpuPeriod": CPU_PERIOD_MICROSECONDS,
            "CpuQuota": cpu_quota_microseconds(&self.launch.limits),
            "Memory": memory,
            // The same figure means: no swap besides.
            "MemorySwap": memory,
            "NetworkMode": self.network,
            "PortBindings": published,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": true,
            "RestartPolicy": { "Name": "no" },
            "LogConfig": { "Type": "json-file", "Config": { "max-size": "1m" } },
        })
    }

    fn entry_point(&self) -> Vec<String> {
        let guest = |name: &str| format!("{GUEST}/{name}");
        match self.start {
            Start::OwnImage => vec![AGENT.to_owned()],
            Start::Beside { linker: false } => vec![guest(GUEST_AGENT)],
            Start::Beside { linker: true } => vec![
                guest(GUEST_LINKER),
                "--library-path".to_owned(),
                guest(GUEST_LIBRARIES),
                guest(GUEST_AGENT),
            ],
        }
    }

    fn mounts(&self) -> Vec<Value> {
        let bound = |source: &Path, target: &str, read_only: bool| {
            json!({
                "Type": "bind",
                "Source": source,
                "Target": target,
                "ReadOnly": read_only,
            })
        };
        let mut mounts = vec![bound(&self.layout.run(), RUN, false)];
        if !self.request.agent.libraries.is_empty() {
            mounts.push(bound(&self.layout.libraries(), LIBRARIES, true));
        }
        if self.start != Start::OwnImage {
            mounts.push(bound(&guest_directory(self.layout), GUEST, true));
        }
        mounts
    }
}

/// Where the agent's files for an image of the user's lie on the host.
pub(super) fn guest_directory(layout: &Layout) -> PathBuf {
    layout.directory.join("agent")
}

#[cfg(test)]
mod tests {
    use weighbridge_experiment::{
        AgentLaunch, CpuCount, EnvironmentKind, EnvironmentSettings, Limits, Resource,
    };

    use super::*;

    fn body(start: Start, change: impl FnOnce(&mut CreateRequest)) -> Value {
        let mut request = CreateRequest {
            resource: Resource {
                kind: EnvironmentKind::Docker,
                instance: InstanceId("run-1".into()),
                directory: "/instances/run-1".into(),
                locator: None,
            },
            limits: Limits { cpus: CpuCount::new(0.5).unwrap(), memory: Some(ByteSize(1 << 26)) },
            agent: AgentLaunch {
                executable: "/proc/self/exe".into(),
                arguments: vec!["agent".into(), "$(reboot)".into()],
                libraries: Vec::new(),
            },
            settings: EnvironmentSettings::None,
            service_ports: Vec::new(),
        };
        change(&mut request);
        let launch =
            LaunchRecord::new(&request.resource, &request.agent, request.limits, None).unwrap();
        let layout = Layout::of(&request.resource).unwrap();
        let (network, user, image) = ("bridge", "0:0", "sha256:1");
        let (request, launch, layout) = (&request, &launch, &layout);
        Description { request, launch, layout, image, start, network, user }.body()
    }

    #[test]
    fn the_container_is_limited_and_confined() {
        let body = body(Start::OwnImage, |_| {});
        assert_eq!(body["Entrypoint"], json!(["/agent"]));
        assert_eq!(body["Cmd"], json!(["agent", "$(reboot)"]));
        assert_eq!(body["Labels"][INSTANCE_LABEL], "run-1");
        let host = &body["HostConfig"];
        assert_eq!((&host["CpuQuota"], &host["CpuPeriod"]), (&json!(50_000), &json!(100_000)));
        assert_eq!((&host["Memory"], &host["MemorySwap"]), (&json!(1 << 26), &json!(1 << 26)));
        assert_eq!(host["CapDrop"], json!(["ALL"]));
        assert_eq!(host["ReadonlyRootfs"], true);
        let mounts = host["Mounts"].as_array().unwrap();
        assert_eq!(mounts.len(), 1, "nothing of the host but the instance's own: {mounts:?}");
        assert_eq!(mounts[0]["Source"], "/instances/run-1/run");
    }

    #[test]
    fn without_a_memory_limit_none_is_asked_for() {
        let body = body(Start::OwnImage, |request| request.limits.memory = None);
        assert_eq!(body["HostConfig"]["Memory"], 0);
        assert_eq!(body["HostConfig"]["MemorySwap"], 0);
    }

    #[test]
    fn ports_of_services_are_published_on_this_host_alone() {
        let body = body(Start::OwnImage, |request| request.service_ports = vec![8080]);
        assert_eq!(body["ExposedPorts"], json!({ "8080/tcp": {} }));
        assert_eq!(
            body["HostConfig"]["PortBindings"]["8080/tcp"],
            json!([{ "HostIp": "127.0.0.1", "HostPort": "" }])
        );
    }

    #[test]
    fn beside_an_image_of_the_users_the_agent_brings_its_own_linker() {
        let dynamic = body(Start::Beside { linker: true }, |request| {
            request.agent.libraries = vec!["/opt/libonnxruntime.so".into()];
        });
        assert_eq!(
            dynamic["Entrypoint"],
            json!([
                "/run/weighbridge-agent/linker",
                "--library-path",
                "/run/weighbridge-agent/lib",
                "/run/weighbridge-agent/agent"
            ])
        );
        let targets: Vec<_> = dynamic["HostConfig"]["Mounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|mount| (mount["Target"].as_str().unwrap(), mount["ReadOnly"].as_bool().unwrap()))
            .collect();
        assert_eq!(
            targets,
            [("/run/weighbridge", false), ("/run/lib", true), ("/run/weighbridge-agent", true)]
        );
        let fixed = body(Start::Beside { linker: false }, |_| {});
        assert_eq!(fixed["Entrypoint"], json!(["/run/weighbridge-agent/agent"]));
    }
}
