//! What a report on a campaign holds, as it is published.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weighbridge_experiment::EnvironmentKind;

use crate::analysis::{Comparison, FactValue, NotCompared};

/// Format of a report on a campaign.
pub const CAMPAIGN_REPORT_FORMAT: &str = "weighbridge.campaign-report/1";

/// The report on a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CampaignReport {
    /// Always [`CAMPAIGN_REPORT_FORMAT`] when written by this version.
    pub format: String,
    /// Its id.
    pub id: String,
    /// Name of the experiment.
    pub name: String,
    /// When it began.
    pub started: Timestamp,
    /// The rule of its slots, in words.
    pub schedule: String,
    /// Version of Weighbridge that began it.
    pub tool_version: String,
    /// Every slot.
    pub slots: Vec<SlotRow>,
    /// Every platform, as read from itself (`cloud.table1`).
    pub platforms: Vec<Platform>,
    /// Response times of each workload on each platform over all slots (`cloud.table2`).
    pub responses: Vec<Responses>,
    /// Platforms side by side, paired by slot.
    pub comparisons: Vec<Comparison>,
    /// Pairs that differ in more than the platform.
    pub not_compared: Vec<NotCompared>,
    /// What each platform cost (`cloud.table3`).
    pub costs: Vec<PlatformCost>,
    /// What must be read beside the numbers.
    pub notes: Vec<String>,
}

/// One slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlotRow {
    /// Its number, from 1.
    pub slot: u32,
    /// When it was due.
    pub due: Timestamp,
    /// `waiting`, `begun`, `finished`, `cut short` or `missed`.
    pub state: String,
    /// Its run, where it has one.
    pub run: Option<String>,
    /// Why it was missed or cut short.
    pub reason: Option<String>,
}

/// The specification of one platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Platform {
    /// Name of the environment.
    pub environment: String,
    /// Its kind.
    pub kind: EnvironmentKind,
    /// Version of what runs it.
    pub version: Option<String>,
    /// Whether its processor was emulated.
    pub emulated: bool,
    /// CPUs it was allotted.
    pub cpus: f64,
    /// Memory it was allotted; `null` where it was not limited.
    pub memory_bytes: Option<u64>,
    /// Its price and where that comes from.
    pub price: Option<String>,
    /// Facts read inside it; empty where no slot got so far.
    pub facts: BTreeMap<String, FactValue>,
}

/// Response times of one workload on one platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Responses {
    /// Name of the environment.
    pub environment: String,
    /// Name of the workload.
    pub workload: String,
    /// What must be said next to every number.
    pub labels: Vec<String>,
    /// Slots that gave any.
    pub slots: usize,
    /// Requests that were answered.
    pub requests: u64,
    /// Trials that failed.
    pub failed_trials: u64,
    /// Their times; `null` where there is none.
    pub times: Option<Times>,
    /// Requests answered in a second of measured time.
    pub per_second: Option<f64>,
}

/// Times of requests, in milliseconds, all from one histogram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// Arithmetic mean.
    pub mean_ms: f64,
    /// The fastest.
    pub min_ms: f64,
    /// The slowest: the 100th percentile.
    pub max_ms: f64,
    /// Median.
    pub p50_ms: Option<f64>,
    /// 90th percentile.
    pub p90_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// Why a percentile is missing, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, String>,
}

/// What one platform cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformCost {
    /// Name of the environment.
    pub environment: String,
    /// The price and where it comes from.
    pub price_source: Option<String>,
    /// Each day from the beginning, 24 hours each.
    pub days: Vec<DayCost>,
    /// The sum if it was rented from the first slot to the end of the last day.
    pub rented: Option<String>,
    /// The sum of the time in which it was at work.
    pub in_use: Option<String>,
    /// Why there is no cost.
    pub reason: Option<String>,
}

/// One day of a platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DayCost {
    /// The day, from 1.
    pub day: u32,
    /// Slots of it that were run.
    pub slots: usize,
    /// Time at work: starts, warm-up and trials, in seconds.
    pub in_use_seconds: f64,
    /// 24 hours at the price, as money.
    pub rented: Option<String>,
    /// The time at work at the price, as money.
    pub in_use: Option<String>,
}
