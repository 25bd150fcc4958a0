use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::wire::{FrameError, SOCKET_NAME};

/// How an agent is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentOptions {
    /// Its directory: socket, token, model and inputs lie in it.
    pub directory: PathBuf,
    /// Draw times from this seed instead of measuring.
    pub simulate: Option<u64>,
    /// Have the kernel kill the agent when its parent ends. Not in a container, whose parent
    /// is a runtime that ends after starting it. Beware: the kernel means the parent's
    /// *thread* that started the agent, so the parent must start it from one that lasts.
    pub die_with_parent: bool,
    /// A character device to serve instead of a socket, such as `/dev/vport0p1`.
    pub device: Option<PathBuf>,
    /// Serve clients of the socket that is standard input and already listens, whatever its
    /// family.
    pub listening_stdin: bool,
    /// How long to wait for a connection.
    pub accept_within: Duration,
}

impl AgentOptions {
    /// An agent that measures, waits 60 seconds for a connection, and outlives its parent.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            simulate: None,
            die_with_parent: false,
            device: None,
            listening_stdin: false,
            accept_within: Duration::from_secs(60),
        }
    }
}

/// Why an agent ended otherwise than by being told to.
#[derive(Debug, Error)]
pub enum AgentError {
    /// Its directory cannot be entered.
    #[error("cannot enter the agent's directory {path}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be tied to its parent.
    #[error("cannot ask the kernel to end the agent with its parent")]
    DieWithParent(#[source] io::Error),
    /// Its socket cannot be made.
    #[error(
        "cannot listen on {SOCKET_NAME} in {directory}; the directory must be writable and on a file system with sockets"
    )]
    Listen {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its device cannot be used.
    #[error("cannot use {path} to serve clients")]
    Device {
        /// The device.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nobody came.
    #[error("nobody connected to the agent within {seconds} s; whoever started it may be gone")]
    NobodyConnected {
        /// How long it waited.
        seconds: u64,
    },
    /// A connection could not be accepted.
    #[error("cannot accept a connection")]
    Accept(#[source] io::Error),
    /// The token file cannot be read.
    #[error("cannot read the token of the agent, {path}")]
    Token {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The client was refused.
    #[error("the client was refused: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// The connection failed.
    #[error("the agent lost its client")]
    Wire(#[from] FrameError),
}
