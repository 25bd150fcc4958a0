//! Runs a real agent on the other host once, to say whether this works.

use std::os::unix::net::UnixStream;
use std::path::Path;

use weighbridge_experiment::{Availability, EnvironmentKind, EnvironmentSettings, Resource};

use super::instance;
use crate::environment::{locate, write_locator};
use crate::error::EnvironmentError;
use crate::host_process::Children;
use crate::layout::Layout;
use crate::probe_instance::{probe_request, probe_resource};

pub(super) async fn probe(
    agent: &Path,
    settings: &EnvironmentSettings,
    children: &Children,
) -> Availability {
    let named = matches!(settings, EnvironmentSettings::Ssh(ssh) if ssh.destination.is_some());
    if !named {
        return answer(Err("no host is named; an experiment file does it by destination = \"user@host\" in [environment.ssh]".to_owned()));
    }
    let resource = probe_resource(EnvironmentKind::Ssh, locate(settings));
    let tried = run(agent, &resource, settings, children).await;
    // Whatever came of it, nothing of it stays.
    let destroyed = instance::destroy(&resource, children).await;
    answer(match (tried, destroyed) {
        (Ok(limits), Ok(_)) => Ok(limits),
        (Ok(_), Err(error)) => Err(error.chain()),
        (Err(reason), _) => Err(reason),
    })
}

/// `limits` or `unlimited: WHY`, or why it does not work.
fn answer(tried: Result<String, String>) -> Availability {
    let (available, reason) = match tried {
        Ok(limits) => {
            let why = limits.strip_prefix("unlimited").map(|why| format!("without limits{why}"));
            (true, why)
        }
        Err(reason) => (false, Some(reason)),
    };
    Availability {
        available,
        emulated: false,
        version: available.then(|| format!("ssh, {}", std::env::consts::ARCH)),
        reason,
        enable: None,
    }
}

async fn run(
    agent: &Path,
    resource: &Resource,
    settings: &EnvironmentSettings,
    children: &Children,
) -> Result<String, String> {
    let chain = |error: EnvironmentError| error.chain();
    let request = probe_request(resource, (agent, &["agent"]), None, settings.clone())?;
    // Known before anything is made: a probe that is killed is found by its directory.
    write_locator(resource).map_err(chain)?;
    instance::create(&request, children).await.map_err(chain)?;
    let layout = Layout::of(resource).map_err(chain)?;
    if UnixStream::connect(layout.socket()).is_ok() {
        return Ok(instance::facts(resource).value("remote_limits").unwrap_or_default().to_owned());
    }
    let ended = instance::destroy(resource, children).await.map_err(chain)?;
    Err(format!("the agent does not start there: {}", ended.last_words.trim()))
}
