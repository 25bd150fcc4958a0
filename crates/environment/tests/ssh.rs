//! Another host by a real ssh server on loopback: keys that are checked, files that travel
//! once, ends, and a connection that drops. What every environment promises is tested elsewhere.

// Clippy lets a test unwrap and print, but not the functions that tests share.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

#[path = "private/sshd.rs"]
mod sshd;
#[path = "private/stand_in.rs"]
mod stand_in;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use sshd::Sshd;
use stand_in::{ask, connect};
use weighbridge_environment::{CopySource, Environment, EnvironmentError, SshEnvironment, reap};
use weighbridge_experiment::{CreateRequest, EnvironmentKind, EnvironmentSettings, SshSettings};

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
