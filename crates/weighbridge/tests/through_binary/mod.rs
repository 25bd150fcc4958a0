//! Running the real executable in a data directory of its own.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A data directory that is thrown away, and the executable that uses it.
pub(crate) struct Home {
    directory: TempDir,
}

/// What a command came to, as text.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::with_prefix("wb-test-").expect("a temporary directory") }
    }

    /// The same in a directory of a file system that is chosen.
    pub(crate) fn below(parent: &Path) -> Self {
        let directory = TempDir::with_prefix_in("wb-test-", parent);
        Self { directory: directory.expect("a temporary directory") }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file beside the data directory.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a directory");
        }
        std::fs::write(&path, content).expect("a file");
        path
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weighbridge"));
        command
            .args(arguments)
            .env("WEIGHBRIDGE_HOME", self.data())
            .env_remove("NO_COLOR")
            .env_remove("ORT_DYLIB_PATH")
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        done(self.command(arguments).output().expect("the executable starts"))
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the executable starts")
    }

    /// Runs one workload, written without its table's head, in these environments. Nothing of
    /// it may be left behind.
    pub(crate) fn run_workload(&self, environments: &str, workload: &str) -> Done {
        let text = format!("{environments}[[workload]]\ntrials = 2\n{workload}");
        let file = self.file("experiment.toml", text);
        let done = self.run(&["run", file.to_str().expect("UTF-8"), "--format", "json"]);
        assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
        assert_eq!(traces(&self.data()), Vec::<String>::new());
        done
    }

    /// Runs a command that must succeed, and reads its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let done = self.run(arguments);
        assert_eq!(done.code, Some(0), "{arguments:?}: {}", done.stderr);
        serde_json::from_str(&done.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", done.stdout))
    }
}

pub(crate) fn done(output: Output) -> Done {
    Done {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// The root of the checkout.
pub(crate) fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether containers and cgroups can be tried here; says so where not, since a test that
/// passes in silence is worse than none.
#[allow(clippy::print_stdout, reason = "what is left out must be seen")]
pub(crate) fn privileged() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("LEFT OUT: tests of containers and limits: need root");
    }
    root
}

/// Everything that runs of one data directory may leave on the host: directories, cgroups,
/// mounts, processes.
pub(crate) fn traces(data: &Path) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(entries) = std::fs::read_dir(data.join("instances")) {
        found.extend(entries.flatten().map(|entry| entry.path().display().to_string()));
    }
    let here = data.display().to_string();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    found.extend(mounts.lines().filter(|line| line.contains(&here)).map(str::to_owned));
    for process in std::fs::read_dir("/proc").expect("processes").flatten() {
        // An agent's and a monitor's working directory is its instance's.
        let directory = std::fs::read_link(process.path().join("cwd"));
        if directory.is_ok_and(|directory| directory.starts_with(data)) {
            found.push(process.path().display().to_string());
        }
    }
    found
}

/// The cgroups that carry the name of a run, in any hierarchy.
pub(crate) fn cgroups_of(run: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().contains(run) {
                    found.push(entry.path());
                }
                open.push(entry.path());
            }
        }
    }
    found
}
