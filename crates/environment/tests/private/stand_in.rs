//! What tests of single environments share: asking for an instance whose agent is the
//! stand-in.

use std::path::{Path, PathBuf};

use weighbridge_environment::locate;
use weighbridge_experiment::{
    AgentLaunch, ByteSize, CpuCount, CreateRequest, EnvironmentKind, EnvironmentSettings,
    InstanceId, Limits, Resource,
};

/// Cargo builds examples before it runs tests, beside them.
pub(crate) fn stand_in() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(Path::parent).unwrap();
    target.join("examples/agent_stand_in")
}

/// Half a CPU and 64 MiB.
pub(crate) fn request(
    kind: EnvironmentKind,
    directory: &Path,
    settings: EnvironmentSettings,
    name: &str,
    arguments: &[&str],
) -> CreateRequest {
    let instance = format!("{name}-{}", std::process::id());
    CreateRequest {
        resource: Resource {
            kind,
            directory: directory.join(&instance),
            instance: InstanceId(instance),
            locator: locate(&settings),
        },
        limits: Limits { cpus: CpuCount::new(0.5).unwrap(), memory: Some(ByteSize(64 << 20)) },
        agent: AgentLaunch {
            executable: stand_in(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            libraries: Vec::new(),
        },
        settings,
        service_ports: Vec::new(),
    }
}
