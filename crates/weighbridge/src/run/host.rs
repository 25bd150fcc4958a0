use std::path::PathBuf;
use std::sync::Arc;

use weighbridge_environment::{Environment, FirecrackerEnvironment, QemuEnvironment};
use weighbridge_experiment::{EnvironmentKind, Sha256Digest};
use weighbridge_registry::{Owner, SqliteRegistry};

use crate::clock::Clock;
use crate::data_directory::DataDirectory;

/// What every stage of a run needs of this host and process.
pub(crate) struct Host {
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) data: DataDirectory,
    pub(crate) registry: SqliteRegistry,
    /// This process, so that a later one can tell whether it still lives.
    pub(crate) owner: Owner,
    /// The executable that runs as the agent.
    pub(crate) executable: PathBuf,
    /// Its digest.
    pub(crate) executable_sha256: Sha256Digest,
}

impl Host {
    /// The environment of a kind.
    pub(crate) fn environment(&self, kind: EnvironmentKind) -> Arc<dyn Environment> {
        match kind {
            EnvironmentKind::Qemu => {
                Arc::new(QemuEnvironment::new(self.data.guests(), self.executable.clone()))
            }
            EnvironmentKind::Firecracker => {
                Arc::new(FirecrackerEnvironment::new(self.data.guests(), self.executable.clone()))
            }
            kind => Arc::from(weighbridge_environment::open(kind)),
        }
    }
}
