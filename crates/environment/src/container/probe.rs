//! Runs a real container once, to say whether containers work here.

use std::path::Path;
use std::time::Duration;

use weighbridge_experiment::{
    Availability, ByteSize, EnvironmentKind, EnvironmentSettings, Resource,
};

use super::{create, destroy};
use crate::cgroup::CgroupTree;
use crate::error::EnvironmentError;
use crate::host_process::Children;
use crate::layout::{Layout, read_record};
use crate::network;
use crate::probe_instance::{probe_request, probe_resource};
use crate::process_identity::wait_until;
use crate::traces;

/// The probe's process only prints its version.
const ENDED_WITHIN: Duration = Duration::from_secs(10);

/// Makes a container of `executable --version`, waits for its end, and removes it.
/// Where a network is asked for, one is made and removed too.
pub(super) fn probe(executable: &Path, children: &Children, network: bool) -> Availability {
    let resource = probe_resource(EnvironmentKind::Container, None);
    let tried = || if network { network::try_out(&resource.instance) } else { Ok(()) };
    let lacking = |reason| format!("the network that is asked for cannot be made: {reason}");
    let worked = run(executable, &resource, children)
        .and_then(|version| tried().map_err(lacking).map(|()| version));
    match worked {
        Ok(version) => Availability {
            available: true,
            emulated: false,
            version: Some(version),
            reason: None,
            enable: None,
        },
        Err(reason) => unavailable(reason),
    }
}

/// The answer where the probe failed.
pub(super) fn unavailable(reason: String) -> Availability {
    let root = rustix::process::geteuid().is_root();
    let (reason, enable) = if root && reason.contains("network") {
        (reason, "apt-get install iproute2 iptables")
    } else if root {
        (reason, "apt-get install runc")
    } else {
        (format!("containers need root: {reason}"), "sudo weighbridge run --env container")
    };
    Availability {
        available: false,
        emulated: false,
        version: None,
        reason: Some(reason),
        enable: Some(enable.to_owned()),
    }
}

fn run(executable: &Path, resource: &Resource, children: &Children) -> Result<String, String> {
    let memory = Some(ByteSize(256 << 20));
    let agent: (&Path, &[&str]) = (executable, &["--version"]);
    let request = probe_request(resource, agent, memory, EnvironmentSettings::None)?;
    let chain = |error: EnvironmentError| error.chain();
    create(&request, executable, children).map_err(chain)?;
    let layout = Layout::of(resource).map_err(chain)?;
    wait_until(ENDED_WITHIN, || layout.ended().exists());
    let runtime = read_record::<String>(&layout.runtime_name());
    let ended = destroy(resource, children).map_err(chain)?;
    let left = traces::traces(resource);
    if !left.is_empty() {
        let list: Vec<_> = left.iter().map(ToString::to_string).collect();
        return Err(format!("a container was removed but left {}", list.join(", ")));
    }
    match (ended.exit_code, ended.signal) {
        (Some(0), _) => {
            let cgroup = CgroupTree::detect().version().unwrap_or("missing");
            let runtime = runtime.map_err(chain)?.unwrap_or_default();
            Ok(format!("{runtime}, cgroup {cgroup}"))
        }
        (Some(code), _) => Err(format!("exit code {code} inside: {}", ended.last_words)),
        (None, Some(signal)) => Err(format!("signal {signal} inside: {}", ended.last_words)),
        (None, None) => Err(format!("it did not end within {} s", ENDED_WITHIN.as_secs())),
    }
}
