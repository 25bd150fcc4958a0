//! A campaign: the same experiment in every slot of a schedule, and what became of each slot.
//!
//! [`next_step`] is the one place that decides what a campaign does next, from records and a
//! given time. Does not know how a slot is run, nor any clock.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{RunId, Schedule, Sha256Digest};

/// Format of a campaign record, as it stands in every stored one.
pub const CAMPAIGN_FORMAT: &str = "weighbridge.campaign/1";

/// What is written down before the first slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CampaignHeader {
    /// Always [`CAMPAIGN_FORMAT`] when written by this version.
    pub format: String,
    /// Name of the campaign, of the same form as a run's.
    pub id: RunId,
    /// When it began.
    pub started: Timestamp,
    /// Version of Weighbridge that wrote it.
    pub tool_version: String,
    /// Name of its experiment.
    pub name: String,
    /// The experiment file, with paths made absolute, so that a later process asks the same.
    pub asked: String,
    /// Digest of the executable that runs as the agent. Slots of another one are not run.
    pub executable_sha256: Sha256Digest,
    /// The rule from which the times follow.
    pub schedule: Schedule,
    /// When each slot is due, in order.
    pub slots: Vec<Timestamp>,
    /// How late a slot may begin, in seconds.
    pub late_seconds: u64,
}

/// Something that happened to a slot. Only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlotEvent {
    /// When.
    pub at: Timestamp,
    /// Which slot, from 0.
    pub slot: u32,
    /// What.
    #[serde(flatten)]
    pub kind: SlotEventKind,
}

/// What can happen to a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum SlotEventKind {
    /// Its run is about to begin.
    Begun {
        /// The run.
        run: RunId,
    },
    /// Its run went on after the process was stopped or killed.
    Resumed,
    /// All trials of its run are there.
    Finished,
    /// Its run has ended before all trials were there, and will not go on.
    CutShort {
        /// Why.
        reason: String,
    },
    /// It was never run.
    Missed {
        /// Why.
        reason: String,
    },
}

/// A campaign as it is read back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CampaignRecord {
    /// Written before the first slot.
    pub header: CampaignHeader,
    /// In the order in which they happened.
    pub events: Vec<SlotEvent>,
}

/// How far a slot came. Derived from events, never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotState {
    /// Nothing has happened.
    Waiting,
    /// Its run has begun and nothing says that it ended: at work, or killed.
    Begun {
        /// The run.
        run: RunId,
        /// When it begun or was last resumed.
        at: Timestamp,
    },
    /// All its trials are there.
    Finished {
        /// The run.
        run: RunId,
    },
    /// Some of its trials are there.
    CutShort {
        /// The run.
        run: RunId,
        /// Why it ended.
        reason: String,
    },
    /// It was never run.
    Missed {
        /// Why.
        reason: String,
    },
}

impl SlotState {
    /// Whether nothing more will happen to it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Finished { .. } | Self::CutShort { .. } | Self::Missed { .. })
    }

    /// Its run, where there is one.
    #[must_use]
    pub const fn run(&self) -> Option<&RunId> {
        match self {
            Self::Begun { run, .. } | Self::Finished { run } | Self::CutShort { run, .. } => {
                Some(run)
            }
            Self::Waiting | Self::Missed { .. } => None,
        }
    }
}

impl CampaignRecord {
    /// The state of every slot.
    #[must_use]
    pub fn states(&self) -> Vec<SlotState> {
        let mut states = vec![SlotState::Waiting; self.header.slots.len()];
        for event in &self.events {
            if let Some(state) = states.get_mut(event.slot as usize) {
                *state = after(state, event);
            }
        }
        states
    }

    /// Whether every slot is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.states().iter().all(SlotState::is_over)
    }
}

fn after(state: &SlotState, event: &SlotEvent) -> SlotState {
    match (&event.kind, state.run()) {
        (SlotEventKind::Begun { run }, _) => SlotState::Begun { run: run.clone(), at: event.at },
        (SlotEventKind::Resumed, Some(run)) => SlotState::Begun { run: run.clone(), at: event.at },
        (SlotEventKind::Finished, Some(run)) => SlotState::Finished { run: run.clone() },
        (SlotEventKind::CutShort { reason }, Some(run)) => {
            SlotState::CutShort { run: run.clone(), reason: reason.clone() }
        }
        (SlotEventKind::Missed { reason }, _) => SlotState::Missed { reason: reason.clone() },
        // An end without a beginning means nothing.
        (_, None) => state.clone(),
    }
}

/// What a campaign does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write down that this slot was missed.
    Miss {
        /// The slot.
        slot: u32,
        /// Why.
        reason: String,
    },
    /// Write down that the run of this slot will not go on.
    CutShort {
        /// The slot.
        slot: u32,
        /// Why.
        reason: String,
    },
    /// Go on with the run of this slot.
    Resume {
        /// The slot.
        slot: u32,
        /// Its run.
        run: RunId,
    },
    /// Begin this slot.
    Begin {
        /// The slot.
        slot: u32,
    },
    /// Do nothing until then.
    Wait {
        /// The slot that is next.
        slot: u32,
        /// When it is due.
        until: Timestamp,
    },
    /// Every slot is over.
    Done,
}

/// What comes next at the time `now`, for a process that runs one slot after another.
///
/// A slot that is late by more than the header allows is missed, whatever held it up. A run
/// that was cut off is taken up again only within the same time of its slot's due time: what
/// is measured hours later belongs to another hour of the day.
#[must_use]
pub fn next_step(record: &CampaignRecord, now: Timestamp) -> Step {
    let late = i64::try_from(record.header.late_seconds).unwrap_or(i64::MAX);
    let late = SignedDuration::from_secs(late);
    let states = record.states();
    for (index, (state, due)) in states.iter().zip(&record.header.slots).enumerate() {
        let slot = u32::try_from(index).unwrap_or(u32::MAX);
        let over = due.duration_until(now);
        let too_late = over > late;
        match state {
            SlotState::Begun { .. } if too_late => {
                let reason = format!(
                    "stopped before its end; it could go on only {:#} after its time, and {late:#} is allowed",
                    rounded(over)
                );
                return Step::CutShort { slot, reason };
            }
            SlotState::Begun { run, .. } => return Step::Resume { slot, run: run.clone() },
            SlotState::Waiting if *due > now => return Step::Wait { slot, until: *due },
            SlotState::Waiting if too_late => {
                return Step::Miss { slot, reason: missed_because(record, index, *due, over) };
            }
            SlotState::Waiting => return Step::Begin { slot },
            _ => {}
        }
    }
    Step::Done
}

/// Why a slot could not begin in time: the one before it was still at work, or nobody was.
fn missed_because(
    record: &CampaignRecord,
    index: usize,
    due: Timestamp,
    over: SignedDuration,
) -> String {
    let last = record.events.iter().rev().find(|event| {
        (event.slot as usize) < index && !matches!(event.kind, SlotEventKind::Missed { .. })
    });
    match last {
        // Ended after this slot was due: it ran into it.
        Some(event) if event.kind == SlotEventKind::Finished && event.at > due => {
            format!("slot {} was still being run until {}", event.slot + 1, event.at)
        }
        _ => format!(
            "nothing was running the campaign at its time; noticed {:#} later",
            rounded(over)
        ),
    }
}

/// To the minute where it is long: nobody asks for the seconds of a day.
fn rounded(duration: SignedDuration) -> SignedDuration {
    let seconds = duration.as_secs();
    SignedDuration::from_secs(if seconds >= 3_600 { seconds / 60 * 60 } else { seconds })
}

#[cfg(test)]
mod tests;
