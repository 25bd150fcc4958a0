//! Real instances of every kind on this host: made, used, ended in each way, and gone.
//!
//! Containers and limits need root. Without it those tests say what they leave out; where
//! `CI` is `true` that is a failure.

// Clippy lets a test unwrap and print, but not the functions that tests share.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod crashes;
mod measurement;
mod place;
#[path = "../private/talk.rs"]
mod talk;

use std::fs;
use std::time::Duration;

use weighbridge_environment::{
    ContainerEnvironment, CopySource, Environment, EnvironmentError, NativeEnvironment, Port,
    SimulatedEnvironment, Trace, reap, traces,
};
use weighbridge_experiment::{EnvironmentKind, EnvironmentSettings, MeterTarget};

use place::{
    HERE, Place, assert_nothing_left, destroy, environment, kinds, limited_kinds, stand_in,
};
use talk::{ask, connect, eventually};

#[tokio::test]
async fn every_kind_makes_an_agent_that_can_be_reached_and_leaves_nothing() {
    for kind in kinds(&HERE) {
        let place = Place::new();
        let environment = environment(kind);
        assert_eq!(environment.kind(), kind);
        let request = place.request(kind, &["agent", "--option", "$HOME `id` \"x"]);
        let resource = &request.resource;
        assert!(!environment.exists(resource).await);
        environment.create(&request).await.unwrap();
        assert!(environment.exists(resource).await);

        let agent = connect(&*environment, resource);
        let arguments = ask(&agent, "arguments");
        assert!(arguments.starts_with("agent --option $HOME `id` \"x"), "{arguments}");
        assert_eq!(arguments.contains("--simulate"), kind == EnvironmentKind::Simulated);
        assert_eq!(ask(&agent, "environment"), "HOME=/ PATH=/usr/bin:/bin");

        let photo = CopySource::Bytes(b"a photo".as_slice().into());
        environment.copy_in(resource, photo, "rain 01.jpg").await.unwrap();
        assert_eq!(ask(&agent, "read work/rain 01.jpg"), "a photo");
        let model = place.directory.path().join("model.onnx");
        fs::write(&model, "a model").unwrap();
        environment.copy_in(resource, CopySource::File(model), "model").await.unwrap();
        assert_eq!(ask(&agent, "read work/model"), "a model");
        let outside = environment.copy_in(resource, CopySource::Bytes([].into()), "../x").await;
        assert!(matches!(outside, Err(EnvironmentError::FileName(_))));

        let again = environment.create(&request).await;
        assert!(matches!(again, Err(EnvironmentError::InstanceExists { .. })), "{again:?}");
        assert_eq!(ask(&agent, "read work/model"), "a model", "the first one is unharmed");

        // An agent that was still running when it was destroyed did not end by itself.
        let ended = reap(&*environment, resource).await.unwrap();
        assert_eq!((ended.exit_code, ended.signal), (None, None));
        assert_nothing_left(resource);
        let ended = environment.destroy(resource).await.unwrap();
        assert_eq!(ended, weighbridge_experiment::Ended::default(), "a second time");
        assert!(!environment.exists(resource).await);
    }
}

#[tokio::test]
async fn an_agent_that_leaves_by_itself_tells_its_code_and_last_words() {
    for kind in kinds(&[EnvironmentKind::Native, EnvironmentKind::Container]) {
        let place = Place::new();
        let environment = environment(kind);
        let request = place.request(kind, &["agent", "exit", "7"]);
        environment.create(&request).await.unwrap();
        let log = request.resource.directory.join("stderr.log");
        eventually("it speaks", || !fs::read_to_string(&log).unwrap().is_empty());
        eventually("it ends", || {
            traces(&request.resource).iter().all(|trace| !matches!(trace, Trace::Process(_)))
        });
        let target = environment.meter_target(&request.resource).await;
        assert!(matches!(target, Err(EnvironmentError::NotRunning { .. })), "{kind}: {target:?}");
        let ended = reap(&*environment, &request.resource).await.unwrap();
        assert_eq!(ended.exit_code, Some(7), "{kind}");
        assert_eq!(ended.last_words, "leaving as asked");
        assert_nothing_left(&request.resource);
    }
}

