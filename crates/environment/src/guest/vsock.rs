//! Sockets between host and guest: the guest listens by number (vsock(7)), and on the host a
//! unix socket leads there that is first told `CONNECT` and the number (Firecracker,
//! `docs/vsock.md`). Does not know who listens.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::libc::VMADDR_CID_ANY;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, VsockAddr, bind, listen as listen_on, socket,
};

use crate::socket_path;

/// The answer is `OK` and a number; anything much longer is none.
const ANSWER_BYTES_MAX: usize = 64;
const PAUSE: Duration = Duration::from_millis(5);

/// A socket of this machine on which others may connect to `port`.
pub(super) fn listen(port: u32) -> io::Result<OwnedFd> {
    let opened = socket(AddressFamily::Vsock, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    bind(std::os::fd::AsRawFd::as_raw_fd(&opened), &VsockAddr::new(VMADDR_CID_ANY, port))?;
    listen_on(&opened, Backlog::new(8)?)?;
    Ok(opened)
}

/// Connects from the host, waiting for the guest to listen.
pub(crate) fn connect(path: &Path, port: u32, within: Duration) -> io::Result<UnixStream> {
    let began = Instant::now();
    let not_yet = [
        io::ErrorKind::NotFound,
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::UnexpectedEof,
    ];
    loop {
        match connect_once(path, port, within) {
            Err(error) if not_yet.contains(&error.kind()) && began.elapsed() < within => {
                std::thread::sleep(PAUSE);
            }
            other => return other,
        }
    }
}

fn connect_once(path: &Path, port: u32, within: Duration) -> io::Result<UnixStream> {
    let mut stream = socket_path::connect(path)?;
    stream.set_read_timeout(Some(within))?;
    stream.set_write_timeout(Some(within))?;
    ask_for_port(&mut stream, port)?;
    Ok(stream)
}

fn ask_for_port<S: Read + Write>(stream: &mut S, port: u32) -> io::Result<()> {
    stream.write_all(format!("CONNECT {port}\n").as_bytes())?;
    let mut answer = Vec::new();
    // One byte at a time: what follows belongs to whoever listens inside.
    while answer.last() != Some(&b'\n') && answer.len() < ANSWER_BYTES_MAX {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    if answer.starts_with(b"OK ") && answer.ends_with(b"\n") {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&answer).trim().to_owned();
    Err(io::Error::other(format!("asked for port {port} of the guest, it said `{said}`")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_guest_that_does_not_listen_yet_is_asked_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("v.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let host = std::thread::spawn(move || {
            // The first is dropped, as by a guest in which nobody listens.
            drop(listener.accept().unwrap());
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 13];
            stream.read_exact(&mut request).unwrap();
            assert_eq!(&request, b"CONNECT 1025\n");
            stream.write_all(b"OK 1073741824\nhello").unwrap();
        });
        let mut stream = connect(&path, FILES, Duration::from_secs(10)).unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "hello");
        host.join().unwrap();
    }

    #[test]
    fn something_else_that_answers_is_shown() {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        far.write_all(b"HTTP/1.1 400 Bad Request\n").unwrap();
        let refused = ask_for_port(&mut near, FILES).unwrap_err().to_string();
        assert!(refused.contains("`HTTP/1.1 400 Bad Request`"), "{refused}");
    }

    const FILES: u32 = super::super::FILES_VSOCK_PORT;
}
