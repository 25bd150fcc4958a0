//! What a service is told before it starts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use weighbridge_experiment::{ApplicationName, Sha256Digest};

use crate::pool::MakeSession;

/// The wall clock of the host, handed in: what is kept has an age.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// One application with its model.
pub struct ModelSettings {
    /// The application.
    pub application: ApplicationName,
    /// File name of the model.
    pub file: String,
    /// Digest of the model.
    pub sha256: Sha256Digest,
    /// What must be said next to every result.
    pub notes: Vec<String>,
    /// Loads the model for one worker.
    pub make: MakeSession,
    /// Inferences at the same time.
    pub workers: usize,
    /// Requests that may wait for a worker.
    pub queue: usize,
}

/// Bounds on what a client may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest body of a request, in bytes.
    pub body_bytes: usize,
    /// Bytes of all bodies that are held at once; beyond it requests are refused.
    pub bodies_bytes: usize,
    /// Longest time that a request may wait and be worked on.
    pub deadline: Duration,
    /// Longest time to send a request's head, and longest rest of a connection.
    pub head_timeout: Duration,
    /// Longest time to send a request's body.
    pub body_timeout: Duration,
    /// Connections that may be open at once.
    pub connections: usize,
    /// Longest wait for requests that run when the service is stopped.
    pub drain: Duration,
    /// Most values that tensors of one request may hold together.
    pub tensor_values: usize,
}

impl Default for Limits {
    /// A photo of 40 megapixels fits; the tensors are those of a photo of 1.4 megapixels.
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            bodies_bytes: 256 << 20,
            deadline: Duration::from_secs(60),
            head_timeout: Duration::from_secs(20),
            body_timeout: Duration::from_secs(30),
            connections: connections_allowed().min(16_384),
            drain: Duration::from_secs(30),
            tensor_values: 4 << 20,
        }
    }
}

/// File descriptors beside those of connections: files of the store, the engine's library.
pub(crate) const OTHER_DESCRIPTORS: usize = 256;

/// As many connections as the hard limit of file descriptors leaves.
fn connections_allowed() -> usize {
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    most.and_then(|most| usize::try_from(most).ok())
        .map_or(usize::MAX, |most| most.saturating_sub(OTHER_DESCRIPTORS).max(1))
}

/// Where results are kept, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// A directory; memory unless given.
    pub directory: Option<PathBuf>,
    /// Most bytes that are kept; the oldest results go first.
    pub bytes_max: u64,
    /// Results older than this go.
    pub age_max: Duration,
}

/// The certificate and key that a service shows, both PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The chain, the service's own certificate first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A service to be started.
pub struct ServiceSettings {
    /// Where it listens; port 0 is any free one.
    pub listen: SocketAddr,
    /// What it serves: at least one.
    pub models: Vec<ModelSettings>,
    /// The token that every request must bear.
    pub token: Option<String>,
    /// Encrypts, where given.
    pub tls: Option<TlsSettings>,
    /// Bounds.
    pub limits: Limits,
    /// Where results of the pages are kept.
    pub store: StoreSettings,
    /// The wall clock.
    pub clock: Clock,
}
