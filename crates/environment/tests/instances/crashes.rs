//! What a killed parent or monitor leaves is removed from the resource alone.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use weighbridge_environment::{Trace, traces};
use weighbridge_experiment::EnvironmentKind;

use crate::place::{HERE, Place, destroy, environment, kinds, stand_in};
use crate::talk::{connect, eventually};

fn kill_by_record(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    let process = i32::try_from(record["process"].as_i64().unwrap()).unwrap();
    kill_process(Pid::from_raw(process).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_container_whose_monitor_was_killed_is_still_removed() {
    for kind in kinds(&[EnvironmentKind::Container]) {
        let place = Place::new();
        let maker = environment(kind);
        let request = place.request(kind, &["agent"]);
        maker.create(&request).await.unwrap();
        let _agent = connect(&*maker, &request.resource);
        kill_by_record(&request.resource.directory.join("monitor.json"));
        // One that did not make it removes it, as after a crash.
        destroy(&*environment(kind), &request.resource).await;
        // The maker, which still holds the dead monitor, finds nothing to do.
        destroy(&*maker, &request.resource).await;
    }
}

#[tokio::test]
async fn what_a_killed_parent_made_is_removed_from_the_resource_alone() {
    for kind in kinds(&HERE) {
        let place = Place::new();
        let resource = place.resource(kind);
        let mut parent = Command::new(stand_in())
            .args(["make", kind.as_str()])
            .arg(&resource.directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "made\n", "{kind}");
        let environment = environment(kind);
        let _agent = connect(&*environment, &resource);
        parent.kill().unwrap();
        parent.wait().unwrap();
        if kind == EnvironmentKind::Container {
            // Its monitor sees the end of its standard input and removes it unasked.
            eventually("the monitor cleans up", || {
                traces(&resource).iter().all(|trace| matches!(trace, Trace::Directory(_)))
            });
        }
        destroy(&*environment, &resource).await;
    }
}

/// Kills the parent at many moments of the creation.
#[tokio::test]
async fn a_parent_killed_in_the_middle_of_making_leaves_nothing_after_destroy() {
    for kind in kinds(&HERE) {
        for delay_milliseconds in [0, 1, 2, 3, 5, 8, 12, 18, 25, 40] {
            let place = Place::new();
            let resource = place.resource(kind);
            let mut parent = Command::new(stand_in())
                .args(["make", kind.as_str()])
                .arg(&resource.directory)
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_millis(delay_milliseconds));
            parent.kill().unwrap();
            parent.wait().unwrap();
            destroy(&*environment(kind), &resource).await;
        }
    }
}

/// Kills the monitor as soon as it has named itself, in the middle of its work.
#[tokio::test]
async fn a_monitor_killed_while_it_makes_a_container_leaves_nothing_after_destroy() {
    for kind in kinds(&[EnvironmentKind::Container]) {
        for delay_milliseconds in [0, 1, 2, 4, 7, 10, 14, 20] {
            let place = Place::new();
            let resource = place.resource(kind);
            let mut parent = Command::new(stand_in())
                .args(["make", kind.as_str()])
                .arg(&resource.directory)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let record = resource.directory.join("monitor.json");
            eventually("the monitor names itself", || record.exists());
            std::thread::sleep(Duration::from_millis(delay_milliseconds));
            // First the parent, or it would clean up itself.
            kill_process(Pid::from_child(&parent), Signal::STOP).unwrap();
            kill_by_record(&record);
            parent.kill().unwrap();
            parent.wait().unwrap();
            destroy(&*environment(kind), &resource).await;
        }
    }
}
