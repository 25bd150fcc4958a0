//! Runs a real container once, with a real agent in it, to say whether this works here.
//!
//! The agent's socket has to appear on this host: that is what a daemon in a virtual machine
//! or on another host cannot do, however well it runs containers.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use weighbridge_experiment::{
    Availability, ByteSize, DockerSettings, EnvironmentKind, EnvironmentSettings, Locator, Resource,
};

use super::{container, instance, socket};
use crate::blocking::blocking;
use crate::cgroup::CgroupTree;
use crate::environment::write_locator;
use crate::error::EnvironmentError;
use crate::host_process;
use crate::layout::Layout;
use crate::probe_instance::{probe_request, probe_resource};
use crate::process_identity::wait_until;
use crate::traces;

/// An agent listens a few milliseconds after its start.
const LISTENS_WITHIN: Duration = Duration::from_secs(10);

pub(super) async fn probe(agent: &Path, settings: &EnvironmentSettings) -> Availability {
    let default = DockerSettings::default();
    let docker = match settings {
        EnvironmentSettings::Docker(docker) => docker,
        _ => &default,
    };
    let socket = match socket::find(docker) {
        Ok(socket) => socket,
        Err(reason) => return unavailable(reason, Some("apt-get install docker.io")),
    };
    let resource = probe_resource(EnvironmentKind::Docker, Some(Locator::Docker { socket }));
    let tried = run(agent, &resource, settings).await;
    // Whatever came of it, nothing of it stays.
    let destroyed = instance::destroy(&resource).await;
    match (tried, destroyed) {
        (Ok(version), Ok(_)) => {
            let left = traces::traces(&resource);
            if left.is_empty() {
                return available(version);
            }
            let list: Vec<_> = left.iter().map(ToString::to_string).collect();
            unavailable(format!("a container was removed but left {}", list.join(", ")), None)
        }
        (Ok(_), Err(error)) => unavailable(error.chain(), None),
        (Err(reason), _) => unavailable(reason, None),
    }
}

fn available(version: String) -> Availability {
    Availability {
        available: true,
        emulated: false,
        version: Some(version),
        reason: None,
        enable: None,
    }
}

fn unavailable(reason: String, enable: Option<&str>) -> Availability {
    Availability {
        available: false,
        emulated: false,
        version: None,
        reason: Some(reason),
        enable: enable.map(str::to_owned),
    }
}

async fn run(
    agent: &Path,
    resource: &Resource,
    settings: &EnvironmentSettings,
) -> Result<String, String> {
    let memory = Some(ByteSize(256 << 20));
    let request = probe_request(resource, (agent, &["agent"]), memory, settings.clone())?;
    let chain = |error: EnvironmentError| error.chain();
    // Known before the container is: a probe that is killed is found by its directory.
    write_locator(resource).map_err(chain)?;
    instance::create(&request).await.map_err(chain)?;
    let layout = Layout::of(resource).map_err(chain)?;
    let (listening, probed) = (layout.socket(), resource.clone());
    let answered = blocking(move || {
        let mut answers = false;
        wait_until(LISTENS_WITHIN, || {
            let runs = host_process::agent(&probed).is_ok();
            answers = UnixStream::connect(&listening).is_ok();
            answers || !runs
        });
        Ok(answers)
    });
    let daemon = instance::daemon_of(resource).await.map_err(chain)?;
    if answered.await.map_err(chain)? {
        let cgroup = CgroupTree::detect().version().unwrap_or("missing");
        return Ok(format!("{}, cgroup {cgroup}", daemon.name));
    }
    let found = container::inspect(&daemon, &resource.instance).await.map_err(chain)?;
    Err(match found.map(|found| found.state.status) {
        Some(status) if status == "running" => format!(
            "its container runs, but the agent's socket does not appear in {} on this host: the daemon runs in a virtual machine or on another host; use a daemon of this host, or kind = \"ssh\"",
            layout.run().display()
        ),
        _ => {
            let ended = container::ended(&daemon, &resource.instance, true).await.map_err(chain)?;
            let said = ended.last_words.trim();
            format!("the agent does not start in its container: {said}")
        }
    })
}
