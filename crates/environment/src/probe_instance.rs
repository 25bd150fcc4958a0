//! The instance that a probe makes: its name, by which what a killed probe left is found
//! ([`crate::reap_probes`]), and how little it is given. Does not know what a probe does.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use weighbridge_experiment::{
    AgentLaunch, ByteSize, CpuCount, CreateRequest, EnvironmentKind, EnvironmentSettings,
    InstanceId, Limits, Locator, Resource,
};

/// Several probes of one process must not share a name.
static PROBES: AtomicU32 = AtomicU32::new(0);

/// An instance of a name that no other probe has.
pub(crate) fn probe_resource(kind: EnvironmentKind, locator: Option<Locator>) -> Resource {
    let number = PROBES.fetch_add(1, Ordering::Relaxed);
    let name = format!("probe-{kind}-{}-{number}", std::process::id());
    Resource {
        kind,
        directory: std::env::temp_dir().join(&name),
        instance: InstanceId(name),
        locator,
    }
}

/// One CPU, and this executable with these arguments as the agent.
/// The error is that of [`CpuCount::new`], in words.
pub(crate) fn probe_request(
    resource: &Resource,
    (executable, arguments): (&Path, &[&str]),
    memory: Option<ByteSize>,
    settings: EnvironmentSettings,
) -> Result<CreateRequest, String> {
    Ok(CreateRequest {
        resource: resource.clone(),
        limits: Limits { cpus: CpuCount::new(1.0).map_err(|error| error.to_string())?, memory },
        agent: AgentLaunch {
            executable: executable.into(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            libraries: Vec::new(),
        },
        settings,
        service_ports: Vec::new(),
    })
}
