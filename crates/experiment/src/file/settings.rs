//! The tables of an environment that only one kind has: a table of another kind is a mistake,
//! and so is a value that no environment of the kind could use.

use super::asked::Problems;
use super::written::{EnvironmentTable, QemuTable};
use crate::{DockerSettings, EnvironmentKind, EnvironmentSettings, QemuSettings};

/// The settings of an environment of `kind`, which stands at `path` of the file.
pub(super) fn settings(
    path: &str,
    kind: EnvironmentKind,
    table: &EnvironmentTable,
    problems: &mut Problems,
) -> EnvironmentSettings {
    let given = [
        ("docker", table.docker.is_some()),
        ("ssh", table.ssh.is_some()),
        ("qemu", table.qemu.is_some()),
    ];
    for (key, _) in given.into_iter().filter(|(key, given)| *given && *key != kind.as_str()) {
        problems.add(
            &format!("{path}.{key}"),
            format!("`{key}` says nothing to an environment of kind \"{kind}\""),
            format!("remove the table, or set kind = \"{key}\""),
        );
    }
    if table.disk.is_some() && kind != EnvironmentKind::Qemu {
        problems.add(
            &format!("{path}.disk"),
            format!("`disk` says nothing to an environment of kind \"{kind}\""),
            "remove the key; only kind = \"qemu\" has a disk of its own",
        );
    }
    match kind {
        EnvironmentKind::Qemu => {
            let QemuTable { machine, accel } = table.qemu.clone().unwrap_or_default();
            EnvironmentSettings::Qemu(QemuSettings {
                machine: machine.unwrap_or_default(),
                accel: accel.unwrap_or_default(),
                disk: table.disk,
            })
        }
        EnvironmentKind::Native | EnvironmentKind::Container | EnvironmentKind::Simulated => {
            EnvironmentSettings::None
        }
        EnvironmentKind::Docker => {
            let docker = table.docker.clone().unwrap_or_default();
            check_docker(&format!("{path}.docker"), &docker, problems);
            EnvironmentSettings::Docker(docker)
        }
    }
}

/// Names of images and networks become parts of requests.
fn check_docker(path: &str, docker: &DockerSettings, problems: &mut Problems) {
    let plain = |name: &str, more: &[u8]| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !name.contains("..")
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    if let Some(image) = docker.image.as_deref().filter(|image| !plain(image, b"._-/:@")) {
        problems.add(
            &format!("{path}.image"),
            format!("`{image}` cannot name an image"),
            "name it as `docker images` does, such as \"debian:12\"",
        );
    }
    if let Some(network) = docker.network.as_deref().filter(|network| !plain(network, b"._-")) {
        problems.add(
            &format!("{path}.network"),
            format!("`{network}` cannot name a network"),
            "use \"bridge\", \"none\", or a name that `docker network ls` prints",
        );
    }
}

/// A table that holds these settings and nothing else.
pub(super) fn written_again(settings: &EnvironmentSettings) -> EnvironmentTable {
    let empty = EnvironmentTable::default();
    match settings {
        EnvironmentSettings::None => empty,
        EnvironmentSettings::Docker(docker) if *docker == DockerSettings::default() => empty,
        EnvironmentSettings::Docker(docker) => {
            EnvironmentTable { docker: Some(docker.clone()), ..empty }
        }
        EnvironmentSettings::Ssh(ssh) => EnvironmentTable { ssh: Some(ssh.clone()), ..empty },
        EnvironmentSettings::Qemu(qemu) => EnvironmentTable {
            qemu: Some(QemuTable { machine: Some(qemu.machine), accel: Some(qemu.accel) }),
            disk: qemu.disk,
            ..empty
        },
    }
}
