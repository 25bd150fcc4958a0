use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use weighbridge_experiment::{
    CellKey, RunEvent, RunHeader, RunId, RunRecord, RunStatus, TrialRecord,
};

use crate::RegistryError;

/// One run in a list: what can be said of it without reading its trials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// Its name.
    pub id: RunId,
    /// Name of its experiment.
    pub name: String,
    /// When it began.
    pub started: Timestamp,
    /// How far it came.
    pub status: RunStatus,
    /// When it finished, if it did.
    pub finished: Option<Timestamp>,
    /// Whether it was ever resumed.
    pub resumed: bool,
    /// Trials that are written down, failed ones included.
    pub trials_done: u64,
    /// Those of them that failed.
    pub trials_failed: u64,
    /// Trials that its plan asks for.
    pub trials_asked: u64,
    /// Names of its environments, as its plan orders them.
    pub environments: Vec<String>,
    /// Names of its workloads, as its plan orders them.
    pub workloads: Vec<String>,
    /// Version of Weighbridge that wrote it.
    pub tool_version: String,
}

/// Runs: begun once, then only added to.
///
/// A method that writes returns when what it wrote survives the death of this process and
/// of the machine; until then nothing is promised.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Writes down a run before its first trial.
    ///
    /// # Errors
    ///
    /// [`RegistryError::DuplicateRun`] where the id is taken; what storage gives.
    async fn begin(&self, header: &RunHeader) -> Result<(), RegistryError>;

    /// Adds a trial, measured or failed.
    ///
    /// # Errors
    ///
    /// [`RegistryError::DuplicateTrial`] where that cell has a trial in that block already,
    /// [`RegistryError::NoSuchRun`], [`RegistryError::NewerRecord`]; what storage gives.
    async fn append_trial(&self, run: &RunId, trial: &TrialRecord) -> Result<(), RegistryError>;

    /// Adds something that happened.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoSuchRun`], [`RegistryError::NewerRecord`]; what storage gives.
    async fn append_event(&self, run: &RunId, event: &RunEvent) -> Result<(), RegistryError>;

    /// The whole run: events and trials in the order in which they were added.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoSuchRun`], [`RegistryError::NewerRecord`],
    /// [`RegistryError::Damaged`]; what storage gives.
    async fn get(&self, run: &RunId) -> Result<RunRecord, RegistryError>;

    /// All runs, the one begun last first.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Damaged`]; what storage gives.
    async fn list(&self) -> Result<Vec<RunSummary>, RegistryError>;

    /// The run that a user means by `latest` (the one begun last), an id, or the first
    /// characters of one.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoRuns`], [`RegistryError::NoSuchRun`] or
    /// [`RegistryError::AmbiguousRun`] with the candidates; what storage gives.
    async fn find(&self, reference: &str) -> Result<RunId, RegistryError>;

    /// The trials that are written down, by block and cell: what a resumed run leaves out.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoSuchRun`], [`RegistryError::NewerRecord`]; what storage gives.
    async fn done(&self, run: &RunId) -> Result<BTreeSet<(u32, CellKey)>, RegistryError>;
}
