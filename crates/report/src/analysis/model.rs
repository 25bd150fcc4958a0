//! The shape of `weighbridge.report/1`, which other programs read: names here are promises.
//!
//! One rule holds throughout: where a value is missing it is `null`, and beside it stands
//! `<name>_reason`.

mod measures;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weighbridge_experiment::{Difference, Ended, EnvironmentKind, HostFacts, Restart, RunStatus};

use super::SystemRow;

pub use measures::{
    Cost, CpuPercent, InferenceMilliseconds, PaperCpuPercent, StageMilliseconds, StartSeconds,
    TrialSeconds, WarmupSeconds,
};

/// Format of a report, as it stands in every one.
pub const REPORT_FORMAT: &str = "weighbridge.report/1";

/// What one run says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Always [`REPORT_FORMAT`].
    pub format: String,
    /// The run.
    pub run: RunSummary,
    /// One for each workload in each environment that was part of the run.
    pub cells: Vec<Cell>,
    /// Pairs of environments, for each workload.
    pub comparisons: Vec<Comparison>,
    /// Pairs that differ in more than the environment, and so are not compared.
    pub not_compared: Vec<NotCompared>,
    /// Environments that are not part of the run.
    pub unavailable: Vec<UnavailableEnvironment>,
    /// What a reader must know to read the numbers rightly.
    pub notes: Vec<String>,
}

impl Report {
    /// The report without its system benchmarks, for figures that show applications.
    #[must_use]
    pub fn of_applications(&self) -> std::borrow::Cow<'_, Self> {
        if self.cells.iter().all(|cell| cell.system.is_none()) {
            return std::borrow::Cow::Borrowed(self);
        }
        let mut report = self.clone();
        report.cells.retain(|cell| cell.system.is_none());
        std::borrow::Cow::Owned(report)
    }
}

/// The run that a report is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunSummary {
    /// Its id.
    pub id: String,
    /// Name of the experiment.
    pub name: String,
    /// When it began.
    pub started: Timestamp,
    /// When it finished; `null` while it has not.
    pub finished: Option<Timestamp>,
    /// Seed of the order of trials and of every interval.
    pub seed: u64,
    /// When agents started anew.
    pub restart: Restart,
    /// How far it came.
    pub status: RunStatus,
    /// Whether it was ever resumed.
    pub resumed: bool,
    /// Labels that go beside every number of it.
    pub labels: Vec<String>,
    /// Version of Weighbridge that ran it.
    pub tool_version: String,
    /// Digest of the executable that ran in every cell.
    pub executable_sha256: String,
    /// Facts of the host, by name.
    pub host: BTreeMap<String, FactValue>,
}

/// One fact about a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FactValue {
    /// The value as text.
    pub value: Option<String>,
    /// Why there is none.
    pub reason: Option<String>,
    /// What was read.
    pub instrument: String,
}

/// Facts as an object.
#[must_use]
pub fn facts_by_name(facts: &HostFacts) -> BTreeMap<String, FactValue> {
    let entry = |fact: &weighbridge_experiment::Fact| {
        let value = FactValue {
            value: fact.value.clone(),
            reason: fact.reason.clone(),
            instrument: fact.instrument.clone(),
        };
        (fact.name.clone(), value)
    };
    facts.0.iter().map(entry).collect()
}

/// How much of a cell there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CellStatus {
    /// Every trial that was asked for worked.
    Ok,
    /// Some trials failed, or are not there yet.
    Partial,
    /// No trial worked.
    Failed,
}

impl CellStatus {
    /// The word that is printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// One workload in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// Name of the environment.
    pub environment: String,
    /// Its kind.
    pub kind: EnvironmentKind,
    /// Name of the workload.
    pub workload: String,
    /// Its application.
    pub application: String,
    /// How much of it there is.
    pub status: CellStatus,
    /// What must be said next to every number of it: emulated, simulated, seeded weights.
    pub labels: Vec<String>,
    /// A restriction that the probe of the environment found.
    pub restriction: Option<String>,
    /// The engine that ran.
    pub engine: Option<Engine>,
    /// Why no engine is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_reason: Option<String>,
    /// What the instances were allotted.
    pub limits: LimitsSummary,
    /// What the outside numbers were read with.
    pub instruments: Option<InstrumentLines>,
    /// Why no instrument is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruments_reason: Option<String>,
    /// Facts read inside the environment, by name.
    pub host: BTreeMap<String, FactValue>,
    /// The price and where it comes from, in one line.
    pub price_source: Option<String>,
    /// Why there is no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_source_reason: Option<String>,
    /// Trials that worked: what every number of the cell stands on.
    pub trials: usize,
    /// Trials that were asked for.
    pub trials_asked: usize,
    /// Trials that failed, in block order.
    pub failures: Vec<Failure>,
    /// Inferences of the trials that worked, warm-up left out.
    pub inferences: usize,
    /// Time of a whole trial.
    pub trial_seconds: Option<TrialSeconds>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_seconds_reason: Option<String>,
    /// Time of one inference.
    pub inference_ms: Option<InferenceMilliseconds>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inference_ms_reason: Option<String>,
    /// The warm-up, apart from the trials.
    pub warmup: Option<WarmupSeconds>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_reason: Option<String>,
    /// Processor use from outside, per cent of one core.
    pub cpu_percent: Option<CpuPercent>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent_reason: Option<String>,
    /// Highest resident memory of any trial, read from outside.
    pub memory_peak_bytes: Option<u64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_peak_bytes_reason: Option<String>,
    /// The same as the agent's own process reports it.
    pub memory_peak_inside_bytes: Option<u64>,
    /// From asking for the instance to an agent that answers: mean over the trials.
    pub start_seconds: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_seconds_reason: Option<String>,
    /// The start in detail.
    pub start: Option<StartSeconds>,
    /// What 1,000 inferences cost, by the mean trial.
    pub cost_per_1000: Option<Cost>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_per_1000_reason: Option<String>,
    /// Cost of taking the outside samples, per cent of one core.
    pub sampler_cpu_percent: Option<f64>,
    /// Time stolen by a hypervisor below the host, mean per cent of one core.
    pub steal_percent: Option<f64>,
    /// Where two instruments differ by more than their error.
    pub disagreements: Vec<String>,
    /// Of a system benchmark, its parts; `null` for everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<Vec<SystemRow>>,
}

