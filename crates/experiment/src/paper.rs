//! Processor use as the edge paper read it: in each kind of environment by another tool.
//!
//! That is shown beside the one instrument that all environments share, never in its place:
//! figures of two tools differ also where the environments do not.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Instrument;

/// Which instruments read processor use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InstrumentChoice {
    /// The same one in every environment.
    #[default]
    One,
    /// That one, and beside it what the edge paper used for the kind of environment.
    Paper,
}

impl InstrumentChoice {
    /// Their names, as they are written in files and options.
    pub const NAMES: [&'static str; 2] = ["one", "paper"];

    /// The name as it is written in files and options.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Paper => "paper",
        }
    }

    /// The choice of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::One, Self::Paper].into_iter().find(|choice| choice.as_str() == name)
    }

    /// Whether nothing else was chosen: records leave it out then.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
    pub const fn is_one(&self) -> bool {
        matches!(self, Self::One)
    }
}

impl fmt::Display for InstrumentChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// What the edge paper's tool for an environment would read of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaperTarget {
    /// A container of a daemon: `docker stats`.
    Daemon {
        /// The daemon's unix socket.
        socket: PathBuf,
        /// The container's name there.
        container: String,
    },
    /// A container without a daemon: its cgroup, counted as `docker stats` does.
    Cgroup {
        /// Path below each controller's mount point, without a leading `/`.
        path: String,
    },
    /// A virtual machine: `top` of the hypervisor's process.
    Hypervisor {
        /// Its number on this host.
        process: u32,
    },
    /// The paper had no such environment, or nothing can be read.
    Nothing {
        /// Why.
        reason: String,
    },
}

/// Processor use of one trial as the paper's tool showed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaperCpu {
    /// The tool, or why there is none.
    pub instrument: Instrument,
    /// Each figure it showed: seconds since the trial's start, and per cent of one core.
    pub percents: Vec<[f64; 2]>,
}

impl PaperCpu {
    /// Nothing, for a reason.
    #[must_use]
    pub fn missing(reason: impl Into<String>) -> Self {
        Self { instrument: Instrument::Missing(reason.into()), percents: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_known_by_their_names() {
        for name in InstrumentChoice::NAMES {
            let choice = InstrumentChoice::from_name(name).expect("known");
            assert_eq!(serde_json::to_string(&choice).expect("text"), format!("\"{name}\""));
        }
        assert_eq!(InstrumentChoice::from_name("two"), None);
        assert!(InstrumentChoice::default().is_one());
    }
}
