//! What was decided for one guest, kept in its directory for whoever asks later.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use weighbridge_experiment::{Resource, StartMode};

use crate::error::EnvironmentError;
use crate::guest::GuestAddress;
use crate::layout::{Layout, read_record};

/// What a guest was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GuestRecord {
    pub(super) kernel: String,
    pub(super) processors: u32,
    pub(super) memory_mebibytes: u64,
    pub(super) image_bytes: u64,
    /// The directory that holds its files and sockets.
    pub(super) room: PathBuf,
    pub(super) jailed: bool,
    pub(super) start: StartMode,
    /// `None` where it has no interface.
    pub(super) network: Option<GuestAddress>,
}

/// The record of an instance that exists.
pub(super) fn of(resource: &Resource) -> Result<GuestRecord, EnvironmentError> {
    let layout = Layout::of(resource)?;
    read_record(&layout.guest())?.ok_or_else(|| EnvironmentError::NotRunning {
        instance: resource.instance.clone(),
        reason: "it was never started, or is destroyed".into(),
    })
}
