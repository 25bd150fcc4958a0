use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use weighbridge_experiment::Endpoint;

pub(super) fn name(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::UnixSocket(path) => path.display().to_string(),
        Endpoint::Tcp(address) => address.to_string(),
    }
}

pub(super) async fn connect_tcp(address: SocketAddr, within: Duration) -> io::Result<TcpStream> {
    let stream = timeout(within, TcpStream::connect(address))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream.set_nodelay(true)?;
    Ok(stream)
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
