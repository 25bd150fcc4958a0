//! The summary as text for a terminal, 80 columns at most.

use std::fmt::Write as _;

use weighbridge_experiment::load::{Arrival, LoadModel, LoadRecord};

use super::summary::{LoadSummary, PERCENTILES, TimeFigures};
use crate::quantity::{bytes, milliseconds};

const MOST_ERRORS: usize = 8;

/// The summary of a load as text.
#[must_use]
pub fn table(record: &LoadRecord, summary: &LoadSummary) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = writeln!(out, "{}", summary.details.target);
    let _ = writeln!(out, "{}", model(record));
    out.push('\n');
    counts(&mut out, summary);
    times(&mut out, summary);
    if summary.details.requests.len() > 1 {
        by_request(&mut out, summary);
    }
    errors(&mut out, summary);
    client(&mut out, summary);
    for result in &summary.details.thresholds {
        let verdict = if result.passed { "holds" } else { "FAILED" };
        let value = match result.value {
            Some(value) => format!("{value:.2}"),
            None => "too few samples".to_owned(),
        };
        let _ = writeln!(out, "threshold {:<20} {verdict} ({value})", result.threshold);
    }
    verdict(&mut out, summary);
    out
}

pub(super) fn model(record: &LoadRecord) -> String {
    let seconds = record.duration_seconds;
    match &record.plan.model {
        LoadModel::Users { think, .. } if think.is_none() => {
            format!("closed model: {} users without a pause, {seconds:.1} s", record.users)
        }
        LoadModel::Users { think, .. } => {
            format!("closed model: {} users, pauses of {think}, {seconds:.1} s", record.users)
        }
        LoadModel::Rate { profile, arrival, .. } => {
            let arrival = match arrival {
                Arrival::Poisson => "Poisson",
                Arrival::Constant => "constant",
            };
            format!(
                "open model: up to {:.0} requests/s, {arrival} arrivals, {seconds:.1} s",
                profile.peak()
            )
        }
        LoadModel::Mlperf(plan) => format!(
            "MLPerf's {} scenario (not an MLPerf result), {seconds:.1} s",
            plan.scenario.as_str()
        ),
    }
}

fn counts(out: &mut String, summary: &LoadSummary) {
    let share = if summary.requests == 0 {
        String::new()
    } else {
        format!(" ({:.2} %)", summary.failures as f64 / summary.requests as f64 * 100.0)
    };
    let _ = writeln!(
        out,
        "  {} requests, {:.1} a second; {} failed{share}",
        summary.requests, summary.rps, summary.failures
    );
    let mut also = Vec::new();
    if summary.details.waited_sends > 0 {
        also.push(format!("{} waited for a connection", summary.details.waited_sends));
    }
    if summary.dropped_sends > 0 {
        also.push(format!("{} were due and never sent", summary.dropped_sends));
    }
    if summary.details.unfinished > 0 {
        also.push(format!(
            "{} were under way when the load was stopped",
            summary.details.unfinished
        ));
    }
    if !also.is_empty() {
        let _ = writeln!(out, "  {}", also.join("; "));
    }
    out.push('\n');
}

fn times(out: &mut String, summary: &LoadSummary) {
    let mixed = summary.failures > 0 && summary.failures < summary.requests;
    let mut columns = vec![("response", &summary.response_ms), ("service", &summary.service_ms)];
    if mixed {
        columns.push(("succeeded", &summary.details.succeeded_ms));
        columns.push(("failed", &summary.details.failed_ms));
    }
    let _ = write!(out, "  {:<6}", "");
    for (title, _) in &columns {
        let _ = write!(out, "{title:>17}");
    }
    out.push('\n');
    for row in 0..12 {
        let name = row_of(columns[0].1, row).0;
        let _ = write!(out, "  {name:<6}");
        for (_, figures) in &columns {
            let words = match row_of(figures, row).1 {
                Some(value) => milliseconds(value),
                None if figures.mean.is_none() => "–".to_owned(),
                None => "too few samples".to_owned(),
            };
            let _ = write!(out, "{words:>17}");
        }
        out.push('\n');
    }
    out.push_str("  response: from when a request was due; service: from when it was sent\n\n");
}

/// The rows in order: mean, min, percentiles, max.
fn row_of(figures: &TimeFigures, row: usize) -> (&'static str, Option<f64>) {
    let values = [
        figures.p50,
        figures.p66,
        figures.p75,
        figures.p80,
        figures.p90,
        figures.p95,
        figures.p98,
        figures.p99,
        figures.p99_9,
    ];
    match row {
        0 => ("mean", figures.mean),
        1 => ("min", figures.min),
        11 => ("max", figures.max),
        other => {
            let index = other - 2;
            let name = if PERCENTILES[index].0 == "p99_9" { "p99.9" } else { PERCENTILES[index].0 };
            (name, values[index])
        }
    }
}

fn by_request(out: &mut String, summary: &LoadSummary) {
    let _ = writeln!(
        out,
        "  {:<36}{:>10}{:>9}{:>11}{:>11}",
        "request", "count", "failed", "p50", "p95"
    );
    for request in &summary.details.requests {
        let time = |value: Option<f64>| value.map_or("–".to_owned(), milliseconds);
        let name: String =
            format!("{} {}", request.method, request.name).chars().take(35).collect();
        let _ = writeln!(
            out,
            "  {name:<36}{:>10}{:>9}{:>11}{:>11}",
            request.requests,
            request.failures,
            time(request.response_ms.p50),
            time(request.response_ms.p95)
        );
    }
    out.push('\n');
}

fn errors(out: &mut String, summary: &LoadSummary) {
    let errors = &summary.details.errors;
    if errors.is_empty() {
        return;
    }
    for error in errors.iter().take(MOST_ERRORS) {
        // What a server says may hold characters that drive a terminal.
        let words: String = error.error.chars().filter(|c| !c.is_control()).take(46).collect();
        let _ = writeln!(
            out,
            "  {:>8} × {words:<46} after {}",
            error.occurrences,
            milliseconds(error.mean_ms)
        );
    }
    if errors.len() > MOST_ERRORS {
        let _ = writeln!(out, "  and {} other kinds of errors", errors.len() - MOST_ERRORS);
    }
    out.push('\n');
}

fn client(out: &mut String, summary: &LoadSummary) {
    let mut parts = Vec::new();
    if let Some(lag) = summary.send_lag_ms.p99 {
        parts.push(format!("send lag p99 {}", milliseconds(lag)));
    } else if let Some(lag) = summary.send_lag_ms.max {
        parts.push(format!("send lag at most {}", milliseconds(lag)));
    }
    if let Some(cpu) = summary.client.cpu_us_per_request {
        parts.push(format!("{cpu:.1} µs of CPU a request"));
    }
    if let Some(memory) = summary.client.memory_peak_bytes {
        parts.push(bytes(memory));
    }
    let _ = writeln!(out, "client: {}", parts.join(", "));
    for note in &summary.details.client.notes {
        let _ = writeln!(out, "note: {note}");
    }
}

fn verdict(out: &mut String, summary: &LoadSummary) {
    if summary.details.interrupted {
        out.push_str("stopped before its end: this is what there is so far\n");
    }
    if let Some(reason) = &summary.invalid_reason {
        let _ = writeln!(out, "\nINVALID: {reason}");
        for reason in &summary.details.client.limited_by {
            let _ = writeln!(out, "  {reason}");
        }
        out.push_str("  Use more or quieter processors for the client, or a smaller load.\n");
    }
}
