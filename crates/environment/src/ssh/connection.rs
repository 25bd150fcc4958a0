//! The system's `ssh`: whatever the user's configuration, agent, keys and jump hosts can
//! reach, this reaches too.
//!
//! An instance has one connection that stays (`ControlMaster`); scripts and the agent's socket
//! go over it. A process that finds only the resource opens one for each script. Keys of
//! hosts are checked as the user's configuration says, and never taken unseen.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use weighbridge_experiment::SshSettings;

use super::quote::{command_line, quoted};
use crate::error::EnvironmentError;
use crate::spawner::spawn;

const PROGRAM: &str = "ssh";
/// How `ssh` itself ends where it could not do its part (ssh(1), exit status).
const OWN_FAILURE: i32 = 255;
/// Far above a connection through two jump hosts on a slow link.
const CONNECTED_WITHIN: Duration = Duration::from_secs(60);
/// An agent of a hundred megabytes over a slow link takes minutes.
const SCRIPT_WITHIN: Duration = Duration::from_secs(900);

/// The way to a host, and the directory in which the standing connection has its socket.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    settings: SshSettings,
    control: PathBuf,
    directory: PathBuf,
}

impl Connection {
    /// Nothing is connected yet.
    pub(super) fn new(settings: &SshSettings, directory: &Path) -> Result<Self, EnvironmentError> {
        if settings.destination.as_deref().is_none_or(str::is_empty) {
            return Err(EnvironmentError::SshUnreachable {
                destination: "nowhere".to_owned(),
                reason: "no destination is given; name it in [environment.ssh]".to_owned(),
            });
        }
        Ok(Self {
            settings: settings.clone(),
            control: directory.join("c"),
            directory: directory.into(),
        })
    }

    /// The host as the user named it.
    pub(super) fn destination(&self) -> &str {
        self.settings.destination.as_deref().unwrap_or_default()
    }

    /// Options that every call has.
    fn options(&self) -> Vec<String> {
        // Nobody is there to answer a question.
        let mut options: Vec<String> = [
            "BatchMode=yes",
            "ConnectTimeout=15",
            "ServerAliveInterval=5",
            "ServerAliveCountMax=3",
        ]
        .iter()
        .flat_map(|option| ["-o".to_owned(), (*option).to_owned()])
        .collect();
        let SshSettings { port, identity, jump, known_hosts, .. } = &self.settings;
        if let Some(port) = port {
            options.extend(["-p".to_owned(), port.to_string()]);
        }
        if let Some(identity) = identity {
            options.extend(["-i".to_owned(), identity.clone()]);
            options.extend(["-o".to_owned(), "IdentitiesOnly=yes".to_owned()]);
        }
        if let Some(jump) = jump {
            options.extend(through(jump, identity.as_deref(), known_hosts.as_deref()));
        }
        if let Some(known_hosts) = known_hosts {
            options.extend(["-o".to_owned(), format!("UserKnownHostsFile={known_hosts}")]);
        }
        options
    }

    fn control_option(&self) -> String {
        match self.control.exists() {
            true => format!("ControlPath={}", self.control.display()),
            false => "ControlPath=none".to_owned(),
        }
    }

    /// Opens the connection that stays. The process belongs to the caller.
    pub(super) async fn open(&self, log: std::fs::File) -> Result<Child, EnvironmentError> {
        let mut command = Command::new(PROGRAM);
        command
            .args(self.options())
            .args(["-N", "-M", "-o", "ControlPersist=no", "-o"])
            .arg(format!("ControlPath={}", self.control.display()))
            .args(["-o", "StreamLocalBindUnlink=yes", "--", self.destination()])
            // It is found by this directory if nothing else is known of it.
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let mut child = spawn(command)
            .map_err(|source| EnvironmentError::Spawn { executable: PROGRAM.into(), source })?;
        let mut waited = Duration::ZERO;
        let step = Duration::from_millis(10);
        while !self.control.exists() {
            let ended = child.try_wait().is_ok_and(|status| status.is_some());
            if ended || waited >= CONNECTED_WITHIN {
                let _ = child.kill();
                let _ = child.wait();
                let words = crate::last_words::last_words(&self.directory.join("ssh.log"));
                let reason = words.unwrap_or_default();
                return Err(self.unreachable(&reason));
            }
            tokio::time::sleep(step).await;
            waited += step;
        }
        Ok(child)
    }

    /// Makes `local`, a unix socket here, lead to `remote`, one there.
    pub(super) async fn forward(&self, local: &Path, remote: &str) -> Result<(), EnvironmentError> {
        let pair = format!("{}:{remote}", local.display());
        let arguments =
            ["-O", "forward", "-o", "StreamLocalBindUnlink=yes", "-L", &pair].map(str::to_owned);
        self.ssh("forward the agent's socket", &arguments, None, &[]).await.map(drop)
    }

