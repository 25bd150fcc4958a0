//! Which Firecracker is meant, and whether its jailer locks it in. Starts nothing but
//! `--version`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use weighbridge_experiment::{FirecrackerSettings, InstanceId, JailerUse, Sha256Digest};

use super::calls::API_SOCKET;
use crate::error::EnvironmentError;
use crate::layout::Layout;
use crate::programs;

const NAME: &str = "firecracker";
const JAILER: &str = "jailer";
/// The jail has a directory to itself, so that its name says nothing.
const JAIL_NAME: &str = "vm";
/// User numbers that systemd keeps for services without a user of their own
/// (systemd, `docs/UIDS-GIDS.md`): nobody logs in as one of them and nobody owns their files.
const USERS: std::ops::Range<u32> = 61_184..65_519;

/// The programs that run a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) firecracker: PathBuf,
    /// `None` where Firecracker is not locked in.
    pub(super) jailer: Option<PathBuf>,
}

impl Program {
    /// The programs that the settings mean on this host.
    pub(super) fn find(settings: &FirecrackerSettings) -> Result<Self, EnvironmentError> {
        let missing = |reason: String| EnvironmentError::NoFirecracker { reason };
        let firecracker = match &settings.binary {
            Some(path) => {
                std::fs::canonicalize(path).map_err(|error| missing(format!("{path}: {error}")))?
            }
            None => programs::find(NAME)
                .ok_or_else(|| missing(format!("`{NAME}` is not on the search path")))?,
        };
        let root = rustix::process::geteuid().is_root();
        let jailer = programs::find_beside(&firecracker, JAILER);
        Ok(Self { jailer: choose_jailer(settings.jailer, root, jailer)?, firecracker })
    }

    /// Its own name and version, such as `Firecracker v1.7.0`.
    pub(super) fn version(&self) -> Result<String, EnvironmentError> {
        let output = Command::new(&self.firecracker)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|source| EnvironmentError::Spawn {
                executable: self.firecracker.clone(),
                source,
            })?;
        let said = String::from_utf8_lossy(&output.stdout);
        let first = said.lines().next().unwrap_or_default().trim();
        if first.is_empty() {
            let reason = format!("{} --version said nothing", self.firecracker.display());
            return Err(EnvironmentError::NoFirecracker { reason });
        }
        Ok(first.to_owned())
    }

    /// The directory in which Firecracker sees its files.
    pub(super) fn room(&self, layout: &Layout) -> PathBuf {
        let name = self.firecracker.file_name().unwrap_or_default();
        match self.jailer {
            Some(_) => jail(layout).join(name).join(JAIL_NAME).join("root"),
            None => layout.run(),
        }
    }

    /// The user as which a guest of this instance runs; `None` for this process's own.
    pub(super) fn user(&self, instance: &InstanceId) -> Option<u32> {
        self.jailer.as_ref()?;
        let digest = Sha256Digest::of(instance.0.as_bytes()).to_string();
        let number = u32::from_str_radix(&digest[..6], 16).unwrap_or(0);
        Some(USERS.start + number % (USERS.end - USERS.start))
    }

    /// What is to be started, and with which arguments.
    pub(super) fn command(&self, layout: &Layout, instance: &InstanceId) -> (PathBuf, Vec<String>) {
        let own = ["--api-sock".to_owned(), API_SOCKET.to_owned()];
        let (Some(jailer), Some(user)) = (&self.jailer, self.user(instance)) else {
            let id = ["--id".to_owned(), instance.to_string()];
            return (self.firecracker.clone(), id.into_iter().chain(own).collect());
        };
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let user = user.to_string();
        let jail = text(&jail(layout));
        let firecracker = text(&self.firecracker);
        let words = ["--id", JAIL_NAME, "--exec-file", &firecracker, "--uid", &user]
            .into_iter()
            .chain(["--gid", &user, "--chroot-base-dir", &jail, "--"]);
        (jailer.clone(), words.map(str::to_owned).chain(own).collect())
    }
}

fn jail(layout: &Layout) -> PathBuf {
    layout.directory.join("jail")
}

fn choose_jailer(
    wish: JailerUse,
    root: bool,
    found: Option<PathBuf>,
) -> Result<Option<PathBuf>, EnvironmentError> {
    match (wish, root, found) {
        (JailerUse::Never, ..) | (JailerUse::Auto, false, _) => Ok(None),
        (JailerUse::Always, false, _) => Err(EnvironmentError::Jailer { reason: "it needs root" }),
        (JailerUse::Always, true, None) => Err(EnvironmentError::Jailer {
            reason: "`jailer` lies neither beside Firecracker nor on the search path",
        }),
        (JailerUse::Auto | JailerUse::Always, true, found) => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use weighbridge_experiment::{EnvironmentKind, Resource};

    use super::*;

    fn layout() -> (Layout, InstanceId) {
        let instance = InstanceId("run-1".into());
        let resource = Resource {
            kind: EnvironmentKind::Firecracker,
            instance: instance.clone(),
            directory: "/data/run-1".into(),
            locator: None,
        };
        (Layout::of(&resource).unwrap(), instance)
    }

    #[test]
    fn the_jailer_is_taken_where_it_can_be_and_missed_where_it_must_be() {
        let there = || Some(PathBuf::from("/bin/jailer"));
        let of = |wish, root, found| choose_jailer(wish, root, found);
        assert_eq!(of(JailerUse::Auto, true, there()).unwrap(), there());
        assert_eq!(of(JailerUse::Auto, false, there()).unwrap(), None);
        assert_eq!(of(JailerUse::Auto, true, None).unwrap(), None);
        assert_eq!(of(JailerUse::Never, true, there()).unwrap(), None);
        assert!(of(JailerUse::Always, false, there()).unwrap_err().to_string().contains("root"));
        assert!(of(JailerUse::Always, true, None).is_err());
    }

    #[test]
    fn a_jailed_guest_has_a_room_and_a_user_of_its_own() {
        let (layout, instance) = layout();
        let free = Program { firecracker: "/opt/firecracker".into(), jailer: None };
        assert_eq!(free.room(&layout), Path::new("/data/run-1/run"));
        assert_eq!(free.user(&instance), None);
        let (program, arguments) = free.command(&layout, &instance);
        assert_eq!(program, Path::new("/opt/firecracker"));
        assert_eq!(arguments.join(" "), "--id run-1 --api-sock api.sock");

        let jailed = Program { jailer: Some("/opt/jailer".into()), ..free };
        assert_eq!(jailed.room(&layout), Path::new("/data/run-1/jail/firecracker/vm/root"));
        let user = jailed.user(&instance).unwrap();
        assert!(USERS.contains(&user));
        let (program, arguments) = jailed.command(&layout, &instance);
        assert_eq!(program, Path::new("/opt/jailer"));
        let expected = format!(
            "--id vm --exec-file /opt/firecracker --uid {user} --gid {user} \
             --chroot-base-dir /data/run-1/jail -- --api-sock api.sock"
        );
        assert_eq!(arguments.join(" "), expected);
    }

    #[test]
    fn a_program_that_is_not_there_is_said_with_where_to_get_it() {
        let settings = FirecrackerSettings {
            binary: Some("/no/firecracker".into()),
            ..FirecrackerSettings::default()
        };
        let missing = Program::find(&settings).unwrap_err().to_string();
        assert!(missing.contains("/no/firecracker") && missing.contains("releases"), "{missing}");
    }
}
