//! A Docker daemon of the tests' own: on a socket of its own, with all that it keeps in a
//! temporary directory, ended by its own process when nobody uses it any more.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const UP_WITHIN: Duration = Duration::from_secs(60);
const DOWN_WITHIN: Duration = Duration::from_secs(40);

/// A daemon that ends when this is dropped.
pub(crate) struct Dockerd {
    directory: TempDir,
    process: Option<Child>,
}

static SHARED: Mutex<Weak<Dockerd>> = Mutex::new(Weak::new());

/// Whether a daemon can be started here; says so where not.
#[allow(clippy::print_stdout, reason = "what is left out must be seen")]
pub(crate) fn can_run() -> bool {
    let root = rustix::process::geteuid().is_root();
    let installed = program().is_some();
    if !root || !installed {
        let why = if root { "dockerd is not installed" } else { "need root" };
        println!("LEFT OUT: tests of docker: {why}");
    }
    root && installed
}

fn program() -> Option<PathBuf> {
    ["/usr/sbin/dockerd", "/usr/bin/dockerd", "/usr/local/bin/dockerd"]
        .iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
}

impl Dockerd {
    /// The daemon that all tests of this process share as long as one of them holds it.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let started = Arc::new(Self::start());
        *shared = Arc::downgrade(&started);
        started
    }

    /// A daemon of one's own.
    pub(crate) fn start() -> Self {
        let directory = TempDir::with_prefix("wb-dockerd-").expect("a directory");
        let mut dockerd = Self { directory, process: None };
        dockerd.start_again();
        dockerd
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("s")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts the daemon on what an earlier one left.
    pub(crate) fn start_again(&mut self) {
        // Its containerd was killed with it, and a zombie under the old number would pass for
        // a running one.
        for stale in ["pid", "s", "exec/containerd/containerd.pid"] {
            let _ = fs::remove_file(self.path(stale));
        }
        let log = File::create(self.path("log")).expect("a log");
        // In a network of its own: two daemons of one host would fight for the bridge and the
        // packet filter, and a daemon that the host has already must not be disturbed.
        let mut command = Command::new("unshare");
        command
            .args(["--net", "sh", "-c", "ip link set lo up; exec \"$@\"", "sh"])
            .arg(program().expect("dockerd"))
            .arg("-H")
            .arg(format!("unix://{}", self.socket().display()))
            .args(["--storage-driver", "overlay2", "--log-level", "warn"])
            .arg("--data-root")
            .arg(self.path("data"))
            .arg("--exec-root")
            .arg(self.path("exec"))
            .arg("-p")
            .arg(self.path("pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.process = Some(command.spawn().expect("dockerd starts"));
        let start = Instant::now();
        while self.docker(&["version"]).is_none() {
            assert!(start.elapsed() < UP_WITHIN, "dockerd: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What `GET /version` answers through the daemon's own client, or nothing.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("docker")
            .arg("-H")
            .arg(format!("unix://{}", self.socket().display()))
            .args(arguments)
            .env_remove("DOCKER_HOST")
            .stdin(Stdio::null())
            .output()
            .expect("the docker client");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Kills the daemon with no chance to clean up. Its containers go on.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().expect("a running daemon");
        process.kill().expect("killed");
        process.wait().expect("it ends");
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
            let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
            let start = Instant::now();
            while matches!(process.try_wait(), Ok(None)) {
                if start.elapsed() > DOWN_WITHIN {
                    let _ = process.kill();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        unmount_below(self.directory.path());
    }
}

/// What a killed daemon left mounted would keep its directory from being removed.
fn unmount_below(directory: &Path) {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    let mut below: Vec<&str> =
        points.filter(|point| Path::new(point).starts_with(directory)).collect();
    below.reverse();
    for point in below {
        let _ = rustix::mount::unmount(point, rustix::mount::UnmountFlags::DETACH);
    }
}
