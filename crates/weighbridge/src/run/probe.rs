//! What works here, found by trying, remembered for one boot of the host.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use weighbridge_experiment::{Availability, EnvironmentKind, Sha256Digest};

use super::Host;
use crate::data_directory::create_private;

/// Answers of probes by this executable in this boot.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Remembered {
    executable: Option<Sha256Digest>,
    answers: BTreeMap<EnvironmentKind, Availability>,
}

/// Asks each environment once whether it works.
pub(crate) struct Probes<'a> {
    host: &'a Host,
    path: PathBuf,
    remembered: Remembered,
}

impl<'a> Probes<'a> {
    /// With what was found since the last boot by this very executable.
    pub(crate) fn remembered(host: &'a Host) -> Self {
        let path = host.data.probes(&host.owner.boot_id);
        // A file that cannot be read costs one more probe, nothing else.
        let remembered = fs::read(&path)
            .ok()
            .and_then(|text| serde_json::from_slice::<Remembered>(&text).ok())
            .filter(|found| found.executable.as_ref() == Some(&host.executable_sha256))
            .unwrap_or_default();
        Self { host, path, remembered }
    }

    /// Without what was found before.
    pub(crate) fn afresh(host: &'a Host) -> Self {
        Self {
            host,
            path: host.data.probes(&host.owner.boot_id),
            remembered: Remembered::default(),
        }
    }

    /// The answer for one kind. What works is remembered; what does not is tried again next
    /// time, since the user may have mended it.
    pub(crate) async fn ask(&mut self, kind: EnvironmentKind) -> Availability {
        if let Some(answer) = self.remembered.answers.get(&kind) {
            return answer.clone();
        }
        let answer = self.host.environment(kind).probe().await;
        if answer.available {
            self.remembered.answers.insert(kind, answer.clone());
            self.remembered.executable = Some(self.host.executable_sha256.clone());
            self.keep();
        }
        answer
    }

    /// Losing the file costs one probe, so a failure to write it is no error.
    fn keep(&self) {
        let Ok(text) = serde_json::to_vec(&self.remembered) else { return };
        let partial = self.path.with_extension("partial");
        let _ = self
            .path
            .parent()
            .and_then(|directory| create_private(directory).ok())
            .and_then(|()| fs::write(&partial, text).ok())
            .and_then(|()| fs::rename(&partial, &self.path).ok());
    }
}
