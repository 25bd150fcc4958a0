//! Statistics of one run, and verdicts on pairs of its cells.
//!
//! The unit of every statistic is the trial; the unit of every comparison is the block, in
//! which each cell has one trial. Does **not** know how anything is drawn or printed.

mod across;
mod build;
mod cell;
mod comparison;
mod cpu;
mod disagreement;
mod metric;
mod model;
pub mod percentile;
pub mod sign_flip;
pub mod statistics;
mod system;
mod trials;
mod verdict;

pub use across::{CROSS_REPORT_FORMAT, CrossCell, CrossReport, compare_runs};
pub use build::{CostOfTime, build};
pub use model::{
    Cell, CellStatus, Comparison, Cost, CpuPercent, Engine, FactValue, Failure,
    InferenceMilliseconds, InstrumentLines, LimitsSummary, NotCompared, PaperCpuPercent,
    REPORT_FORMAT, Report, RunSummary, StageMilliseconds, StartSeconds, TrialSeconds,
    UnavailableEnvironment, WarmupSeconds, facts_by_name,
};
pub use system::{SystemLatency, SystemQuantity, SystemRow};
pub use verdict::{MINUS, Words, percent_words, verdict, verdict_in_words};

use schemars::Schema;

/// The published schema of `weighbridge.report/1`.
#[must_use]
pub fn report_schema() -> Schema {
    schemars::schema_for!(Report)
}

/// The published schema of `weighbridge.compare/1`.
#[must_use]
pub fn cross_report_schema() -> Schema {
    schemars::schema_for!(CrossReport)
}
