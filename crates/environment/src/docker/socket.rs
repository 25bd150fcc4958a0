//! Which daemon is meant: the one the user named, else the first that is there.
//!
//! Only unix sockets: the instance's directory is bound into the container, so the daemon
//! has to run on this host. Whether it does is found by the probe, not here.

use std::path::{Path, PathBuf};

use weighbridge_experiment::DockerSettings;

/// Where the Docker Engine listens unless told otherwise.
const DOCKER: &str = "/var/run/docker.sock";
/// Where Podman's service of the whole host listens.
const PODMAN: &str = "/run/podman/podman.sock";

/// The socket of the daemon that the settings mean on this host.
///
/// # Errors
///
/// Why there is none, in words for the user.
pub(super) fn find(settings: &DockerSettings) -> Result<PathBuf, String> {
    let named = std::env::var("DOCKER_HOST").ok().filter(|address| !address.is_empty());
    let mut usual = vec![PathBuf::from(DOCKER), PathBuf::from(PODMAN)];
    if let Some(runtime) = std::env::var_os("XDG_RUNTIME_DIR") {
        usual.push(Path::new(&runtime).join("docker.sock"));
        usual.push(Path::new(&runtime).join("podman/podman.sock"));
    }
    choose(settings.socket.as_deref(), named.as_deref(), &usual, Path::exists)
}

fn choose(
    asked: Option<&str>,
    docker_host: Option<&str>,
    usual: &[PathBuf],
    exists: impl Fn(&Path) -> bool,
) -> Result<PathBuf, String> {
    if let Some(socket) = asked {
        return Ok(socket.into());
    }
    if let Some(address) = docker_host {
        return address.strip_prefix("unix://").map(PathBuf::from).ok_or_else(|| {
            format!(
                "DOCKER_HOST is {address}, and only a daemon of this host can be used, by unix://PATH"
            )
        });
    }
    usual.iter().find(|socket| exists(socket)).cloned().ok_or_else(|| {
        let places: Vec<_> = usual.iter().map(|socket| socket.display().to_string()).collect();
        format!("no Docker or Podman daemon listens at {}", places.join(" or "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> [PathBuf; 2] {
        [DOCKER.into(), PODMAN.into()]
    }

    #[test]
    fn what_is_named_goes_before_what_is_there() {
        let found = |asked, host| choose(asked, host, &usual(), |_| true);
        assert_eq!(found(Some("/s"), Some("unix:///h")), Ok("/s".into()));
        assert_eq!(found(None, Some("unix:///h")), Ok("/h".into()));
        assert_eq!(found(None, None), Ok(DOCKER.into()));
        let podman = choose(None, None, &usual(), |path| path == Path::new(PODMAN));
        assert_eq!(podman, Ok(PODMAN.into()));
    }

    #[test]
    fn a_daemon_of_another_host_and_no_daemon_are_told_apart() {
        let elsewhere = choose(None, Some("tcp://build:2376"), &usual(), |_| true).unwrap_err();
        assert!(elsewhere.contains("tcp://build:2376"), "{elsewhere}");
        let nowhere = choose(None, None, &usual(), |_| false).unwrap_err();
        assert!(nowhere.contains(DOCKER) && nowhere.contains(PODMAN), "{nowhere}");
    }
}
