//! What works here, found by trying, remembered for one boot of the host.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use weighbridge_experiment::{Availability, EnvironmentKind, EnvironmentSettings, Sha256Digest};

use super::Host;
use crate::data_directory::create_private;

/// Answers of probes by this executable in this boot.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Remembered {
    executable: Option<Sha256Digest>,
    /// By kind and settings.
    answers: BTreeMap<String, Availability>,
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

    /// The answer for one kind with these settings. What works is remembered; what does not is tried again next
    /// time, since the user may have mended it.
    pub(crate) async fn ask(
        &mut self,
        kind: EnvironmentKind,
        settings: &EnvironmentSettings,
    ) -> Availability {
        let key = key(kind, settings);
        if let Some(answer) = self.remembered.answers.get(&key) {
            return answer.clone();
        }
        let answer = self.host.environment(kind).probe(settings).await;
        if answer.available {
            self.remembered.answers.insert(key, answer.clone());
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

fn key(kind: EnvironmentKind, settings: &EnvironmentSettings) -> String {
    // Settings are plain texts and numbers, so they can always be written.
    format!("{kind} {}", serde_json::to_string(settings).unwrap_or_default())
}
