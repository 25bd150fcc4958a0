//! A stand-in for Firecracker, and for its jailer, where no guest of KVM runs.
//!
//! It takes the requests of Firecracker's interface in Firecracker's order and with its
//! refusals, written after its published description and `src/vmm/src/rpc_interface.rs`; what
//! is no request of that interface is refused too. In place of a guest it starts the agent's
//! executable as a process of the host, in a directory, and leads `CONNECT` to it. Which
//! executable that is stands in the file `agent.path` beside this program.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the console of the stand-in")]

#[path = "firecracker_stand_in/guest.rs"]
mod guest;
#[path = "firecracker_stand_in/machine.rs"]
mod machine;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::chown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use machine::Machine;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|word| word == name)?;
        arguments.get(at + 1).cloned()
    };
    if arguments.get(1).is_some_and(|word| word == "--version") {
        println!("Firecracker v0.0.0 (stand-in)");
        return;
    }
    let name = Path::new(&arguments[0]).file_name().expect("a name");
    if name == "jailer" {
        jail(&arguments, &value);
    }
    serve(Path::new(&value("--api-sock").expect("--api-sock PATH")));
}

/// Makes the room as the jailer does, and becomes Firecracker in it; without locking it in.
fn jail(arguments: &[String], value: &dyn Fn(&str) -> Option<String>) -> ! {
    let needed = |name: &str| value(name).unwrap_or_else(|| panic!("{name} is missing"));
    let firecracker = PathBuf::from(needed("--exec-file"));
    let (user, group): (u32, u32) =
        (needed("--uid").parse().expect("a number"), needed("--gid").parse().expect("a number"));
    let name = firecracker.file_name().expect("a name");
    let base = PathBuf::from(needed("--chroot-base-dir"));
    assert!(base.is_dir(), "the jailer wants {} to be there", base.display());
    let room = base.join(name).join(needed("--id")).join("root");
    std::fs::create_dir_all(room.join("dev/net")).expect("a room");
    chown(&room, Some(user), Some(group)).expect("the room's owner");
    for file in ["vmlinux", "image.cpio", "snapshot.state", "snapshot.memory"] {
        // What Firecracker only reads has to be readable for everyone.
        if let Ok(found) = std::fs::metadata(room.join(file)) {
            let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions());
            assert_eq!(mode & 0o004, 0o004, "{file} cannot be read by user {user}");
        }
    }
    let rest = arguments.iter().skip_while(|word| *word != "--").skip(1);
    let error = Command::new(&firecracker).args(rest).current_dir(&room).exec();
    panic!("cannot become {}: {error}", firecracker.display());
}

fn serve(socket: &Path) {
    let listener = UnixListener::bind(socket).expect("the interface's socket");
    let mut machine = Machine::default();
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        // One that leaves in the middle is no reason to end.
        let _ = answer(stream, &mut machine);
    }
}

fn answer(stream: UnixStream, machine: &mut Machine) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) =
        (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = serde_json::from_slice(&body).unwrap_or(serde_json::Value::Null);
    let (status, text) = match machine.handle(&method, &path, &body) {
        Ok(None) => (204, String::new()),
        Ok(Some(value)) => (200, value.to_string()),
        Err(fault) => (400, serde_json::json!({ "fault_message": fault }).to_string()),
    };
    let stream = reader.get_mut();
    write!(stream, "HTTP/1.1 {status} \r\nServer: stand-in\r\nConnection: keep-alive\r\n")?;
    if status != 204 {
        write!(stream, "Content-Type: application/json\r\nContent-Length: {}\r\n", text.len())?;
    }
    write!(stream, "\r\n{text}")
}
