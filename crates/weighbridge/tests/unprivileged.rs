//! As an ordinary user, who may not make cgroups or containers: what can be weighed is, and
//! what cannot says why and what would enable it. Needs root in order to become that user.

mod through_binary;

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use through_binary::{Done, done, privileged, traces};

/// `nobody` of every Linux.
const NOBODY: u32 = 65_534;

/// A place that `nobody` can reach, with a copy of the executable: the checkout may lie in a
/// home directory that others cannot enter.
struct Ordinary {
    directory: TempDir,
}

impl Ordinary {
    fn new() -> Self {
        let directory = TempDir::with_prefix("wb-nobody-").expect("a directory");
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755))
            .expect("open to all");
        let executable = directory.path().join("weighbridge");
        // Copied by another process: a file that this one has open for writing while another
        // test forks could not be executed ("text file busy").
        let copied =
            Command::new("cp").arg(env!("CARGO_BIN_EXE_weighbridge")).arg(&executable).status();
        assert!(copied.expect("cp starts").success());
        let ordinary = Self { directory };
        std::fs::create_dir(ordinary.data()).expect("a directory");
        chown(ordinary.data(), Some(NOBODY), Some(NOBODY)).expect("given away");
        ordinary
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    fn run(&self, arguments: &[&str]) -> Done {
        let mut command = Command::new(self.directory.path().join("weighbridge"));
        command
            .args(arguments)
            .env("WEIGHBRIDGE_HOME", self.data())
            .current_dir("/")
            .uid(NOBODY)
            .gid(NOBODY);
        done(command.output().expect("the executable starts"))
    }
}

#[test]
fn native_is_weighed_without_limits_and_the_container_is_a_row_that_says_why() {
    if !privileged() {
        return;
    }
    let ordinary = Ordinary::new();
    let listed = ordinary.run(&["env", "list", "--format", "json"]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let row = |name: &str| {
        let rows = listed["environments"].as_array().expect("rows");
        rows.iter().find(|row| row["environment"] == name).expect("a row").clone()
    };
    assert_eq!(row("native")["available"], true);
    assert!(
        row("native")["reason"].as_str().is_some_and(|reason| reason.contains("without limits"))
    );
    assert_eq!(row("container")["available"], false);
    for key in ["reason", "enable"] {
        assert!(
            row("container")[key].as_str().is_some_and(|text| !text.is_empty()),
            "{}",
            row("container")
        );
    }

    let run = ordinary.run(&["run", "--app", "traffic-light", "--trials", "6", "--format", "json"]);
    assert_eq!(run.code, Some(3), "a requested environment was unavailable: {}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(report["cells"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["cells"][0]["status"], "ok", "{}", report["cells"][0]);
    assert_eq!(report["unavailable"][0]["environment"], "container");
    let table = ordinary.run(&["report", "latest"]).stdout;
    assert!(table.contains("without limits") && table.contains("container"), "{table}");
    assert_eq!(traces(&ordinary.data()), Vec::<String>::new());
}

#[test]
fn a_read_only_data_directory_is_named_with_what_to_do() {
    if !privileged() {
        return;
    }
    let ordinary = Ordinary::new();
    std::fs::set_permissions(ordinary.data(), std::fs::Permissions::from_mode(0o555))
        .expect("read-only");
    let done = ordinary.run(&["run", "--env", "simulated"]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    let data = ordinary.data().display().to_string();
    assert!(done.stderr.contains(&data), "{}", done.stderr);
    assert!(
        done.stderr.contains("WEIGHBRIDGE_HOME") || done.stderr.contains("writable"),
        "{}",
        done.stderr
    );
}
