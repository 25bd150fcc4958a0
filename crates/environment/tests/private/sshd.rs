//! An ssh server of the tests' own on loopback, with keys of its own, ended by its own
//! process.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use weighbridge_experiment::SshSettings;

const UP_WITHIN: Duration = Duration::from_secs(30);
const SERVER: &str = "/usr/sbin/sshd";

/// A server that ends when this is dropped.
pub(crate) struct Sshd {
    directory: TempDir,
    port: u16,
    process: Option<Child>,
    /// Options besides those that every server has.
    more: Vec<String>,
}

static SHARED: Mutex<Weak<Sshd>> = Mutex::new(Weak::new());

/// Whether a server can be started here; says so where not.
#[allow(clippy::print_stdout, reason = "what is left out must be seen")]
pub(crate) fn can_run() -> bool {
    let root = rustix::process::geteuid().is_root();
    let installed = Path::new(SERVER).is_file();
    if !root || !installed {
        let why = if root { "sshd is not installed" } else { "need root" };
        println!("LEFT OUT: tests of ssh: {why}");
    }
    root && installed
}

impl Sshd {
    /// The server that all tests of this process share as long as one of them holds it.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let started = Arc::new(Self::start());
        *shared = Arc::downgrade(&started);
        started
    }

    /// A server of one's own.
    pub(crate) fn start() -> Self {
        Self::start_with(|_| Vec::new())
    }

    /// The same with more options, which may name what lies in its directory.
    pub(crate) fn start_with(more: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let directory = TempDir::with_prefix("wb-sshd-").expect("a directory");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let more = more(directory.path());
        let mut sshd = Self { directory, port, process: None, more };
        for key in ["host", "user", "stranger"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(sshd.path(key))
                .status()
                .expect("ssh-keygen");
            assert!(made.success());
        }
        let public =
            |key: &str| fs::read_to_string(sshd.path(&format!("{key}.pub"))).expect("a key");
        fs::write(sshd.path("authorized"), public("user")).expect("written");
        fs::write(sshd.path("known"), format!("[127.0.0.1]:{port} {}", public("host")))
            .expect("written");
        fs::write(sshd.path("others"), format!("[127.0.0.1]:{port} {}", public("stranger")))
            .expect("written");
        sshd.start_again();
        sshd
    }

    /// Starts the server where the earlier one was.
    pub(crate) fn start_again(&mut self) {
        fs::create_dir_all("/run/sshd").expect("the server's directory");
        let mut command = Command::new(SERVER);
        command
            .args(["-D", "-e", "-f", "/dev/null", "-p", &self.port.to_string(), "-h"])
            .arg(self.path("host"))
            .args(["-o", "ListenAddress=127.0.0.1", "-o", "StrictModes=no", "-o", "UsePAM=no"])
            .args(["-o", "PidFile=none", "-o", "PermitRootLogin=yes", "-o"])
            .args(["MaxStartups=100", "-o"])
            .arg(format!("AuthorizedKeysFile={}", self.path("authorized").display()))
            .args(self.more.iter().flat_map(|option| ["-o", option]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.process = Some(command.spawn().expect("sshd starts"));
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed() < UP_WITHIN, "sshd does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server; connections that stand go on without it.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Where instances lie on the "other" host.
    pub(crate) fn remote(&self) -> PathBuf {
        self.path("remote")
    }

    /// The way to it.
    pub(crate) fn settings(&self) -> SshSettings {
        let text = |name: &str| self.path(name).to_str().map(str::to_owned);
        SshSettings {
            destination: Some("root@127.0.0.1".to_owned()),
            port: Some(self.port),
            identity: text("user"),
            jump: None,
            known_hosts: text("known"),
            directory: text("remote"),
            agents: None,
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}
