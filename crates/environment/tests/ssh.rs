//! Another host by a real ssh server on loopback: keys that are checked, files that travel
//! once, ends, and a connection that drops. What every environment promises is tested elsewhere.

// Clippy lets a test unwrap and print, but not the functions that tests share.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

#[path = "private/sshd.rs"]
mod sshd;
#[path = "private/stand_in.rs"]
mod stand_in;
#[path = "private/talk.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod talk;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use sshd::Sshd;
use talk::{ask, connect};
use weighbridge_environment::{
    CopySource, Environment, EnvironmentError, Port, SshEnvironment, reap,
};
use weighbridge_experiment::{
    CreateRequest, Endpoint, EnvironmentKind, EnvironmentSettings, SshSettings,
};

fn request(directory: &Path, ssh: SshSettings, name: &str, arguments: &[&str]) -> CreateRequest {
    let settings = EnvironmentSettings::Ssh(ssh);
    stand_in::request(EnvironmentKind::Ssh, directory, settings, name, arguments)
}

fn instances(sshd: &Sshd) -> usize {
    fs::read_dir(sshd.remote().join("instances")).map_or(0, Iterator::count)
}

#[tokio::test]
async fn an_agent_travels_once_is_limited_and_leaves_only_its_files_by_content() {
    if !sshd::can_run() {
        return;
    }
    let sshd = Sshd::shared();
    let place = tempfile::tempdir().unwrap();
    let environment = SshEnvironment::new(stand_in::stand_in());
    let words = ["agent", "$HOME `id` \"x'y"];
    let first = request(place.path(), sshd.settings(), "first", &words);
    let resource = &first.resource;
    environment.create(&first).await.unwrap();
    let agent = connect(&environment, resource);
    assert_eq!(ask(&agent, "arguments"), words.join(" "));
    assert_eq!(ask(&agent, "environment"), "HOME=/ PATH=/usr/bin:/bin");
    let photo = CopySource::Bytes(b"a photo".as_slice().into());
    environment.copy_in(resource, photo, "rain 'n $HOME.jpg").await.unwrap();
    assert_eq!(ask(&agent, "read work/rain 'n $HOME.jpg"), "a photo");
    let facts = environment.describe(resource).await;
    assert_eq!(facts.value("remote_limits"), Some("limits"));
    let kept = || {
        let mut names: Vec<_> = fs::read_dir(sshd.remote().join("files"))
            .unwrap()
            .map(|file| (file.as_ref().unwrap().file_name(), file.unwrap().metadata().unwrap()))
            .map(|(name, data)| (name, data.modified().unwrap()))
            .collect();
        names.sort();
        names
    };
    let before = kept();
    reap(&environment, resource).await.unwrap();

    let greedy = request(place.path(), sshd.settings(), "greedy", &["agent", "allocate", "256"]);
    environment.create(&greedy).await.unwrap();
    let ended = reap(&environment, &greedy.resource).await.unwrap();
    assert_eq!((ended.signal, ended.oom_kills), (Some(9), Some(1)), "{ended:?}");
    let leaves = request(place.path(), sshd.settings(), "leaves", &["agent", "exit", "7"]);
    environment.create(&leaves).await.unwrap();
    let ended = reap(&environment, &leaves.resource).await.unwrap();
    assert_eq!((ended.exit_code, &*ended.last_words), (Some(7), "leaving as asked"));
    assert_eq!(kept(), before, "the same files are not sent again");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_host_whose_key_is_another_is_refused() {
    if !sshd::can_run() {
        return;
    }
    let sshd = Sshd::shared();
    let place = tempfile::tempdir().unwrap();
    let environment = SshEnvironment::new(stand_in::stand_in());
    for (file, said) in [("others", "verification failed"), ("nobody", "verification failed")] {
        let ssh = SshSettings {
            known_hosts: sshd.path(file).to_str().map(str::to_owned),
            ..sshd.settings()
        };
        let request = request(place.path(), ssh, file, &["agent"]);
        let error = environment.create(&request).await.unwrap_err();
        assert!(matches!(error, EnvironmentError::SshUnreachable { .. }), "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(!environment.exists(&request.resource).await);
    }
    let nobody = environment.probe(&EnvironmentSettings::Ssh(SshSettings::default())).await;
    assert!(nobody.reason.unwrap().contains("destination"));
    let works = environment.probe(&EnvironmentSettings::Ssh(sshd.settings())).await;
    assert!(works.available, "{works:?}");
}

#[tokio::test]
async fn a_connection_that_drops_is_an_error_and_the_instance_is_removed_later() {
    if !sshd::can_run() {
        return;
    }
    let mut sshd = Sshd::start();
    let place = tempfile::tempdir().unwrap();
    let environment = SshEnvironment::new(stand_in::stand_in());
    let request = request(place.path(), sshd.settings(), "drops", &["agent"]);
    let resource = &request.resource;
    environment.create(&request).await.unwrap();
    let agent = connect(&environment, resource);
    assert_eq!(ask(&agent, "arguments"), "agent");
    assert_eq!(instances(&sshd), 1);

    // The server's listener and the standing connection, as when the network is cut.
    sshd.stop();
    let record = fs::read(resource.directory.join("monitor.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let number = i32::try_from(record["process"].as_i64().unwrap()).unwrap();
    let master = rustix::process::Pid::from_raw(number).unwrap();
    rustix::process::kill_process(master, rustix::process::Signal::KILL).unwrap();
    let mut line = String::new();
    let lost = BufReader::new(&agent).read_line(&mut line);
    assert!(matches!(lost, Ok(0) | Err(_)), "the stream ends: {line}");
    let error = reap(&environment, resource).await.unwrap_err();
    assert!(matches!(error, EnvironmentError::SshUnreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("weighbridge reap"), "{error}");
    assert!(environment.exists(resource).await);
    assert_eq!(instances(&sshd), 1);

    sshd.start_again();
    let another_process = SshEnvironment::new(stand_in::stand_in());
    reap(&another_process, resource).await.unwrap();
    assert_eq!(instances(&sshd), 0);
    assert!(!environment.exists(resource).await);
}

#[tokio::test]
async fn a_host_behind_another_is_reached_with_one_key_and_one_list_of_known_hosts() {
    if !sshd::can_run() {
        return;
    }
    // The gate lets nothing through but to the host behind it, so what works went through it.
    let behind = Sshd::start();
    let port = behind.port();
    let gate = Sshd::start_with(|_| vec![format!("PermitOpen=127.0.0.1:{port}")]);
    let read = |sshd: &Sshd, name: &str| fs::read_to_string(sshd.path(name)).unwrap();
    let both = read(&gate, "authorized") + &read(&behind, "authorized");
    fs::write(gate.path("authorized"), both).unwrap();
    let known = read(&gate, "known") + &read(&behind, "known");
    fs::write(behind.path("known"), known).unwrap();
    let place = tempfile::tempdir().unwrap();
    let environment = SshEnvironment::new(stand_in::stand_in());
    let through = |port: u16| SshSettings {
        jump: Some(format!("root@127.0.0.1:{port}")),
        ..behind.settings()
    };
    let reached = request(place.path(), through(gate.port()), "behind", &["agent"]);
    environment.create(&reached).await.unwrap();
    assert_eq!(ask(&connect(&environment, &reached.resource), "arguments"), "agent");
    assert_eq!(instances(&behind), 1);
    reap(&environment, &reached.resource).await.unwrap();
    assert_eq!(instances(&behind), 0);

    // Not by a gate whose key is known to nobody, though the host behind it is.
    fs::write(behind.path("known"), read(&behind, "known").lines().last().unwrap()).unwrap();
    let refused = request(place.path(), through(gate.port()), "refused", &["agent"]);
    let error = environment.create(&refused).await.unwrap_err();
    assert!(matches!(error, EnvironmentError::SshUnreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_service_there_is_reached_by_a_port_here() {
    if !sshd::can_run() {
        return;
    }
    let sshd = Sshd::shared();
    let place = tempfile::tempdir().unwrap();
    let environment = SshEnvironment::new(stand_in::stand_in());
    // The "other" host is this one, so this is a service of it.
    let service = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = service.local_addr().unwrap().port();
    let mut served = request(place.path(), sshd.settings(), "served", &["agent"]);
    served.service_ports = vec![port];
    environment.create(&served).await.unwrap();
    let Endpoint::Tcp(address) =
        environment.endpoint(&served.resource, Port::Service(port)).unwrap()
    else {
        panic!("a service is reached by TCP");
    };
    assert!(address.ip().is_loopback() && address.port() != port, "{address}");
    let mut here = std::net::TcpStream::connect(address).unwrap();
    let (mut there, _) = service.accept().unwrap();
    std::io::Write::write_all(&mut there, b"hello\n").unwrap();
    let mut line = String::new();
    BufReader::new(&mut here).read_line(&mut line).unwrap();
    assert_eq!(line, "hello\n");
    let other = environment.endpoint(&served.resource, Port::Service(9)).unwrap_err();
    assert!(matches!(other, EnvironmentError::ServicePort { port: 9, .. }), "{other:?}");
    drop((here, there));
    reap(&environment, &served.resource).await.unwrap();
}

#[tokio::test]
async fn a_host_with_another_processor_is_given_the_agent_that_was_built_for_it() {
    if !sshd::can_run() {
        return;
    }
    // A fake `uname` comes first on the search path there.
    let sshd = Sshd::start_with(|directory| {
        let fakes = directory.join("fakes");
        fs::create_dir(&fakes).unwrap();
        let uname = fakes.join("uname");
        let script = "#!/bin/sh\ncase $1 in -m) echo aarch64 ;; *) echo Linux ;; esac\n";
        fs::write(&uname, script).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&uname, executable).unwrap();
        vec![format!("SetEnv=PATH={}:/usr/bin:/bin", fakes.display())]
    });
    let place = tempfile::tempdir().unwrap();
    let environment = SshEnvironment::new(stand_in::stand_in());
    let of = |name: &str, agents: Option<&Path>| {
        let agents = agents.map(|agents| agents.display().to_string());
        request(place.path(), SshSettings { agents, ..sshd.settings() }, name, &["agent"])
    };
    let refusal = |error: EnvironmentError| {
        assert_eq!(instances(&sshd), 0);
        error.to_string()
    };
    let none = refusal(environment.create(&of("none", None)).await.unwrap_err());
    assert!(none.contains("aarch64") && none.contains("--agent-dir"), "{none}");
    let agents = tempfile::tempdir().unwrap();
    let empty = of("empty", Some(agents.path()));
    let empty = refusal(environment.create(&empty).await.unwrap_err());
    assert!(empty.contains("xtask -- agent aarch64"), "{empty}");

    fs::create_dir(agents.path().join("aarch64")).unwrap();
    fs::copy(stand_in::stand_in(), agents.path().join("aarch64/weighbridge-agent")).unwrap();
    let built = of("built", Some(agents.path()));
    environment.create(&built).await.unwrap();
    let agent = connect(&environment, &built.resource);
    // It has no roles: nothing of our own executable's arguments is handed to it.
    assert_eq!(ask(&agent, "arguments"), "");
    let facts = environment.describe(&built.resource).await;
    assert_eq!(facts.value("remote_machine"), Some("aarch64"));
    assert_eq!(facts.value("remote_agent_sha256").map(str::len), Some(64));
    reap(&environment, &built.resource).await.unwrap();
    assert_eq!(instances(&sshd), 0);
}
