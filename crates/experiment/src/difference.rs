//! What may differ between two cells besides the place in which they run.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that must be the same in two cells before they are compared, unless the user
/// says that it may differ; the comparison is then labelled with the difference.
///
/// Two things are not here since they cannot be waived: model and inputs, which belong to
/// the workload, and whether times were measured or simulated.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// A processor emulated in software against a real one.
    Accelerator,
    /// Threads of the engine.
    Threads,
    /// CPUs allotted to the instance.
    Cpus,
    /// Memory allotted to the instance.
    Memory,
    /// Whether files pass the host's page cache: throughput of files only.
    DiskCache,
    /// The engine, its version or the instruction set that it uses.
    Engine,
    /// What was computed, by digest.
    Results,
}

impl Difference {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Accelerator,
        Self::Threads,
        Self::Cpus,
        Self::Memory,
        Self::DiskCache,
        Self::Engine,
        Self::Results,
    ];

    /// The name as it is written in files and options.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accelerator => "accelerator",
            Self::Threads => "threads",
            Self::Cpus => "cpus",
            Self::Memory => "memory",
            Self::DiskCache => "disk-cache",
            Self::Engine => "engine",
            Self::Results => "results",
        }
    }

    /// The difference of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|difference| difference.as_str() == name)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