    /// Makes a port of this host's loopback lead to one of the other host's.
    pub(super) async fn forward_port(
        &self,
        local: u16,
        remote: u16,
    ) -> Result<(), EnvironmentError> {
        let pair = format!("127.0.0.1:{local}:127.0.0.1:{remote}");
        let arguments = ["-O", "forward", "-L", &pair].map(str::to_owned);
        self.ssh("forward a service's port", &arguments, None, &[]).await.map(drop)
    }

    /// Runs one of our scripts there; `input` is its standard input. Returns what it wrote.
    pub(super) async fn run(
        &self,
        action: &str,
        script: &str,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<String, EnvironmentError> {
        let line = command_line(script, arguments);
        self.ssh(action, &["-T".to_owned()], Some(line), input).await
    }

    async fn ssh(
        &self,
        action: &str,
        more: &[String],
        line: Option<String>,
        input: &[u8],
    ) -> Result<String, EnvironmentError> {
        let mut command = tokio::process::Command::new(PROGRAM);
        command
            .args(self.options())
            .args(["-o", "ControlMaster=no", "-o", &self.control_option()])
            .args(more)
            .args(["--", self.destination()])
            .args(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|source| EnvironmentError::Spawn { executable: PROGRAM.into(), source })?;
        let stdin = child.stdin.take();
        let fed = async {
            if let Some(mut stdin) = stdin {
                // A script that ends early says why on its standard error.
                let _ = stdin.write_all(input).await;
                let _ = stdin.shutdown().await;
            }
        };
        let finished = async { tokio::join!(fed, child.wait_with_output()).1 };
        let output = tokio::time::timeout(SCRIPT_WITHIN, finished)
            .await
            .map_err(|_| self.unreachable("no answer; the connection hangs"))?
            .map_err(|source| EnvironmentError::Spawn { executable: PROGRAM.into(), source })?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        match output.status.code() {
            Some(0) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            Some(OWN_FAILURE) | None => Err(self.unreachable(&said)),
            Some(code) => Err(EnvironmentError::Ssh {
                destination: self.destination().to_owned(),
                action: action.to_owned(),
                reason: if said.is_empty() { format!("exit code {code}") } else { said },
            }),
        }
    }

    fn unreachable(&self, said: &str) -> EnvironmentError {
        let reason = match said.trim() {
            "" => "ssh ended without a word".to_owned(),
            said => said.to_owned(),
        };
        EnvironmentError::SshUnreachable { destination: self.destination().to_owned(), reason }
    }
}

/// Options that go through other hosts. `ssh -J` gives its key and known hosts to the last host
/// only, so a single host to go through is reached by a command with the same ones; several
/// are left to `-J`, and to the user's own configuration.
fn through(jump: &str, identity: Option<&str>, known_hosts: Option<&str>) -> Vec<String> {
    if jump.contains(',') || (identity.is_none() && known_hosts.is_none()) {
        return vec!["-J".to_owned(), jump.to_owned()];
    }
    let mut words = vec![PROGRAM.to_owned(), "-o".to_owned(), "BatchMode=yes".to_owned()];
    if let Some(identity) = identity {
        words.extend(["-i", identity, "-o", "IdentitiesOnly=yes"].map(str::to_owned));
    }
    if let Some(known_hosts) = known_hosts {
        words.extend(["-o".to_owned(), format!("UserKnownHostsFile={known_hosts}")]);
    }
    // A shell runs the command, and `ssh` replaces what begins with a per cent sign.
    let quoted: Vec<String> = words.iter().map(|word| quoted(&word.replace('%', "%%"))).collect();
    let command = format!("{} -W '[%h]:%p' -- {}", quoted.join(" "), quoted_address(jump));
    vec!["-o".to_owned(), format!("ProxyCommand={command}")]
}

fn quoted_address(jump: &str) -> String {
    let address = if jump.contains("://") { jump.to_owned() } else { format!("ssh://{jump}") };
    quoted(&address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_to_go_through_is_reached_with_the_same_key_and_the_same_known_hosts() {
        assert_eq!(through("me@gate", None, None), ["-J", "me@gate"]);
        assert_eq!(through("a,b", Some("/k"), None), ["-J", "a,b"]);
        let options = through("me@gate:2222", Some("/my key%"), Some("/known"));
        assert_eq!(
            options[1],
            "ProxyCommand='ssh' '-o' 'BatchMode=yes' '-i' '/my key%%' '-o' 'IdentitiesOnly=yes' \
             '-o' 'UserKnownHostsFile=/known' -W '[%h]:%p' -- 'ssh://me@gate:2222'"
        );
    }
}
