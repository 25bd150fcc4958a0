//! The tables of an environment that only one kind has: a table of another kind is a mistake,
//! and so is a value that no environment of the kind could use.

use super::asked::Problems;
use super::written::{EnvironmentTable, FirecrackerTable, QemuTable};
use crate::{
    ContainerSettings, DiskCache, DockerSettings, EnvironmentKind, EnvironmentSettings,
    FirecrackerSettings, QemuSettings, SshSettings, StartMode,
};

/// The settings of an environment of `kind`, which stands at `path` of the file.
pub(super) fn settings(
    path: &str,
    kind: EnvironmentKind,
    table: &EnvironmentTable,
    problems: &mut Problems,
) -> EnvironmentSettings {
    let given = [
        ("container", table.container.is_some()),
        ("docker", table.docker.is_some()),
        ("ssh", table.ssh.is_some()),
        ("qemu", table.qemu.is_some()),
        ("firecracker", table.firecracker.is_some()),
    ];
    for (key, _) in given.into_iter().filter(|(key, given)| *given && *key != kind.as_str()) {
        problems.add(
            &format!("{path}.{key}"),
            format!("`{key}` says nothing to an environment of kind \"{kind}\""),
            format!("remove the table, or set kind = \"{key}\""),
        );
    }
    let machine = [EnvironmentKind::Qemu, EnvironmentKind::Firecracker].contains(&kind);
    if table.disk.is_some() && !machine {
        problems.add(
            &format!("{path}.disk"),
            format!("`disk` says nothing to an environment of kind \"{kind}\""),
            "remove the key; only virtual machines (\"qemu\", \"firecracker\") have a disk of their own",
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
        EnvironmentKind::Firecracker => firecracker(path, table, problems),
        EnvironmentKind::Native | EnvironmentKind::Simulated => EnvironmentSettings::None,
        EnvironmentKind::Container => match table.container.clone() {
            Some(asked) if asked != ContainerSettings::default() => {
                EnvironmentSettings::Container(asked)
            }
            _ => EnvironmentSettings::None,
        },
        EnvironmentKind::Ssh => {
            let ssh = table.ssh.clone().unwrap_or_default();
            check_ssh(path, &ssh, problems);
            EnvironmentSettings::Ssh(ssh)
        }
        EnvironmentKind::Docker => {
            let docker = table.docker.clone().unwrap_or_default();
            check_docker(&format!("{path}.docker"), &docker, problems);
            EnvironmentSettings::Docker(docker)
        }
    }
}

fn firecracker(
    path: &str,
    table: &EnvironmentTable,
    problems: &mut Problems,
) -> EnvironmentSettings {
    let FirecrackerTable { binary, kernel, jailer, start, network } =
        table.firecracker.clone().unwrap_or_default();
    let settings = FirecrackerSettings {
        binary,
        kernel,
        jailer: jailer.unwrap_or_default(),
        start: start.unwrap_or_default(),
        network: network.unwrap_or_default(),
        disk: table.disk,
    };
    if settings.disk.is_some_and(|disk| disk.cache == DiskCache::None) {
        problems.add(
            &format!("{path}.disk.cache"),
            "Firecracker cannot pass the host's page cache by (cache = \"none\")".to_owned(),
            "write cache = \"writeback\" or \"unsafe\"",
        );
    }
    if settings.disk.is_some() && settings.start == StartMode::Snapshot {
        problems.add(
            &format!("{path}.disk"),
            "a guest that starts from a snapshot has no data disk".to_owned(),
            "remove `disk`, or set start = \"boot\" in [environment.firecracker]",
        );
    }
    EnvironmentSettings::Firecracker(settings)
}

/// `ssh` would take a word that begins with `-` for an option, and hands some on to a shell.
fn check_ssh(path: &str, ssh: &SshSettings, problems: &mut Problems) {
    let plain = |text: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@:[]%,".contains(&b))
    };
    match ssh.destination.as_deref() {
        None => problems.add(
            path,
            "an environment of kind \"ssh\" needs a destination".to_owned(),
            "write destination = \"user@host\" into [environment.ssh]",
        ),
        Some(text) if !plain(text) => problems.add(
            &format!("{path}.ssh.destination"),
            format!("`{text}` cannot name a host"),
            "write it as `ssh` takes it, such as \"user@host\"",
        ),
        Some(_) => {}
    }
    if let Some(text) = ssh.jump.as_deref().filter(|text| !plain(text)) {
        problems.add(
            &format!("{path}.ssh.jump"),
            format!("`{text}` cannot name hosts to go through"),
            "write them as `ssh -J` takes them, such as \"user@gate:2222\"",
        );
    }
    let directory = ssh.directory.as_deref();
    if let Some(text) = directory.filter(|text| !text.starts_with('/') || text.contains("..")) {
        problems.add(
            &format!("{path}.ssh.directory"),
            format!("`{text}` is no absolute path"),
            "name a directory of that host, such as \"/var/tmp/weighbridge\"",
        );
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
        EnvironmentSettings::Container(container) => {
            EnvironmentTable { container: Some(container.clone()), ..empty }
        }
        EnvironmentSettings::Docker(docker) if *docker == DockerSettings::default() => empty,
        EnvironmentSettings::Docker(docker) => {
            EnvironmentTable { docker: Some(docker.clone()), ..empty }
        }
        EnvironmentSettings::Ssh(ssh) => EnvironmentTable { ssh: Some(ssh.clone()), ..empty },
        EnvironmentSettings::Firecracker(guest) => EnvironmentTable {
            firecracker: Some(FirecrackerTable {
                binary: guest.binary.clone(),
                kernel: guest.kernel.clone(),
                jailer: Some(guest.jailer),
                start: Some(guest.start),
                network: Some(guest.network),
            }),
            disk: guest.disk,
            ..empty
        },
        EnvironmentSettings::Qemu(qemu) => EnvironmentTable {
            qemu: Some(QemuTable { machine: Some(qemu.machine), accel: Some(qemu.accel) }),
            disk: qemu.disk,
            ..empty
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::file::{asked, parse};
    use crate::{
        Accelerator, ByteSize, ContainerNetwork, ContainerSettings, DiskCache, DiskSettings,
        EnvironmentSettings, QemuMachine, QemuSettings, SshSettings,
    };

    #[test]
    fn settings_are_read_and_written_again() {
        let text = "[[environment]]\nkind = \"docker\"\n[environment.docker]\nimage = \"debian:12\"\n\
                    [[environment]]\nkind = \"ssh\"\n[environment.ssh]\ndestination = \"pi@edge\"\n\
                    port = 2222\njump = \"me@gate:22,other\"\n";
        let experiment = parse(text, "edge.toml").expect("valid");
        let EnvironmentSettings::Ssh(ssh) = &experiment.environments[1].settings else {
            panic!("{:?}", experiment.environments[1]);
        };
        let wanted = SshSettings {
            destination: Some("pi@edge".to_owned()),
            port: Some(2222),
            jump: Some("me@gate:22,other".to_owned()),
            ..SshSettings::default()
        };
        assert_eq!(*ssh, wanted);
        let again = parse(&asked::write(&experiment), "again").expect("written");
        assert_eq!(again, experiment);
        let json = serde_json::to_string(&experiment.environments).expect("text");
        let read: Vec<crate::EnvironmentSpec> = serde_json::from_str(&json).expect("read");
        assert_eq!(read, experiment.environments);
    }

    #[test]
    fn a_container_has_a_network_only_where_it_is_asked_for() {
        let of = |table: &str| {
            let text = format!("[[environment]]\nkind = \"container\"\n{table}");
            let experiment = parse(&text, "edge.toml").expect("valid");
            let again = parse(&asked::write(&experiment), "again").expect("written");
            assert_eq!(again, experiment);
            experiment.environments[0].settings.clone()
        };
        assert_eq!(of(""), EnvironmentSettings::None);
        assert_eq!(of("container = {}\n"), EnvironmentSettings::None);
        let nat = ContainerSettings { network: Some(ContainerNetwork::Nat) };
        assert_eq!(of("container = { network = \"nat\" }\n"), EnvironmentSettings::Container(nat));
        let wrong = "[[environment]]\nkind = \"native\"\ncontainer = { network = \"nat\" }\n";
        let complaint = parse(wrong, "edge.toml").expect_err("refused").to_string();
        assert!(complaint.contains("`container` says nothing"), "{complaint}");
    }

    #[test]
    fn what_would_become_an_option_or_leave_a_path_is_refused() {
        let refused = [
            ("kind = \"ssh\"", "needs a destination"),
            (
                "kind = \"ssh\"\nssh = { destination = \"-oProxyCommand=reboot\" }",
                "cannot name a host",
            ),
            ("kind = \"ssh\"\nssh = { destination = \"a b\" }", "cannot name a host"),
            ("kind = \"ssh\"\nssh = { destination = \"a\", jump = \"$(x)\" }", "to go through"),
            (
                "kind = \"ssh\"\nssh = { destination = \"a\", directory = \"x\" }",
                "no absolute path",
            ),
            ("kind = \"docker\"\ndocker = { image = \"../x\" }", "cannot name an image"),
            ("kind = \"docker\"\ndocker = { network = \"a/b\" }", "cannot name a network"),
        ];
        for (text, said) in refused {
            let complaint = parse(&format!("[[environment]]\n{text}\n"), "edge.toml")
                .expect_err("the file is wrong")
                .to_string();
            assert!(complaint.contains(said), "{text}: {complaint}");
        }
    }

    #[test]
    fn a_virtual_machine_has_defaults_and_is_written_as_it_was_asked() {
        let of = |text: &str| {
            let experiment = parse(text, "edge.toml").expect("valid");
            let again =
                parse(&asked::write(&experiment), "again").expect("what is written is valid");
            assert_eq!(again, experiment);
            experiment.environments[0].settings.clone()
        };
        let plain = of("[[environment]]\nkind = \"qemu\"\n");
        assert_eq!(plain, EnvironmentSettings::Qemu(QemuSettings::default()));
        let small = of("[[environment]]\nkind = \"qemu\"\ndisk = { size = \"6GiB\" }\n\
             [environment.qemu]\nmachine = \"microvm\"\naccel = \"kvm\"\n");
        let disk = DiskSettings { size: ByteSize(6 << 30), cache: DiskCache::None };
        let expected = QemuSettings {
            machine: QemuMachine::Microvm,
            accel: Accelerator::Kvm,
            disk: Some(disk),
        };
        assert_eq!(small, EnvironmentSettings::Qemu(expected));
        let refused = |text: &str| parse(text, "edge.toml").expect_err("refused").to_string();
        let elsewhere = refused("[[environment]]\nkind = \"native\"\ndisk = { size = \"1GiB\" }\n");
        assert!(elsewhere.contains("`disk` says nothing"), "{elsewhere}");
        let unknown =
            refused("[[environment]]\nkind = \"qemu\"\n[environment.qemu]\naccel = \"x\"\n");
        assert!(unknown.contains("auto"), "{unknown}");
    }
}
