//! Containers of a real Docker daemon: limits, ends, ports, images of the user's, and a daemon
//! that is killed. What every environment promises is tested elsewhere.

// Clippy lets a test unwrap and print, but not the functions that tests share.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

#[path = "private/dockerd.rs"]
mod dockerd;
#[path = "private/stand_in.rs"]
mod stand_in;
#[path = "private/talk.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod talk;

use std::path::Path;

use dockerd::Dockerd;
use talk::{ask, connect, eventually};
use weighbridge_environment::{DockerEnvironment, Environment, EnvironmentError, Port, reap};
use weighbridge_experiment::{
    CreateRequest, DockerSettings, Endpoint, EnvironmentKind, EnvironmentSettings, InstanceId,
    MeterTarget,
};

fn environment() -> DockerEnvironment {
    DockerEnvironment::new(stand_in::stand_in())
}

fn settings(dockerd: &Dockerd, change: impl FnOnce(&mut DockerSettings)) -> EnvironmentSettings {
    let socket = dockerd.socket().to_str().unwrap().to_owned();
    let mut docker = DockerSettings { socket: Some(socket), ..DockerSettings::default() };
    change(&mut docker);
    EnvironmentSettings::Docker(docker)
}

fn request(
    directory: &Path,
    settings: EnvironmentSettings,
    name: &str,
    arguments: &[&str],
) -> CreateRequest {
    stand_in::request(EnvironmentKind::Docker, directory, settings, name, arguments)
}

/// Containers, volumes and networks that the daemon has; its own three networks are not ours.
fn kept(dockerd: &Dockerd) -> (String, String) {
    let containers = dockerd.docker(&["ps", "-aq"]).unwrap();
    (containers, dockerd.docker(&["volume", "ls", "-q"]).unwrap())
}

#[tokio::test]
async fn limits_hold_ends_are_told_and_nothing_is_kept_but_the_image() {
    if !dockerd::can_run() {
        return;
    }
    let dockerd = Dockerd::shared();
    let place = tempfile::tempdir().unwrap();
    let environment = environment();

    let mut served = request(place.path(), settings(&dockerd, |_| {}), "limits", &["agent"]);
    served.service_ports = vec![8080];
    environment.create(&served).await.unwrap();
    let resource = &served.resource;
    let agent = connect(&environment, resource);
    assert_eq!(ask(&agent, "list /"), ".dockerenv agent dev etc lib lib64 proc run sys");
    assert!(ask(&agent, "write /written").contains("Read-only"), "the root can be written");
    let target = environment.meter_target(resource).await.unwrap();
    let MeterTarget::Cgroup { path, process } = target else { panic!("{target:?}") };
    assert!(path.contains("docker"), "{path}");
    assert!(Path::new("/proc").join(process.to_string()).exists());
    let facts = environment.describe(resource).await;
    assert_eq!(facts.value("limit_cpus"), Some("0.5"));
    assert_eq!(facts.value("limit_memory_bytes"), Some("67108864"));
    assert!(facts.value("runtime").unwrap().starts_with("Docker "));
    assert_eq!(facts.value("capabilities_effective"), Some("0000000000000000"));
    let service = environment.endpoint(resource, Port::Service(8080)).unwrap();
    assert!(matches!(service, Endpoint::Tcp(address) if address.ip().is_loopback()));
    assert!(environment.endpoint(resource, Port::Service(9090)).is_err());
    reap(&environment, resource).await.unwrap();

    let greedy =
        request(place.path(), settings(&dockerd, |_| {}), "greedy", &["agent", "allocate", "256"]);
    environment.create(&greedy).await.unwrap();
    eventually("it is killed", || {
        let running = dockerd.docker(&["ps", "-q"]).unwrap();
        running.trim().is_empty()
    });
    let ended = reap(&environment, &greedy.resource).await.unwrap();
    assert_eq!((ended.signal, ended.oom_kills), (Some(9), Some(1)), "{ended:?}");

    let leaves =
        request(place.path(), settings(&dockerd, |_| {}), "leaves", &["agent", "exit", "7"]);
    environment.create(&leaves).await.unwrap();
    let ended = reap(&environment, &leaves.resource).await.unwrap();
    assert_eq!(ended.exit_code, Some(7), "{ended:?}");
    assert_eq!(ended.last_words, "leaving as asked");

    assert_eq!(kept(&dockerd), (String::new(), String::new()));
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    let listed =
        |dockerd: &Dockerd| dockerd.docker(&["images", "-q", "weighbridge-agent"]).unwrap();
    assert_eq!(listed(&dockerd).lines().count(), 1, "one image served them all");
    let socket = DockerSettings {
        socket: dockerd.socket().to_str().map(str::to_owned),
        ..DockerSettings::default()
    };
    let removed = weighbridge_environment::docker::remove_images(&socket).await.unwrap();
    assert_eq!(removed.len(), 1);
    assert_eq!(listed(&dockerd), "");
}

