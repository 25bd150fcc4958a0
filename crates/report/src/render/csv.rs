//! One row a cell, units in the names of columns, empty where a value is missing. A cell of a
//! system benchmark has a row for each figure of each of its parts, with the unit beside it.

use thiserror::Error;

use crate::analysis::{Cell, Report};

/// The report could not be written as CSV.
#[derive(Debug, Error)]
#[error("the report could not be written as CSV")]
pub struct CsvError(#[from] ::csv::Error);

const HEADER: [&str; 41] = [
    "run",
    "workload",
    "application",
    "environment",
    "kind",
    "status",
    "labels",
    "trials",
    "trials_asked",
    "trials_failed",
    "inferences",
    "trial_seconds_mean",
    "trial_seconds_std",
    "trial_seconds_min",
    "trial_seconds_max",
    "trial_seconds_p50",
    "trial_seconds_ci95_low",
    "trial_seconds_ci95_high",
    "inference_ms_mean",
    "inference_ms_p50",
    "inference_ms_p90",
    "inference_ms_p99",
    "cpu_percent_mean_all",
    "cpu_percent_mean_active",
    "memory_peak_bytes",
    "start_seconds_mean",
    "cost_per_1000",
    "cost_per_1000_ci95_low",
    "cost_per_1000_ci95_high",
    "currency",
    "reason",
    "mode",
    "instrument",
    "unit",
    "value_mean",
    "value_ci95_low",
    "value_ci95_high",
    "operations",
    "latency_us_p50",
    "latency_us_p95",
    "latency_us_p99",
];

/// The cells as CSV, RFC 4180 with line feeds.
///
/// # Errors
///
/// None that the types of this crate can cause.
pub fn csv(report: &Report) -> Result<String, CsvError> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADER)?;
    for cell in &report.cells {
        let common = row(report, cell);
        let parts = parts(cell);
        if parts.is_empty() {
            writer.write_record(common.iter().chain(&vec![String::new(); PART_COLUMNS]))?;
        }
        for (reason, part) in parts {
            let mut record = common.clone();
            if let (Some(reason), Some(last)) = (reason, record.last_mut()) {
                *last = reason;
            }
            writer.write_record(record.iter().chain(&part))?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| ::csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Columns behind `reason`.
const PART_COLUMNS: usize = 10;

/// The figures of a benchmark, each with the reason that stands beside it.
fn parts(cell: &Cell) -> Vec<(Option<String>, Vec<String>)> {
    let mut parts = Vec::new();
    for row in cell.system.iter().flatten() {
        let latency = row.latency_us.as_ref();
        let of = |unit: &str, mean: Option<f64>, ci95: Option<[f64; 2]>| {
            vec![
                row.mode.clone(),
                row.instrument.clone(),
                unit.to_owned(),
                number(mean),
                number(ci95.map(|ends| ends[0])),
                number(ci95.map(|ends| ends[1])),
                row.operations.to_string(),
                number(latency.and_then(|latency| latency.p50)),
                number(latency.and_then(|latency| latency.p95)),
                number(latency.and_then(|latency| latency.p99)),
            ]
        };
        let reason = || {
            let words = row.labels.iter().chain(&row.quantities_reason).cloned();
            Some(words.collect::<Vec<_>>().join("; ")).filter(|words| !words.is_empty())
        };
        if row.quantities.is_empty() {
            parts.push((reason(), of("", None, None)));
        }
        for quantity in &row.quantities {
            parts.push((reason(), of(&quantity.unit, Some(quantity.mean), quantity.ci95)));
        }
    }
    parts
}

fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn row(report: &Report, cell: &Cell) -> Vec<String> {
    let times = cell.trial_seconds.as_ref();
    let latencies = cell.inference_ms.as_ref();
    let used = cell.cpu_percent.as_ref();
    let cost = cell.cost_per_1000.as_ref();
    let end = |index: usize| {
        cost.and_then(|cost| Some(cost.ci95.as_ref()?[index].clone())).unwrap_or_default()
    };
    vec![
        report.run.id.clone(),
        cell.workload.clone(),
        cell.application.clone(),
        cell.environment.clone(),
        cell.kind.to_string(),
        cell.status.as_str().to_owned(),
        cell.labels.join("; "),
        cell.trials.to_string(),
        cell.trials_asked.to_string(),
        cell.failures.len().to_string(),
        cell.inferences.to_string(),
        number(times.map(|times| times.mean)),
        number(times.and_then(|times| times.std)),
        number(times.map(|times| times.min)),
        number(times.map(|times| times.max)),
        number(times.map(|times| times.p50)),
        number(times.and_then(|times| Some(times.ci95?[0]))),
        number(times.and_then(|times| Some(times.ci95?[1]))),
        number(latencies.map(|latencies| latencies.mean)),
        number(latencies.and_then(|latencies| latencies.p50)),
        number(latencies.and_then(|latencies| latencies.p90)),
        number(latencies.and_then(|latencies| latencies.p99)),
        number(used.map(|used| used.mean_all)),
        number(used.and_then(|used| used.mean_active)),
        cell.memory_peak_bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
        number(cell.start_seconds),
        cost.map(|cost| cost.amount.clone()).unwrap_or_default(),
        end(0),
        end(1),
        cost.map(|cost| cost.currency.clone()).unwrap_or_default(),
        super::terminal::failure_words(cell)
            .or_else(|| cell.trial_seconds_reason.clone())
            .unwrap_or_default(),
    ]
}
