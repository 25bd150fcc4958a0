//! One container, as the daemon tells of it and as it is told to behave.
//!
//! Containers are addressed by name, which follows from the instance, so a process that knows
//! nothing but the resource finds the same container. This module does not know what is in it.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use weighbridge_experiment::{Ended, InstanceId};

use super::daemon::Daemon;
use super::description::container_name;
use super::log::standard_error;
use crate::error::EnvironmentError;
use crate::last_words::end_of;

/// The daemon removes a container in the background where another request does already.
const REMOVED_WITHIN: Duration = Duration::from_secs(20);
/// How long the daemon may take to notice that a process has ended.
const NOTICED_WITHIN: Duration = Duration::from_secs(3);
const ASKED_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Longest part of a log that is fetched for the last words.
const LOG_LINES: u32 = 60;

/// A shell's and a daemon's way to say that a signal ended a process: 128 + its number.
const SIGNAL_BASE: i32 = 128;
const SIGNALS: i32 = 64;

/// What `GET /containers/NAME/json` tells, as far as it is needed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspection {
    pub(super) image: String,
    pub(super) state: State,
    #[serde(default)]
    pub(super) network_settings: NetworkSettings,
    #[serde(default)]
    pub(super) host_config: HostConfiguration,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct State {
    /// `created`, `running`, `paused`, `exited`, `dead` …
    pub(super) status: String,
    #[serde(default)]
    pub(super) paused: bool,
    #[serde(rename = "OOMKilled", default)]
    oom_killed: bool,
    #[serde(default)]
    pub(super) pid: u32,
    #[serde(default)]
    exit_code: i32,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NetworkSettings {
    ports: Option<BTreeMap<String, Option<Vec<Published>>>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Published {
    host_port: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HostConfiguration {
    #[serde(default)]
    pub(super) network_mode: String,
    #[serde(default)]
    pub(super) runtime: String,
}

impl State {
    fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "exited" | "dead" | "stopped")
    }

    /// How it ended; nothing of a container that runs, or never ran.
    fn ended(&self) -> Ended {
        if !self.has_ended() {
            return Ended::default();
        }
        let by_signal = (SIGNAL_BASE + 1..=SIGNAL_BASE + SIGNALS).contains(&self.exit_code);
        Ended {
            exit_code: (!by_signal).then_some(self.exit_code),
            signal: by_signal.then_some(self.exit_code - SIGNAL_BASE),
            // The daemon tells that it happened, not how often.
            oom_kills: Some(u64::from(self.oom_killed)),
            last_words: String::new(),
        }
    }
}

impl Inspection {
    /// The ports of services: inside, and on this host.
    pub(super) fn ports(&self) -> BTreeMap<u16, u16> {
        let ports = self.network_settings.ports.iter().flatten();
        ports
            .filter_map(|(inside, published)| {
                let inside = inside.strip_suffix("/tcp")?.parse().ok()?;
                let host = published.as_ref()?.first()?.host_port.parse().ok()?;
                Some((inside, host))
            })
            .collect()
    }
}

/// Makes the container; it does not run yet.
pub(super) async fn create(
    daemon: &Daemon,
    instance: &InstanceId,
    body: &Value,
) -> Result<(), EnvironmentError> {
    let name = container_name(instance);
    let path = format!("/containers/create?name={name}");
    let answer = daemon.ask(Method::POST, &path, "application/json", body.to_string()).await?;
    daemon.check(&format!("make container {name}"), &answer)
}

/// Starts its process.
pub(super) async fn start(daemon: &Daemon, instance: &InstanceId) -> Result<(), EnvironmentError> {
    post(daemon, instance, "start", "start").await
}

async fn post(
    daemon: &Daemon,
    instance: &InstanceId,
    what: &str,
    verb: &str,
) -> Result<(), EnvironmentError> {
    let name = container_name(instance);
    let answer = daemon.ask(Method::POST, &format!("/containers/{name}/{what}"), "", "").await?;
    daemon.check(&format!("{verb} container {name}"), &answer)
}

/// What the daemon knows of it; `None` where it has none of this name.
pub(super) async fn inspect(
    daemon: &Daemon,
    instance: &InstanceId,
) -> Result<Option<Inspection>, EnvironmentError> {
    let name = container_name(instance);
    let answer = daemon.ask(Method::GET, &format!("/containers/{name}/json"), "", "").await?;
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    daemon.read(&format!("inspect container {name}"), &answer).map(Some)
}

/// Stops all of its processes, or lets them go on. Repeating it changes nothing.
pub(super) async fn pause(
    daemon: &Daemon,
    instance: &InstanceId,
    paused: bool,
) -> Result<(), EnvironmentError> {
    let not_running = |reason: &str| EnvironmentError::NotRunning {
        instance: instance.clone(),
        reason: reason.to_owned(),
    };
    let found = inspect(daemon, instance).await?;
    let state = found.ok_or_else(|| not_running("the daemon has no container of it"))?.state;
    if state.has_ended() {
        return Err(not_running("its process has ended"));
    }
    match (paused, state.paused) {
        (true, false) => post(daemon, instance, "pause", "pause").await,
        (false, true) => post(daemon, instance, "unpause", "resume").await,
        _ => Ok(()),
    }
}

/// How the container ended by itself. `process_gone` says that its process is known to have
/// ended: then the daemon is given a moment to notice it too.
pub(super) async fn ended(
    daemon: &Daemon,
    instance: &InstanceId,
    process_gone: bool,
) -> Result<Ended, EnvironmentError> {
    let mut waited = Duration::ZERO;
    let state = loop {
        let Some(found) = inspect(daemon, instance).await? else { return Ok(Ended::default()) };
        if !process_gone || found.state.has_ended() || waited >= NOTICED_WITHIN {
            break found.state;
        }
        tokio::time::sleep(ASKED_AGAIN_AFTER).await;
        waited += ASKED_AGAIN_AFTER;
    };
    let last_words = last_words(daemon, instance).await.unwrap_or_default();
    Ok(Ended { last_words, ..state.ended() })
}

async fn last_words(daemon: &Daemon, instance: &InstanceId) -> Result<String, EnvironmentError> {
    let name = container_name(instance);
    let path = format!("/containers/{name}/logs?stderr=1&stdout=0&tail={LOG_LINES}");
    let answer = daemon.ask(Method::GET, &path, "", "").await?;
    daemon.check(&format!("read the log of container {name}"), &answer)?;
    Ok(end_of(&standard_error(&answer.body)))
}

/// Ends and removes the container with its volumes. That there is none is no error.
pub(super) async fn remove(daemon: &Daemon, instance: &InstanceId) -> Result<(), EnvironmentError> {
    let name = container_name(instance);
    let mut waited = Duration::ZERO;
    loop {
        let path = format!("/containers/{name}?force=1&v=1");
        let answer = daemon.ask(Method::DELETE, &path, "", "").await?;
        match answer.status {
            StatusCode::NOT_FOUND => return Ok(()),
            // Somebody else removes it at this moment.
            StatusCode::CONFLICT if waited < REMOVED_WITHIN => {}
            _ => return daemon.check(&format!("remove container {name}"), &answer),
        }
        tokio::time::sleep(ASKED_AGAIN_AFTER).await;
        waited += ASKED_AGAIN_AFTER;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspection(state: &str, ports: &str) -> Inspection {
        let text = format!(
            "{{\"Image\":\"sha256:1\",\"State\":{state},\"NetworkSettings\":{{\"Ports\":{ports}}}}}"
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn how_a_container_ended_is_told_only_once_it_has() {
        let ended = |state| inspection(state, "null").state.ended();
        assert_eq!(
            ended(r#"{"Status":"running","Pid":7,"ExitCode":0,"OOMKilled":false}"#),
            Ended::default()
        );
        assert_eq!(ended(r#"{"Status":"created","ExitCode":0}"#), Ended::default());
        let code = ended(r#"{"Status":"exited","ExitCode":3,"OOMKilled":false}"#);
        assert_eq!((code.exit_code, code.signal, code.oom_kills), (Some(3), None, Some(0)));
        let killed = ended(r#"{"Status":"exited","ExitCode":137,"OOMKilled":true}"#);
        assert_eq!((killed.exit_code, killed.signal, killed.oom_kills), (None, Some(9), Some(1)));
    }

    #[test]
    fn published_ports_are_read_and_others_left_alone() {
        let ports = r#"{"8080/tcp":[{"HostIp":"127.0.0.1","HostPort":"32768"}],"53/udp":null}"#;
        let found = inspection(r#"{"Status":"running"}"#, ports).ports();
        assert_eq!(found, BTreeMap::from([(8080, 32768)]));
    }
}