#[tokio::test]
async fn an_agent_without_enough_memory_is_killed_and_the_counter_says_why() {
    for kind in limited_kinds() {
        let place = Place::new();
        let environment = environment(kind);
        let request = place.request(kind, &["agent", "allocate", "512"]);
        environment.create(&request).await.unwrap();
        let stats = || traces(&request.resource);
        eventually("it is killed", || !stats().iter().any(|t| matches!(t, Trace::Process(_))));
        let ended = reap(&*environment, &request.resource).await.unwrap();
        assert_eq!((ended.exit_code, ended.signal), (None, Some(9)), "{kind}");
        assert!(ended.oom_kills.is_some_and(|kills| kills >= 1), "{kind}: {ended:?}");
        assert_nothing_left(&request.resource);
    }
}

/// Processor time of a process and its children so far, in clock ticks.
fn processor_ticks(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[tokio::test]
async fn a_paused_instance_uses_no_processor_and_continues_after() {
    for kind in kinds(&HERE) {
        let place = Place::new();
        let environment = environment(kind);
        let request = place.request(kind, &["agent"]);
        let resource = &request.resource;
        environment.create(&request).await.unwrap();
        assert_eq!(ask(&connect(&*environment, resource), "spin"), "spinning");
        let process = fs::read_to_string(resource.directory.join("agent.json")).unwrap();
        let process: serde_json::Value = serde_json::from_str(&process).unwrap();
        let process = u32::try_from(process["process"].as_u64().unwrap()).unwrap();
        let before = processor_ticks(process);
        eventually("it spins", || processor_ticks(process) > before + 2);

        environment.pause(resource, true).await.unwrap();
        environment.pause(resource, true).await.unwrap();
        let stopped = processor_ticks(process);
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(processor_ticks(process), stopped, "{kind}");
        environment.pause(resource, false).await.unwrap();
        eventually("it spins again", || processor_ticks(process) > stopped + 2);

        // Destroying a paused instance must not wait for it.
        environment.pause(resource, true).await.unwrap();
        destroy(&*environment, resource).await;
        let gone = environment.pause(resource, false).await;
        assert!(matches!(gone, Err(EnvironmentError::NotRunning { .. })), "{gone:?}");
    }
}

#[tokio::test]
async fn limits_are_set_and_metered_where_the_meter_target_says() {
    for kind in limited_kinds() {
        let place = Place::new();
        let environment = environment(kind);
        let request = place.request(kind, &["agent"]);
        let resource = &request.resource;
        environment.create(&request).await.unwrap();
        assert_eq!(ask(&connect(&*environment, resource), "spin"), "spinning");
        let target = environment.meter_target(resource).await.unwrap();
        let MeterTarget::Cgroup { path, process } = target else { panic!("{target:?}") };
        assert_eq!(path, format!("weighbridge-{}", resource.instance));

        let facts = environment.describe(resource).await;
        assert_eq!(facts.value("limit_cpus"), Some("0.5"), "{kind}");
        assert_eq!(facts.value("limit_memory_bytes"), Some("67108864"), "{kind}");
        assert!(facts.value("cgroup_version").is_some());
        for fact in &facts.0 {
            assert!(fact.value.is_some() != fact.reason.is_some(), "{fact:?}");
        }
        // Our own eyes again: the kernel lists the process in the cgroup it was told.
        let membership = fs::read_to_string(format!("/proc/{process}/cgroup")).unwrap();
        let limited = membership.lines().filter(|line| line.ends_with(&format!("/{path}")));
        assert!(limited.count() >= 1, "{membership}");
        destroy(&*environment, resource).await;
    }
}

#[tokio::test]
async fn a_container_sees_its_own_root_and_nothing_of_the_host() {
    for kind in kinds(&[EnvironmentKind::Container]) {
        let place = Place::new();
        let environment = environment(kind);
        let request = place.request(kind, &["agent"]);
        let resource = &request.resource;
        environment.create(&request).await.unwrap();
        let agent = connect(&*environment, resource);
        let root = ask(&agent, "list /");
        for name in root.split(' ') {
            let known = ["agent", "dev", "lib", "lib64", "proc", "run", "sys", "usr"];
            assert!(known.contains(&name), "{root}");
        }
        assert!(!ask(&agent, "list /dev").contains("sda"));
        // The agent is the first process, and no other one is visible.
        let processes = ask(&agent, "list /proc");
        let numbers: Vec<_> =
            processes.split(' ').filter(|name| name.parse::<u32>().is_ok()).collect();
        assert_eq!(numbers, ["1"]);
        assert_eq!(ask(&agent, "list /sys/class/net"), "lo");
        for read_only in ["/x", "/agent", "/proc/sys/kernel/hostname", "/sys/x"] {
            let answer = ask(&agent, &format!("write {read_only}"));
            assert_ne!(answer, "done", "{read_only}");
        }
        assert_eq!(ask(&agent, "write work/output"), "done");

        let facts = environment.describe(resource).await;
        assert_eq!(facts.value("namespaces"), Some("ipc mnt net pid uts"));
        assert_eq!(facts.value("capabilities_effective"), Some("0000000000000000"));
        assert_eq!(facts.value("no_new_privileges"), Some("1"));
        let executable = fs::read(stand_in()).unwrap();
        let digest = weighbridge_experiment::Sha256Digest::of(&executable);
        assert_eq!(facts.value("rootfs_agent_sha256"), Some(digest.as_str()));
        let service = environment.endpoint(resource, Port::Service(8080));
        assert!(matches!(service, Err(EnvironmentError::ServicePort { port: 8080, .. })));
        destroy(&*environment, resource).await;
    }
}

#[tokio::test]
async fn an_executable_that_cannot_run_is_an_error_that_leaves_nothing() {
    for kind in kinds(&HERE) {
        let place = Place::new();
        let environment = environment(kind);
        let mut request = place.request(kind, &[]);
        request.agent.executable = place.directory.path().join("missing");
        assert!(environment.create(&request).await.is_err(), "{kind}");
        assert_nothing_left(&request.resource);

        let text = place.directory.path().join("text");
        fs::write(&text, "not a program").unwrap();
        request.agent.executable = text;
        let error = environment.create(&request).await.unwrap_err();
        assert!(error.to_string().contains("text"), "{kind}: {error}");
        assert_nothing_left(&request.resource);
    }
}

#[tokio::test]
async fn probes_try_the_real_thing_and_leave_nothing() {
    let native = NativeEnvironment::new().probe(&EnvironmentSettings::None).await;
    assert!(native.available);
    let simulated = SimulatedEnvironment::new().probe(&EnvironmentSettings::None).await;
    assert!(simulated.reason.unwrap().contains("simulated"));
    for kind in kinds(&[EnvironmentKind::Container]) {
        let container = environment(kind).probe(&EnvironmentSettings::None).await;
        assert!(container.available, "{container:?}");
        assert!(container.version.unwrap().contains("cgroup v"));
        assert!(native.version.as_deref().unwrap().contains("cgroup v"), "{native:?}");
        // A monitor that is not one is found out, and cleaned up after.
        let broken =
            ContainerEnvironment::new("/bin/true".into()).probe(&EnvironmentSettings::None).await;
        assert!(!broken.available);
        assert!(broken.reason.unwrap().contains("monitor"));
    }
    for entry in fs::read_dir(std::env::temp_dir()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap_or_default();
        let mine = format!("probe-container-{}", std::process::id());
        assert!(!name.starts_with(&mine), "{name} is left");
    }
}
