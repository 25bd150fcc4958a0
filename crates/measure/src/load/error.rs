use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A load cannot begin, or its record cannot be put together.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The name of the target has no address.
    #[error("cannot resolve `{host}`; check the name, and that this host can ask a name server")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The target does not take a connection.
    #[error("cannot connect to {target}: {reason}; check that the service runs and listens there")]
    Connect {
        /// The address.
        target: String,
        /// What happened.
        reason: String,
    },
    /// A file of bodies cannot be read.
    #[error("cannot read the body {}", path.display())]
    Body {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A directory of bodies holds no file.
    #[error("{} holds no file to send; directories within it are not looked into", path.display())]
    NoBodies {
        /// The directory.
        path: PathBuf,
    },
    /// All bodies together are too large to keep in memory.
    #[error(
        "the bodies take {bytes} bytes, more than the {limit} that are kept in memory; give fewer or smaller files"
    )]
    BodiesTooLarge {
        /// Bytes of those read so far.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A method, path or header that HTTP does not allow.
    #[error("request `{name}` cannot be written as HTTP")]
    Request {
        /// The request.
        name: String,
        /// Why.
        source: hyper::http::Error,
    },
    /// There are fewer file descriptors than connections.
    #[error(
        "{connections} connections need {needed} file descriptors and this process may open {limit}; raise the hard limit (`ulimit -Hn`, LimitNOFILE= of systemd), or take fewer users"
    )]
    Descriptors {
        /// Connections asked for.
        connections: u32,
        /// Descriptors needed.
        needed: u64,
        /// Descriptors there are.
        limit: u64,
    },
    /// Certificates to trust cannot be used.
    #[error(
        "the certificates to trust cannot be used: {reason}; give a file with PEM certificates"
    )]
    Certificates {
        /// Why.
        reason: String,
    },
    /// A thread or its runtime cannot be started.
    #[error("cannot start a sending thread")]
    Thread {
        /// Why.
        source: io::Error,
    },
    /// A sending thread ended by a defect of its own.
    #[error("a sending thread ended before its load did; this is a defect of weighbridge")]
    ThreadLost,
    /// A histogram cannot be read.
    #[error("a histogram cannot be read: {reason}")]
    Histogram {
        /// Why.
        reason: String,
    },
    /// Records of different loads cannot be merged.
    #[error("these records are of different loads and cannot be merged")]
    DifferentLoads,
}
