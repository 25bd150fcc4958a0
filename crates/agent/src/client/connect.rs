use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use weighbridge_experiment::Endpoint;

pub(super) fn name(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::UnixSocket(path) => path.display().to_string(),
        Endpoint::Tcp(address) => address.to_string(),
        Endpoint::GuestPort { socket, port } => format!("port {port} behind {}", socket.display()),
    }
}

pub(super) async fn connect_tcp(address: SocketAddr, within: Duration) -> io::Result<TcpStream> {
    let stream = timeout(within, TcpStream::connect(address))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The answer is `OK` and a number; anything much longer is none.
const ANSWER_BYTES_MAX: usize = 64;

/// Asks the socket for a port of the guest. As long as nobody listens there, the connection is
/// dropped without an answer, which is a refusal.
pub(super) async fn connect_guest(
    socket: &Path,
    port: u32,
    within: Duration,
) -> io::Result<UnixStream> {
    let mut stream = connect_unix(socket).await?;
    timeout(within, ask_for_port(&mut stream, port))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok(stream)
}

async fn ask_for_port<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    port: u32,
) -> io::Result<()> {
    let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
    let gone = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
    let of = |error: io::Error| if gone.contains(&error.kind()) { refused() } else { error };
    stream.write_all(format!("CONNECT {port}\n").as_bytes()).await.map_err(of)?;
    let mut answer = Vec::new();
    // One byte at a time: what follows belongs to whoever listens inside.
    while answer.last() != Some(&b'\n') {
        let mut byte = [0];
        if stream.read(&mut byte).await.map_err(of)? == 0 {
            return Err(refused());
        }
        answer.push(byte[0]);
        if answer.len() > ANSWER_BYTES_MAX {
            break;
        }
    }
    if answer.starts_with(b"OK ") && answer.ends_with(b"\n") {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&answer).trim().to_owned();
    Err(io::Error::other(format!("asked for port {port}, it said `{said}`")))
}

/// Bytes of a socket's path that the kernel takes.
const SOCKET_PATH_BYTES_MAX: usize = 107;

pub(super) async fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return UnixStream::connect(path).await;
    }
    let (Some(directory), Some(file)) = (path.parent(), path.file_name()) else {
        return UnixStream::connect(path).await;
    };
    // The opened directory is a short name for the long one as long as it is open.
    let opened = rustix::fs::open(
        directory,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd())).join(file);
    let connected = UnixStream::connect(short).await;
    drop(opened);
    connected
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(answer: &'static [u8]) -> (io::Result<()>, Vec<u8>) {
        let (mut near, mut far) = tokio::io::duplex(256);
        let other = tokio::spawn(async move {
            let mut request = vec![0; b"CONNECT 1024\n".len()];
            far.read_exact(&mut request).await.unwrap();
            assert_eq!(request, b"CONNECT 1024\n");
            far.write_all(answer).await.unwrap();
        });
        let outcome = ask_for_port(&mut near, 1024).await;
        other.await.unwrap();
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).await.unwrap();
        (outcome, rest)
    }

    #[tokio::test]
    async fn a_port_is_open_after_the_answer_and_not_one_byte_later() {
        let (outcome, rest) = asked(b"OK 1073741824\nhello").await;
        outcome.unwrap();
        assert_eq!(rest, b"hello");
    }

    #[tokio::test]
    async fn no_answer_is_a_refusal_and_another_one_is_shown() {
        let (nobody, _) = asked(b"").await;
        assert_eq!(nobody.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let (cut, _) = asked(b"OK 10").await;
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let (other, _) = asked(b"HTTP/1.1 400 Bad Request\n").await;
        assert!(other.unwrap_err().to_string().contains("HTTP/1.1 400"));
        let (endless, _) = asked(&[b'x'; 200]).await;
        assert!(endless.is_err());
    }
}
