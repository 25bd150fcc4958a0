//! What takes the place of a guest: the agent's executable as a process of the host, files that
//! come in, and the way from `CONNECT` to either. Written after what a guest is promised, not
//! with its code.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

const AGENT_PORT: &str = "1024";
const FILES_PORT: &str = "1025";
const PARAMETER: &str = "weighbridge.launch=";

pub(crate) struct Guest {
    launch: Value,
    sockets: Option<String>,
    /// 0 until it runs.
    agent: Arc<AtomicU32>,
}

/// The guest's own files, in the room of Firecracker.
fn directory() -> PathBuf {
    std::env::current_dir().expect("a room").join("guest")
}

impl Guest {
    pub(crate) fn boot(
        boot_args: &str,
        sockets: Option<String>,
        has_disk: bool,
    ) -> Result<Self, String> {
        for needed in ["console=ttyS0", "reboot=k", "panic=-1"] {
            assert!(boot_args.contains(needed), "{needed} is not in {boot_args}");
        }
        assert!(boot_args.len() < 2048, "Firecracker takes 2048 bytes");
        let digits = boot_args
            .split_whitespace()
            .find_map(|word| word.strip_prefix(PARAMETER))
            .ok_or("the guest is told nothing")?;
        let bytes: Vec<u8> = (0..digits.len() / 2)
            .map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).expect("hexadecimal"))
            .collect();
        let launch = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        Self::boot_launch(launch, sockets, has_disk)
    }

    pub(crate) fn boot_launch(
        launch: Value,
        sockets: Option<String>,
        has_disk: bool,
    ) -> Result<Self, String> {
        assert_eq!(launch["channel"], "vsock");
        assert_eq!(launch["disk"], has_disk, "the guest waits for the disk that it is given");
        let run = directory().join("run");
        fs::create_dir_all(run.join("work")).map_err(|error| error.to_string())?;
        fs::create_dir_all(directory().join("lib")).map_err(|error| error.to_string())?;
        let received = Arc::new(AtomicUsize::new(0));
        let libraries = launch["libraries"].as_u64().unwrap_or(0) as usize;
        if let Some(path) = sockets.clone() {
            let listener = UnixListener::bind(&path).map_err(|error| format!("{path}: {error}"))?;
            let received = Arc::clone(&received);
            thread::spawn(move || lead(&listener, &received));
        }
        let agent = Arc::new(AtomicU32::new(0));
        let (starts, told) = (Arc::clone(&agent), launch.clone());
        thread::spawn(move || {
            while received.load(Ordering::SeqCst) < libraries {
                thread::sleep(Duration::from_millis(2));
            }
            starts.store(start_agent(&told), Ordering::SeqCst);
        });
        Ok(Self { launch, sockets, agent })
    }

    pub(crate) const fn launch(&self) -> &Value {
        &self.launch
    }

    pub(crate) fn sockets(&self) -> Option<&str> {
        self.sockets.as_deref()
    }

    /// Stops the agent's process, or lets it go on.
    pub(crate) fn set_paused(&self, paused: bool) -> Result<(), String> {
        let agent = self.agent.load(Ordering::SeqCst);
        if agent == 0 {
            return Ok(());
        }
        let signal = if paused { "-STOP" } else { "-CONT" };
        let told = Command::new("kill").args([signal, &agent.to_string()]).status();
        told.map(drop).map_err(|error| error.to_string())
    }
}

/// Starts the agent and, when it has ended, tells so on the console and ends as a guest does
/// that restarts.
#[allow(clippy::disallowed_methods, reason = "a guest that restarts ends Firecracker at once")]
fn start_agent(launch: &Value) -> u32 {
    let own = std::env::current_exe().expect("a path");
    let named = fs::read_to_string(own.with_file_name("agent.path")).expect("agent.path");
    let words = launch["arguments"].as_array().cloned().unwrap_or_default();
    let mut command = Command::new(named.trim());
    command
        .args(words.iter().filter_map(Value::as_str))
        .current_dir(directory().join("run"))
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        // The console.
        .stderr(File::options().write(true).open("/proc/self/fd/1").expect("a console"));
    if launch["serves"] == true {
        // One of the guest of which the snapshot was taken may lie there still.
        let _ = fs::remove_file(directory().join("agent.sock"));
        let listener = UnixListener::bind(directory().join("agent.sock")).expect("a socket");
        command.arg("--listening-stdin").stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)));
    }
    let mut child = command.spawn().expect("the agent starts");
    let number = child.id();
    thread::spawn(move || {
        let status = child.wait().expect("it ends");
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        let ended = json!({ "exit_code": status.code(), "signal": signal, "oom_kills": 0, "last_words": "" });
        println!("weighbridge-ended: {ended}\r");
        std::process::exit(0);
    });
    number
}

/// Takes connections to ports of the guest.
fn lead(listener: &UnixListener, received: &Arc<AtomicUsize>) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let received = Arc::clone(received);
        thread::spawn(move || {
            let mut line = String::new();
            while !line.ends_with('\n') {
                let mut byte = [0];
                if stream.read_exact(&mut byte).is_err() {
                    return;
                }
                line.push(char::from(byte[0]));
            }
            match line.trim().strip_prefix("CONNECT ") {
                Some(AGENT_PORT) => {
                    // Nobody listens yet: the connection is dropped, without a word.
                    let Ok(agent) = UnixStream::connect(directory().join("agent.sock")) else {
                        return;
                    };
                    if stream.write_all(b"OK 1073741824\n").is_ok() {
                        splice(stream, agent);
                    }
                }
                Some(FILES_PORT) => take_files(&mut stream, &received),
                _ => {}
            }
        });
    }
}

fn splice(near: UnixStream, far: UnixStream) {
    let way = |mut from: UnixStream, mut to: UnixStream| {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    };
    let (back_from, back_to) =
        (far.try_clone().expect("a socket"), near.try_clone().expect("a socket"));
    thread::spawn(move || way(back_from, back_to));
    way(near, far);
}

fn take_files(stream: &mut UnixStream, received: &AtomicUsize) {
    if stream.write_all(b"OK 1073741825\n").is_err() {
        return;
    }
    while let Ok(library) = take_file(stream) {
        received.fetch_add(usize::from(library), Ordering::SeqCst);
    }
}

/// One file as the host sends it; whether it is a library.
fn take_file(stream: &mut UnixStream) -> io::Result<bool> {
    let mut mark = [0; 8];
    stream.read_exact(&mut mark)?;
    assert_eq!(&mark, b"wbfile1\n");
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut header = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut header)?;
    let header: Value = serde_json::from_slice(&header)?;
    let library = header["place"] == "library";
    let place = if library { Path::new("lib") } else { Path::new("run/work") };
    let name = header["name"].as_str().expect("a name");
    let bytes = header["bytes"].as_u64().expect("a length");
    let mut file = File::create(directory().join(place).join(name))?;
    io::copy(&mut Read::take(&mut *stream, bytes), &mut file)?;
    let receipt = json!({ "error": null }).to_string();
    let length = u32::try_from(receipt.len()).expect("it is short");
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(receipt.as_bytes())?;
    Ok(library)
}
