//! A host that is not ours alone: two runs at once, and a disk that is full.

mod through_binary;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use through_binary::{Done, Home, cgroups_of, done, privileged, traces};

const PAIR: &str = "[[environment]]\nkind = \"native\"\ncpus = 1\n[[environment]]\nkind = \"container\"\n\
    cpus = 1\ncontainer = { network = \"nat\" }\n";

fn report(done: &Done) -> Value {
    serde_json::from_str(&done.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", done.stdout, done.stderr))
}

fn of<'a>(report: &'a Value, environment: &str) -> &'a Value {
    let cells = report["cells"].as_array().expect("cells");
    cells.iter().find(|cell| cell["environment"] == environment).expect("a cell")
}

/// Three runs begin together, two of them in one data directory: names, sockets, cgroups,
/// devices and the registry are shared, and no run may take another's instance for one that
/// was left behind.
#[test]
fn runs_at_once_all_complete_and_leave_each_others_instances_alone() {
    if !privileged() {
        return;
    }
    let (shared, other) = (Home::new(), Home::new());
    let file = |home: &Home| {
        let text = format!("{PAIR}[[workload]]\napplication = \"traffic-light\"\ntrials = 3\n");
        home.file("experiment.toml", text).display().to_string()
    };
    let homes = [&shared, &shared, &other];
    let files = homes.map(file);
    let started: Vec<_> = homes
        .iter()
        .zip(&files)
        .map(|(home, file)| home.start(&["run", file, "--format", "json"]))
        .collect();
    let ended: Vec<Done> =
        started.into_iter().map(|child| done(child.wait_with_output().expect("it ends"))).collect();
    let mut ids = Vec::new();
    for done in &ended {
        assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
        assert!(!done.stderr.contains("removed wb-"), "another run's: {}", done.stderr);
        let report = report(done);
        for environment in ["native", "container"] {
            let cell = of(&report, environment);
            assert_eq!((&cell["trials"], &cell["failures"]), (&3.into(), &Value::Array(vec![])));
        }
        ids.push(report["run"]["id"].as_str().expect("an id").to_owned());
    }
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
    let listed = shared.json(&["runs", "--format", "json"]).to_string();
    assert!(listed.contains(&ids[0]) && listed.contains(&ids[1]), "{listed}");
    for home in [&shared, &other] {
        assert_eq!(traces(&home.data()), Vec::<String>::new());
    }
    for id in &ids {
        assert_eq!(cgroups_of(id), Vec::<std::path::PathBuf>::new());
    }
}

/// A file system of its own, in memory and of a given size.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mounted(at: &'a Path, size: &str) -> Self {
        fs::create_dir_all(at).expect("a directory");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at);
        assert!(mount.status().expect("mount").success(), "a small file system can be mounted");
        Self(at)
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let copied = Command::new("dd")
            .args(["if=/dev/zero", "bs=4096", "status=none"])
            .arg(format!("of={}", self.0.join("filler").display()))
            .stderr(std::process::Stdio::null())
            .status();
        assert!(!copied.expect("dd").success(), "it ends for want of room");
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filler")).expect("the filler");
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

/// Everything in the data directory but the registry and what it is told of by.
fn instances(data: &Path) -> usize {
    fs::read_dir(data.join("instances")).map_or(0, Iterator::count)
}

#[test]
fn a_full_disk_is_said_and_nothing_is_lost_or_left() {
    if !privileged() {
        return;
    }
    let home = Home::new();
    let data = home.data();
    // Room for the registry and for inputs; none for a root file system, which is a copy here.
    let disk = SmallDisk::mounted(&data, "12m");
    let text = format!("{PAIR}[[workload]]\napplication = \"traffic-light\"\ntrials = 2\n");
    let file = home.file("experiment.toml", text).display().to_string();
    let run = |environments: &[&str]| {
        let mut arguments = vec!["run", file.as_str(), "--format", "json"];
        environments.iter().for_each(|name| arguments.extend(["--env", *name]));
        home.run(&arguments)
    };
    let both = run(&[]);
    assert_eq!(both.code, Some(3), "{}{}", both.stdout, both.stderr);
    let found = report(&both);
    let failure = of(&found, "container")["failures"][0]["reason"].as_str().expect("a reason");
    assert!(failure.contains("No space left on device"), "{failure}");
    assert!(failure.contains(&data.display().to_string()), "the file is named: {failure}");
    assert_eq!(of(&found, "native")["trials"], 2, "the others go on");
    assert_eq!(instances(&data), 0);

    disk.fill();
    let full = run(&["native"]);
    assert_eq!(full.code, Some(1), "{}{}", full.stdout, full.stderr);
    let said = full.stderr.to_lowercase();
    assert!(
        said.contains("no space is left") && said.contains("registry.sqlite"),
        "{}",
        full.stderr
    );
    assert!(!said.contains("panicked"), "{}", full.stderr);
    assert_eq!(instances(&data), 0);

    disk.empty();
    let id = found["run"]["id"].as_str().expect("an id");
    let again = home.json(&["report", id, "--format", "json"]);
    assert_eq!(of(&again, "native")["trials"], 2, "what was recorded is there");
    let native = run(&["native"]);
    assert_eq!(native.code, Some(0), "{}{}", native.stdout, native.stderr);
    assert_eq!(instances(&data), 0);
}
