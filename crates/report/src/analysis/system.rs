//! The rows of a system benchmark over the trials of one cell. Does not know of other cells.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weighbridge_experiment::{BenchmarkOutcome, BenchmarkRow, BenchmarkUnit, TrialMeasurement};

use super::percentile::Latencies;
use super::statistics::{mean, mean_interval_95, standard_deviation};
use super::trials::CellTrials;

/// One part of a benchmark, such as a mode with a block size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SystemRow {
    /// What was done.
    pub mode: String,
    /// What did it and what read the figures; several where trials differ.
    pub instrument: String,
    /// What must be said beside the figures, of any trial.
    pub labels: Vec<String>,
    /// Trials that gave figures.
    pub trials: usize,
    /// Events or requests of all of them: what the times stand on.
    pub operations: u64,
    /// The figures; the first is the one that cells are compared by. Empty where there are none.
    pub quantities: Vec<SystemQuantity>,
    /// Why there are none, or not of every trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantities_reason: Option<String>,
    /// Times of single events or requests.
    pub latency_us: Option<SystemLatency>,
    /// Why they are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us_reason: Option<String>,
}

/// A figure over the trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SystemQuantity {
    /// Its unit, as it is printed.
    pub unit: String,
    /// Whether more is better.
    pub more_is_better: bool,
    /// Arithmetic mean over the trials.
    pub mean: f64,
    /// Sample standard deviation (n − 1); `null` for one trial.
    pub std: Option<f64>,
    /// 95 % interval of the mean, by Student's t over trials; `null` for one trial.
    pub ci95: Option<[f64; 2]>,
    /// Every trial, in block order.
    pub values: Vec<f64>,
    /// The block of each value.
    pub blocks: Vec<u32>,
}

/// Percentiles of all events or requests of all trials, microseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SystemLatency {
    /// Median.
    pub p50: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_reason: Option<String>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_reason: Option<String>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_reason: Option<String>,
    /// The longest.
    pub max: f64,
}

/// The rows in the order in which the benchmark does them.
pub(crate) fn rows(trials: &CellTrials<'_>) -> Vec<SystemRow> {
    let mut modes: Vec<&str> = Vec::new();
    for (_, measurement) in &trials.worked {
        for row in &measurement.benchmark {
            if !modes.contains(&row.mode.as_str()) {
                modes.push(&row.mode);
            }
        }
    }
    modes.into_iter().map(|mode| row(mode, trials)).collect()
}

fn row(mode: &str, trials: &CellTrials<'_>) -> SystemRow {
    let of_mode: Vec<(u32, &BenchmarkRow)> = trials
        .worked
        .iter()
        .filter_map(|(block, measurement)| Some((*block, row_of(measurement, mode)?)))
        .collect();
    let measured = || of_mode.iter().filter_map(|(block, row)| Some((*block, row.measured()?)));
    let mut values: BTreeMap<usize, (BenchmarkUnit, Vec<f64>, Vec<u32>)> = BTreeMap::new();
    for (block, measured) in measured() {
        for (index, quantity) in measured.quantities.iter().enumerate() {
            let entry = values.entry(index).or_insert((quantity.unit, Vec::new(), Vec::new()));
            entry.1.push(quantity.value);
            entry.2.push(block);
        }
    }
    let buckets = measured().flat_map(|(_, measured)| measured.latency_nanoseconds.iter().copied());
    let latencies = Latencies::of_buckets(buckets);
    let once = |words: &mut Vec<String>, word: &String| {
        if !words.contains(word) {
            words.push(word.clone());
        }
    };
    let (mut labels, mut instruments) = (Vec::new(), Vec::new());
    for (_, row) in &of_mode {
        once(&mut instruments, &row.instrument);
        row.labels.iter().for_each(|label| once(&mut labels, label));
    }
    let absent = of_mode.iter().find_map(|(_, row)| match &row.outcome {
        BenchmarkOutcome::Missing(absence) => Some(absence.reason.clone()),
        BenchmarkOutcome::Measured(_) => None,
    });
    SystemRow {
        mode: mode.to_owned(),
        instrument: instruments.join("; "),
        labels,
        trials: measured().count(),
        operations: measured().map(|(_, measured)| measured.operations).sum(),
        quantities: values.into_values().filter_map(quantity).collect(),
        quantities_reason: absent,
        latency_us_reason: latencies
            .is_none()
            .then(|| "no single event or request was timed".to_owned()),
        latency_us: latencies.as_ref().map(latency),
    }
}

/// The row of a trial that has this mode.
pub(crate) fn row_of<'a>(
    measurement: &'a TrialMeasurement,
    mode: &str,
) -> Option<&'a BenchmarkRow> {
    measurement.benchmark.iter().find(|row| row.mode == mode)
}

fn quantity((unit, values, blocks): (BenchmarkUnit, Vec<f64>, Vec<u32>)) -> Option<SystemQuantity> {
    Some(SystemQuantity {
        unit: unit.to_string(),
        more_is_better: unit.more_is_better(),
        mean: mean(&values)?,
        std: standard_deviation(&values),
        ci95: mean_interval_95(&values).map(|(low, high)| [low, high]),
        values,
        blocks,
    })
}

fn latency(latencies: &Latencies) -> SystemLatency {
    let at = |percentile| match latencies.percentile_milliseconds(percentile) {
        Ok(milliseconds) => (Some(milliseconds * 1e3), None),
        Err(reason) => (None, Some(reason)),
    };
    let ((p50, p50_reason), (p95, p95_reason), (p99, p99_reason)) = (at(0.5), at(0.95), at(0.99));
    SystemLatency {
        p50,
        p50_reason,
        p95,
        p95_reason,
        p99,
        p99_reason,
        max: latencies.max_milliseconds() * 1e3,
    }
}
