//! Campaigns through the binary: slots in real time, a kill in the middle, and what is wrong.

mod through_binary;

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use serde_json::Value;
use through_binary::{Home, done, traces};

/// Slots so close that a test can wait for them. `simulated` draws its times, so each slot is
/// over at once.
const QUICK: &str = r#"
name = "quick"
[schedule]
every = "2s"
count = 4
late = "30s"
[[environment]]
kind = "simulated"
price = { hourly = "0.10 USD" }
[[environment]]
name = "other"
kind = "simulated"
[[workload]]
application = "traffic-light"
trials = 3
"#;

fn states(home: &Home) -> Vec<Value> {
    let report = home.json(&["campaign", "report", "latest", "--format", "json"]);
    report["slots"].as_array().expect("slots").clone()
}

fn finished(slots: &[Value]) -> usize {
    slots.iter().filter(|slot| slot["state"] == "finished").count()
}

#[test]
fn a_campaign_runs_its_slots_and_survives_a_kill() {
    let home = Home::new();
    let file = home.file("quick.toml", QUICK);
    let mut child = home.start(&["campaign", "start", file.to_str().expect("UTF-8")]);
    // Killed as soon as the second slot is said to begin.
    let mut said = BufReader::new(child.stderr.take().expect("standard error")).lines();
    let second =
        said.find(|line| line.as_ref().is_ok_and(|line| line.contains("slot 2 of 4 begun")));
    assert!(second.is_some(), "the second slot never began");
    child.kill().expect("killed");
    child.wait().expect("gone");
    let before = states(&home);
    assert_eq!(before[0]["state"], "finished", "{before:?}");
    let rest = home.run(&["campaign", "continue"]);
    assert_eq!(rest.code, Some(0), "{}", rest.stderr);
    assert!(rest.stdout.contains("4 of 4 slots finished"), "{}", rest.stdout);
    let after = states(&home);
    assert_eq!(finished(&after), 4, "{after:?}");
    assert_eq!(after[0]["run"], before[0]["run"], "the first slot was not run again");
    let runs = home.json(&["runs", "--format", "json"]);
    assert_eq!(runs["runs"].as_array().map(Vec::len), Some(4), "a slot is one run");
    assert_eq!(traces(&home.data()), Vec::<String>::new());
    let again = home.run(&["campaign", "continue"]);
    assert_eq!(again.code, Some(0), "nothing is left to do: {}", again.stderr);
    the_report_of_all_slots_is_given_in_every_form(&home);
}

fn the_report_of_all_slots_is_given_in_every_form(home: &Home) {
    let report = home.json(&["campaign", "report", "--format", "json"]);
    let requests = report["responses"][0]["requests"].as_u64().expect("requests");
    assert_eq!(requests % 12, 0, "three trials in each of four slots");
    assert_eq!(report["responses"][0]["labels"][0], "simulated");
    let schema = home.json(&["schema", "campaign-report"]);
    assert!(jsonschema::validator_for(&schema).expect("a schema").is_valid(&report));
    let campaign = home.json(&["campaign", "show", "--format", "json"]);
    let schema = home.json(&["schema", "campaign"]);
    assert!(jsonschema::validator_for(&schema).expect("a schema").is_valid(&campaign));
    let shown = home.run(&["campaign", "report"]);
    assert!(shown.stdout.lines().all(|line| line.chars().count() <= 100), "{}", shown.stdout);
    for id in ["cloud.table1", "cloud.table2", "cloud.table3", "cloud.fig2"] {
        let drawn = home.run(&["figure", id, "--campaign", "latest"]);
        assert_eq!(drawn.code, Some(0), "{id}: {}", drawn.stderr);
        assert!(!drawn.stdout.is_empty());
    }
    let unit = home.run(&["campaign", "unit"]);
    assert!(unit.stdout.contains("campaign continue "), "{}", unit.stdout);
}

#[test]
fn one_process_conducts_a_campaign_and_ctrl_c_says_how_to_go_on() {
    let home = Home::new();
    let file = home.file("slow.toml", QUICK.replace("every = \"2s\"", "every = \"1h\""));
    let mut child = home.start(&["campaign", "start", file.to_str().expect("UTF-8")]);
    let begun = Instant::now();
    // Only the deadline of a test that would otherwise hang.
    while !home.run(&["campaign", "list"]).stdout.contains("1/4") {
        assert!(begun.elapsed() < Duration::from_secs(120), "the first slot does not finish");
        std::thread::sleep(Duration::from_millis(100));
    }
    let second = home.run(&["campaign", "continue"]);
    assert_eq!(second.code, Some(1));
    assert!(
        second.stderr.contains(&format!("is conducted by process {} already", child.id())),
        "{}",
        second.stderr
    );
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("signalled");
    let stdout = child.stdout.take();
    drop(stdout);
    let ended = done(child.wait_with_output().expect("ended"));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("go on with: weighbridge campaign continue"), "{}", ended.stderr);
    let shown = home.run(&["campaign", "show"]);
    assert!(shown.stdout.contains("1 of 4 slots finished, the next is due"), "{}", shown.stdout);
}

#[test]
fn a_file_that_says_no_times_is_refused_before_anything_is_written() {
    let home = Home::new();
    let start = |text: &str| {
        let file = home.file("wrong.toml", text);
        home.run(&["campaign", "start", file.to_str().expect("UTF-8")])
    };
    for (text, word) in [
        ("", "has no table [schedule]"),
        ("[schedule]\ncron = \"at noon\"\ncount = 1", "is not a cron expression"),
        ("[schedule]\ncron = \"0 9 * * *\"\ntime_zone = \"Atlantis\"\ncount = 1", "tz database"),
        ("[schedule]\nevery = \"6h\"", "how many slots"),
    ] {
        let refused = start(text);
        assert_eq!(refused.code, Some(2), "{text}: {}", refused.stderr);
        assert!(refused.stderr.contains(word), "{text}: {}", refused.stderr);
    }
    let none = home.run(&["campaign", "show"]);
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("there is no campaign yet"), "{}", none.stderr);
    assert!(home.run(&["campaign", "list"]).stdout.contains("no campaigns yet"));
}