/// The engine of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Engine {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The instruction set that it used.
    pub instruction_set: String,
    /// Threads it was given.
    pub threads: u32,
}

/// What each instance of a cell was allotted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitsSummary {
    /// Share of CPUs; 2 is two whole ones.
    pub cpus: f64,
    /// Memory; `null` where it was not limited.
    pub memory_bytes: Option<u64>,
}

/// What the numbers of a cell were read with; a line that begins with `missing:` gives a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstrumentLines {
    /// Behind processor time.
    pub cpu: String,
    /// Behind memory.
    pub memory: String,
    /// Behind durations.
    pub time: String,
    /// Behind storage.
    pub storage: String,
    /// Behind the network.
    pub network: String,
}

/// A trial that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Its block.
    pub block: u32,
    /// Why.
    pub reason: String,
    /// How its instance ended, where it did.
    pub ended: Option<Ended>,
}

/// Two environments on one workload, paired by block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The workload.
    pub workload: String,
    /// What is compared: `trial_seconds`, or the unit of a benchmark.
    pub metric: String,
    /// Of a benchmark, the part of it that is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The environment that stands first in the experiment.
    pub a: String,
    /// The other one.
    pub b: String,
    /// Blocks in which both worked.
    pub n: usize,
    /// b ÷ a of the metric, of geometric means over those blocks; `null` where there is none.
    pub ratio: Option<f64>,
    /// 95 % interval of the ratio.
    pub ci95: Option<[f64; 2]>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci95_reason: Option<String>,
    /// Share of sign flips that look at least as different; of the hypothesis "no difference".
    pub p_value: Option<f64>,
    /// Whether 1 lies outside the interval.
    pub detected: bool,
    /// In words.
    pub verdict: String,
    /// What must be said next to it.
    pub labels: Vec<String>,
    /// How the interval was made.
    pub method: String,
}

/// A pair that differs in more than the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotCompared {
    /// The workload.
    pub workload: String,
    /// The environment that stands first in the experiment.
    pub a: String,
    /// The other one.
    pub b: String,
    /// What else differs.
    pub differences: Vec<String>,
    /// What would have to be allowed to compare them all the same; empty where nothing helps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowable: Vec<Difference>,
}

impl NotCompared {
    /// Why they are not, and how they could be.
    #[must_use]
    pub fn reason(&self) -> String {
        let mut words = self.differences.join("; ");
        if !self.allowable.is_empty() {
            let options: Vec<String> =
                self.allowable.iter().map(|what| format!("--allow-difference {what}")).collect();
            words = format!("{words} (compared all the same with {})", options.join(" "));
        }
        words
    }
}

impl Report {
    /// The pairs that are not compared, each with its reason; workloads that share both share
    /// a line.
    #[must_use]
    pub fn not_compared_words(&self) -> Vec<String> {
        let mut groups: Vec<(&NotCompared, Vec<&str>)> = Vec::new();
        for pair in &self.not_compared {
            let same = |known: &NotCompared| {
                (&known.a, &known.b, &known.differences) == (&pair.a, &pair.b, &pair.differences)
            };
            match groups.iter_mut().find(|(known, _)| same(known)) {
                Some((_, workloads)) => workloads.push(&pair.workload),
                None => groups.push((pair, vec![&pair.workload])),
            }
        }
        let words = |(pair, workloads): (&NotCompared, Vec<&str>)| {
            let workloads = workloads.join(", ");
            format!("{workloads}: {} against {}: not compared; {}", pair.b, pair.a, pair.reason())
        };
        groups.into_iter().map(words).collect()
    }
}

/// An environment that is not part of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnavailableEnvironment {
    /// Its name.
    pub environment: String,
    /// Whether the user asked for it; otherwise it is only offered.
    pub requested: bool,
    /// Why it was not run.
    pub reason: String,
    /// One command that enables it or asks for it.
    pub enable: Option<String>,
}
