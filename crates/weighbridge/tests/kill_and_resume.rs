//! Runs that are killed, interrupted, resumed: nothing is lost, nothing is left behind.

mod through_binary;

use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use through_binary::{Done, Home, cgroups_of, done, privileged, traces};

const KILLS: u32 = 10;

fn experiment(home: &Home, kinds: &[&str], trials: u32) -> String {
    let environments: String =
        kinds.iter().map(|kind| format!("[[environment]]\nkind = \"{kind}\"\n")).collect();
    let text =
        format!("{environments}[[workload]]\napplication = \"traffic-light\"\ntrials = {trials}\n");
    home.file("kill.toml", text).display().to_string()
}

fn runs(home: &Home) -> Vec<Value> {
    home.json(&["runs", "--format", "json"])["runs"].as_array().expect("runs").clone()
}

/// Waits, without bound on the host's speed but with one on patience, for a run to have
/// recorded at least this many trials.
fn wait_for_trials(home: &Home, at_least: u64) {
    let patience = Instant::now();
    loop {
        if runs(home).first().and_then(|run| run["trials_done"].as_u64()) >= Some(at_least) {
            return;
        }
        assert!(
            patience.elapsed() < Duration::from_secs(120),
            "no {at_least} trials in two minutes"
        );
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_killed_ten_times_ends_with_exactly_its_trials_and_leaves_nothing() {
    if !privileged() {
        return;
    }
    let home = Home::new();
    let file = experiment(&home, &["native", "container"], 12);
    let mut arguments = vec!["run".to_owned(), file, "--format".to_owned(), "json".to_owned()];
    let mut killed = 0;
    let report: Value = loop {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut child = home.start(&words);
        if killed < KILLS {
            if killed == 0 {
                wait_for_trials(&home, 1);
            }
            // Another phase of the trial each time; a process that is done early is no kill.
            sleep(Duration::from_millis(40 + u64::from(killed) * 37));
            if child.try_wait().expect("a status").is_none() {
                child.kill().expect("killed");
                killed += 1;
            }
        }
        let done = done(child.wait_with_output().expect("an end"));
        if done.code == Some(0) {
            break serde_json::from_str(&done.stdout).expect("a report");
        }
        arguments = ["run", "--resume", "latest", "--format", "json"].map(str::to_owned).to_vec();
    };
    println!("{killed} kills");
    assert!(killed >= 3, "the run was over after {killed} kills: give it more trials");
    assert_eq!(report["run"]["resumed"], true);
    assert_eq!(report["run"]["status"], "finished");
    for cell in report["cells"].as_array().expect("cells") {
        assert_eq!((&cell["trials"], &cell["status"]), (&12.into(), &"ok".into()), "{cell}");
    }
    assert_eq!(runs(&home)[0]["trials_done"], 24);
    assert_eq!(traces(&home.data()), Vec::<String>::new());
    assert_eq!(
        cgroups_of(report["run"]["id"].as_str().expect("an id")),
        Vec::<std::path::PathBuf>::new()
    );
}

#[test]
fn the_next_command_removes_what_a_killed_run_left() {
    if !privileged() {
        return;
    }
    let home = Home::new();
    let file = experiment(&home, &["container"], 400);
    let mut child = home.start(&["run", &file]);
    wait_for_trials(&home, 2);
    let run = runs(&home)[0]["id"].as_str().expect("an id").to_owned();
    child.kill().expect("killed");
    child.wait().expect("an end");
    // Whatever moment it was, the next command cleans up; `runs` is as good as any.
    assert_eq!(home.run(&["runs"]).code, Some(0));
    assert_eq!(traces(&home.data()), Vec::<String>::new());
    assert_eq!(cgroups_of(&run), Vec::<std::path::PathBuf>::new());
}

fn interrupted(home: &Home, file: &str) -> Done {
    let child = home.start(&["run", file]);
    wait_for_trials(home, 2);
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
    kill_process(pid, Signal::INT).expect("Ctrl-C");
    done(child.wait_with_output().expect("an end"))
}

#[test]
fn ctrl_c_keeps_what_was_measured_tears_down_and_says_how_to_resume() {
    let home = Home::new();
    let file = experiment(&home, &["native"], 60);
    let done = interrupted(&home, &file);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert_eq!(traces(&home.data()), Vec::<String>::new(), "torn down by the run itself");
    let listed = &runs(&home)[0];
    assert_eq!(listed["status"], "interrupted");
    let run = listed["id"].as_str().expect("an id");
    assert!(done.stderr.contains(&format!("weighbridge run --resume {run}")), "{}", done.stderr);

    let report = home.json(&["run", "--resume", run, "--format", "json"]);
    assert_eq!(report["cells"][0]["trials"], 60);
    assert_eq!(report["run"]["resumed"], true);
    let again = home.run(&["run", "--resume", run]);
    assert_eq!(again.code, Some(0), "only the report is printed again");
    assert!(again.stdout.contains("traffic-light"), "{}", again.stdout);
    assert!(again.stderr.contains("nothing to resume"), "{}", again.stderr);
}
