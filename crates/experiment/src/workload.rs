use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::EngineWish;

/// The applications that ship with Weighbridge.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ApplicationName {
    /// Removes rain streaks from a photograph.
    Derain,
    /// Says whether a traffic light is red, yellow, green or off.
    TrafficLight,
}

impl ApplicationName {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 2] = [Self::Derain, Self::TrafficLight];

    /// The name as it is written in files and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Derain => "derain",
            Self::TrafficLight => "traffic-light",
        }
    }

    /// The application of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|application| application.as_str() == name)
    }
}

impl fmt::Display for ApplicationName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// One workload as asked, checked but not resolved: paths are as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkloadSpec {
    /// Its name; the application's unless given.
    pub name: String,
    /// The application to run.
    pub application: ApplicationName,
    /// A model in place of the application's own.
    pub model: Option<String>,
    /// A file or a directory of inputs in place of the shipped samples.
    pub inputs: Option<String>,
    /// Inputs taken, in turn, for each trial.
    pub inputs_per_trial: Option<u32>,
    /// Trials in each environment.
    pub trials: u32,
    /// Passes over the inputs before the timed one, kept and shown apart.
    pub warmup: u32,
    /// Threads of the engine; the environment's CPUs unless given.
    pub threads: Option<u32>,
    /// The engine.
    #[serde(default)]
    pub engine: EngineWish,
}
