//! What a benchmark gives.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that a benchmark measured, or could not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BenchmarkRow {
    /// What was done, such as `random-read, 4 KiB`: unique within a trial, the same in all
    /// environments.
    pub mode: String,
    /// What did it and what read the figures.
    pub instrument: String,
    /// What must be said beside the figures, such as how much came from a cache.
    pub labels: Vec<String>,
    /// The figures, or why there are none.
    #[serde(flatten)]
    pub outcome: BenchmarkOutcome,
}

/// Figures, or the reason why there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BenchmarkOutcome {
    /// It was measured.
    Measured(Measured),
    /// It could not be measured here.
    Missing(Absence),
}

/// The figures of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// The figures; the first is the one that cells are compared by.
    pub quantities: Vec<Quantity>,
    /// Events or requests that the figures stand on.
    pub operations: u64,
    /// How long they took together, seconds of the environment's monotonic clock.
    pub seconds: f64,
    /// Time of each event or request: pairs of the highest time of a bucket, in nanoseconds,
    /// and how many fell into it. Buckets are under 1 % wide. Empty where none was timed.
    pub latency_nanoseconds: Vec<[u64; 2]>,
}

/// A figure with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quantity {
    /// Its unit.
    pub unit: BenchmarkUnit,
    /// The figure.
    pub value: f64,
}

/// Units of benchmarks. A megabyte is 10⁶ bytes, as storage and networks are counted.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum BenchmarkUnit {
    /// Events a second.
    EventsPerSecond,
    /// Requests a second.
    RequestsPerSecond,
    /// 10³ bytes a second.
    KilobytesPerSecond,
    /// 10⁶ bytes a second.
    MegabytesPerSecond,
    /// 10⁹ bytes a second.
    GigabytesPerSecond,
    /// Seconds.
    Seconds,
    /// Instances.
    Instances,
    /// 10⁶ bytes.
    Megabytes,
}

impl BenchmarkUnit {
    /// The unit as it is printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventsPerSecond => "events/s",
            Self::RequestsPerSecond => "IOPS",
            Self::KilobytesPerSecond => "KB/s",
            Self::MegabytesPerSecond => "MB/s",
            Self::GigabytesPerSecond => "GB/s",
            Self::Seconds => "s",
            Self::Instances => "instances",
            Self::Megabytes => "MB",
        }
    }

    /// Whether more of it is better.
    #[must_use]
    pub const fn more_is_better(self) -> bool {
        !matches!(self, Self::Seconds | Self::Megabytes)
    }
}

impl fmt::Display for BenchmarkUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Why a row has no figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Absence {
    /// Which of the known reasons it is.
    pub kind: AbsenceKind,
    /// The reason in words, with what to do.
    pub reason: String,
}

/// Known reasons why an environment cannot do a benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AbsenceKind {
    /// The file system refuses requests that pass its cache by.
    DirectRefused,
    /// A tool that was asked for is not in the environment.
    ToolMissing,
    /// The environment has too little memory for it.
    TooLittleMemory,
    /// The environment has no way to the other host.
    NoRoute,
    /// It was tried and failed.
    Failed,
}

impl BenchmarkRow {
    /// A row without figures.
    #[must_use]
    pub fn missing(mode: String, instrument: String, kind: AbsenceKind, reason: String) -> Self {
        let outcome = BenchmarkOutcome::Missing(Absence { kind, reason });
        Self { mode, instrument, labels: Vec::new(), outcome }
    }

    /// Its figures, where it has any.
    #[must_use]
    pub const fn measured(&self) -> Option<&Measured> {
        match &self.outcome {
            BenchmarkOutcome::Measured(measured) => Some(measured),
            BenchmarkOutcome::Missing(_) => None,
        }
    }
}
