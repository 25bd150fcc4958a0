use std::fs::{self, File};
use std::io::Write;

use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};
use weighbridge_experiment::RunId;

use crate::data_directory::{DataDirectory, create_private};

/// Held by the one process that conducts a campaign; the system lets go of it when that
/// process ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a campaign, or says which process has it.
    pub(crate) fn take(data: &DataDirectory, campaign: &RunId) -> anyhow::Result<Self> {
        let path = data.campaign_lock(campaign.as_str());
        path.parent().map_or(Ok(()), create_private)?;
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open the lock {}", path.display()))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let holder = fs::read_to_string(&path).unwrap_or_default();
            anyhow::bail!(
                "campaign {campaign} is conducted by process {} already; `weighbridge campaign show \
                 {campaign}` says how far it is",
                holder.trim()
            );
        }
        // Only a hint for the message above: the lock itself is what counts.
        let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}