#[tokio::test]
async fn an_image_of_the_users_gets_the_agent_and_one_that_is_not_there_is_named() {
    if !dockerd::can_run() {
        return;
    }
    let dockerd = Dockerd::shared();
    let place = tempfile::tempdir().unwrap();
    let environment = environment();
    // An image with nothing that could start the agent: one file.
    let archive = place.path().join("theirs.tar");
    let mut builder = tar::Builder::new(std::fs::File::create(&archive).unwrap());
    let mut header = tar::Header::new_gnu();
    header.set_size(6);
    header.set_mode(0o644);
    builder.append_data(&mut header, "theirs.txt", &b"theirs"[..]).unwrap();
    builder.into_inner().unwrap();
    dockerd.docker(&["import", archive.to_str().unwrap(), "theirs:1"]).unwrap();

    let theirs = settings(&dockerd, |docker| {
        docker.image = Some("theirs:1".to_owned());
        docker.network = Some("none".to_owned());
    });
    let request_ = request(place.path(), theirs, "theirs", &["agent"]);
    environment.create(&request_).await.unwrap();
    let agent = connect(&environment, &request_.resource);
    assert_eq!(ask(&agent, "read /theirs.txt"), "theirs");
    let facts = environment.describe(&request_.resource).await;
    assert_eq!(facts.value("container_network"), Some("none"));
    reap(&environment, &request_.resource).await.unwrap();

    let absent = settings(&dockerd, |docker| docker.image = Some("absent:1".to_owned()));
    let refused = request(place.path(), absent, "absent", &["agent"]);
    let error = environment.create(&refused).await.unwrap_err().to_string();
    assert!(error.contains("docker pull absent:1"), "{error}");
    assert!(!environment.exists(&refused.resource).await);
}

#[tokio::test]
async fn a_daemon_that_is_killed_is_an_error_and_what_it_kept_is_removed_when_it_is_back() {
    if !dockerd::can_run() {
        return;
    }
    let mut dockerd = Dockerd::start();
    let place = tempfile::tempdir().unwrap();
    let environment = environment();
    let request = request(place.path(), settings(&dockerd, |_| {}), "killed", &["agent"]);
    let resource = &request.resource;
    environment.create(&request).await.unwrap();
    let agent = connect(&environment, resource);
    assert_eq!(ask(&agent, "arguments"), "agent");
    let MeterTarget::Cgroup { process, .. } = environment.meter_target(resource).await.unwrap()
    else {
        panic!("a cgroup");
    };

    dockerd.kill();
    let error = reap(&environment, resource).await.unwrap_err();
    assert!(matches!(error, EnvironmentError::DockerUnreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("weighbridge reap"), "{error}");
    assert!(environment.exists(resource).await, "its directory says that something may be left");
    let stat = Path::new("/proc").join(process.to_string()).join("stat");
    eventually("the agent is ended all the same", || {
        std::fs::read_to_string(&stat).map_or(true, |text| text.contains(") Z"))
    });
    // What was never made needs no daemon to be destroyed.
    let mut never = resource.clone();
    never.instance = InstanceId("never".to_owned());
    never.directory = place.path().join("never");
    reap(&environment, &never).await.unwrap();

    dockerd.start_again();
    reap(&environment, resource).await.unwrap();
    assert!(!environment.exists(resource).await);
    assert_eq!(kept(&dockerd), (String::new(), String::new()));
}

#[tokio::test]
async fn a_probe_runs_a_container_and_says_why_it_cannot() {
    if !dockerd::can_run() {
        return;
    }
    let dockerd = Dockerd::shared();
    let works = environment().probe(&settings(&dockerd, |_| {})).await;
    assert!(works.available, "{works:?}");
    assert!(works.version.unwrap().starts_with("Docker "));
    let nobody = EnvironmentSettings::Docker(DockerSettings {
        socket: Some("/nowhere/docker.sock".to_owned()),
        ..DockerSettings::default()
    });
    let absent = environment().probe(&nobody).await;
    assert!(!absent.available);
    assert!(absent.reason.unwrap().contains("/nowhere/docker.sock"));
    let silent = DockerEnvironment::new("/bin/true".into());
    let broken = silent.probe(&settings(&dockerd, |_| {})).await;
    assert!(!broken.available);
    let reason = broken.reason.unwrap();
    assert!(reason.contains("does not start"), "{reason}");
    assert_eq!(kept(&dockerd).0, "");
}
