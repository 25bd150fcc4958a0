//! One row a cell, units in the names of columns, empty where a value is missing.

use thiserror::Error;

use crate::analysis::{Cell, Report};

/// The report could not be written as CSV.
#[derive(Debug, Error)]
#[error("the report could not be written as CSV")]
pub struct CsvError(#[from] ::csv::Error);

const HEADER: [&str; 31] = [
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
        writer.write_record(row(report, cell))?;
    }
    let bytes = writer.into_inner().map_err(|error| ::csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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
