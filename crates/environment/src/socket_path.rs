//! Connecting to unix sockets whose path is longer than the kernel takes (107 bytes).
//!
//! Does not know who listens.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

const PATH_BYTES_MAX: usize = 107;

/// Connects to the socket at this path, however long that is.
pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    if path.as_os_str().len() <= PATH_BYTES_MAX {
        return UnixStream::connect(path);
    }
    let (Some(directory), Some(file)) = (path.parent(), path.file_name()) else {
        return UnixStream::connect(path);
    };
    // The opened directory is a short name for the long one as long as it is open.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(directory, flags, Mode::empty())?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd())).join(file);
    UnixStream::connect(short)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_socket_behind_a_long_path_is_reached() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let short = place.path().join("s");
        let _listener = UnixListener::bind(&short).unwrap();
        std::fs::rename(&short, deep.join("s")).unwrap();
        connect(&deep.join("s")).unwrap();
        assert!(connect(&deep.join("none")).is_err());
    }
}
