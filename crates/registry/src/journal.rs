use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use weighbridge_experiment::{Resource, RunId};

use crate::RegistryError;

/// A process, named so that no later one can be taken for it: process numbers are used
/// again, and start times repeat after a reboot, but not all three together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// The boot of the machine, `/proc/sys/kernel/random/boot_id` on Linux.
    pub boot_id: String,
    /// Number of the process.
    pub process: u32,
    /// When it started, in clock ticks since boot: field 22 of `/proc/PID/stat` on Linux.
    pub process_start_ticks: u64,
}

/// Name of one entry of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JournalId(pub i64);

impl fmt::Display for JournalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// One resource that was to be made, and that nobody has written down as gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournalEntry {
    /// Its name.
    pub id: JournalId,
    /// The run that it was made for; none where it was made for a probe.
    pub run: Option<RunId>,
    /// All that is needed to find and to remove it.
    pub resource: Resource,
    /// Who was about to make it.
    pub owner: Owner,
    /// Whether it was written down as made. Where not, it may exist all the same: its
    /// owner may have died between the two.
    pub created: bool,
}

/// Resources on the host, written down before they are made, so that whoever comes after a
/// killed process finds what it left behind.
///
/// The order is [`intend`](Self::intend), make, [`created`](Self::created), use, remove,
/// check that it is gone, [`gone`](Self::gone). Steps may be written twice: two processes
/// may clean up at the same time.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Writes down that a resource is about to be made.
    ///
    /// The run need not have begun.
    ///
    /// # Errors
    ///
    /// What storage gives. The resource must not be made then.
    async fn intend(
        &self,
        run: Option<&RunId>,
        resource: &Resource,
        owner: &Owner,
    ) -> Result<JournalId, RegistryError>;

    /// Writes down that the resource exists.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoSuchJournalEntry`]; what storage gives.
    async fn created(&self, id: JournalId) -> Result<(), RegistryError>;

    /// Writes down that the resource was removed and was seen to be gone.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoSuchJournalEntry`]; what storage gives.
    async fn gone(&self, id: JournalId) -> Result<(), RegistryError>;

    /// Everything that is not written down as gone, oldest first.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Damaged`]; what storage gives.
    async fn outstanding(&self) -> Result<Vec<JournalEntry>, RegistryError>;
}
