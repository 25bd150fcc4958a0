use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{CellKey, EnvironmentFacts, HostFacts, Plan, TrialRecord};

/// Format of a run record, as it stands in every stored one.
pub const RUN_FORMAT: &str = "weighbridge.run/1";

/// Name of a run: 12 characters of lower-case hexadecimal.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct RunId(String);

/// The text is not the id of a run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not the id of a run; an id is 12 characters of 0-9 and a-f")]
pub struct RunIdError(String);

impl RunId {
    /// The id made of 48 random bits.
    #[must_use]
    pub fn from_random(bits: u64) -> Self {
        Self(format!("{:012x}", bits & 0xffff_ffff_ffff))
    }

    /// The 12 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, RunIdError> {
        let valid =
            text.len() == 12 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if valid { Ok(Self(text.to_owned())) } else { Err(RunIdError(text.to_owned())) }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// How far a run came. Derived from its events, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Begun, and not ended in any way that was written down: at work, or killed.
    Unfinished,
    /// Stopped by the user; can be resumed.
    Interrupted,
    /// All trials are there; some may have failed.
    Finished,
}

impl RunStatus {
    /// The word that is printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::Interrupted => "interrupted",
            Self::Finished => "finished",
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// What is written down before the first trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunHeader {
    /// Always [`RUN_FORMAT`] when written by this version.
    pub format: String,
    /// Name of the run.
    pub id: RunId,
    /// When it began.
    pub started: Timestamp,
    /// Version of Weighbridge that wrote it.
    pub tool_version: String,
    /// What was asked: the experiment file as the user wrote it, with the changes that
    /// options made written as a file again.
    pub asked: String,
    /// What was resolved from it.
    pub plan: Plan,
    /// The host.
    pub host: HostFacts,
}

/// Something that happened to a run. Events are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunEvent {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: RunEventKind,
}

/// What can happen to a run after it began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEventKind {
    /// The facts of one environment, read inside it.
    Described(EnvironmentFacts),
    /// A trial was done again because the host disturbed it.
    Repeated(RepeatedTrial),
    /// The user stopped it.
    Interrupted,
    /// It went on after it was interrupted or killed.
    Resumed,
    /// All trials are there.
    Finished,
}

/// A measurement that was given up for another try, so that nobody has to wonder which ones
/// were left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepeatedTrial {
    /// Its block.
    pub block: u32,
    /// Its cell.
    pub cell: CellKey,
    /// What disturbed it.
    pub reasons: Vec<String>,
    /// What was measured, the whole trial by the agent's clock.
    pub total_nanoseconds: u64,
}

/// A run as it is read back: header, events and trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    /// Written before the first trial.
    pub header: RunHeader,
    /// In the order in which they happened.
    pub events: Vec<RunEvent>,
    /// In the order in which they were finished.
    pub trials: Vec<TrialRecord>,
}

impl RunRecord {
    /// How far it came: the last event that says so.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        RunStatus::after(self.events.iter().map(|event| &event.kind))
    }

    /// Whether it was ever resumed.
    #[must_use]
    pub fn resumed(&self) -> bool {
        self.events.iter().any(|event| event.kind == RunEventKind::Resumed)
    }

    /// When it finished.
    #[must_use]
    pub fn finished(&self) -> Option<Timestamp> {
        self.events
            .iter()
            .rev()
            .find(|event| event.kind == RunEventKind::Finished)
            .map(|event| event.at)
    }

    /// The facts of one environment.
    #[must_use]
    pub fn environment_facts(&self, environment: &str) -> Option<&HostFacts> {
        self.events.iter().find_map(|event| match &event.kind {
            RunEventKind::Described(described) if described.environment == environment => {
                Some(&described.facts)
            }
            _ => None,
        })
    }
}

impl RunStatus {
    /// The status after these events.
    pub fn after<'a>(events: impl Iterator<Item = &'a RunEventKind>) -> Self {
        events.fold(Self::Unfinished, |status, event| match event {
            RunEventKind::Described(_) | RunEventKind::Repeated(_) => status,
            RunEventKind::Interrupted => Self::Interrupted,
            RunEventKind::Resumed => Self::Unfinished,
            RunEventKind::Finished => Self::Finished,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_twelve_hexadecimal_digits() {
        let id = RunId::from_random(0xfeed_0123_4567_89ab);
        assert_eq!(id.as_str(), "0123456789ab");
        assert_eq!("0123456789ab".parse(), Ok(id));
        assert!("0123456789AB".parse::<RunId>().is_err());
        assert!("latest".parse::<RunId>().is_err());
    }

    #[test]
    fn status_follows_the_last_event_that_says_so() {
        use RunEventKind::{Finished, Interrupted, Resumed};
        assert_eq!(RunStatus::after([].iter()), RunStatus::Unfinished);
        assert_eq!(RunStatus::after([Interrupted].iter()), RunStatus::Interrupted);
        assert_eq!(RunStatus::after([Interrupted, Resumed].iter()), RunStatus::Unfinished);
        assert_eq!(RunStatus::after([Resumed, Finished].iter()), RunStatus::Finished);
    }
}
