//! System benchmarks as tables: one group for each part of a benchmark, one row an environment.

use super::grid::{Align, Grid};
use crate::analysis::{Cell, Report, SystemQuantity, SystemRow};
use crate::quantity::{half_width, seconds, significant};

/// One printed row.
pub(super) struct Line<'a> {
    pub(super) cell: &'a Cell,
    pub(super) row: &'a SystemRow,
}

/// Rows of one part of one benchmark, over the environments.
pub(super) struct Group<'a> {
    pub(super) heading: String,
    pub(super) lines: Vec<Line<'a>>,
}

/// All groups, in the order of workloads and of their parts.
pub(super) fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for cell in &report.cells {
        for row in cell.system.iter().flatten() {
            let heading = format!("{}: {}", cell.workload, row.mode);
            let line = Line { cell, row };
            match groups.iter_mut().find(|group| group.heading == heading) {
                Some(group) => group.lines.push(line),
                None => groups.push(Group { heading, lines: vec![line] }),
            }
        }
    }
    groups
}

/// Cells of benchmarks that gave no row at all.
pub(super) fn without_rows(report: &Report) -> Vec<String> {
    let empty = |cell: &&Cell| cell.system.as_ref().is_some_and(Vec::is_empty);
    let words = |cell: &Cell| {
        let why = super::terminal::failure_words(cell)
            .or_else(|| cell.trial_seconds_reason.clone())
            .unwrap_or_else(|| "a simulated environment does no benchmark".to_owned());
        format!("{} in {}: {why}", cell.workload, cell.environment)
    };
    report.cells.iter().filter(empty).map(words).collect()
}

/// What the figures were read with, once each.
pub(super) fn instruments(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for group in groups(report) {
        for line in group.lines {
            let words = format!("{}: {}", line.cell.workload, line.row.instrument);
            if !lines.contains(&words) {
                lines.push(words);
            }
        }
    }
    lines
}

/// A figure with its unit; seconds in the unit of time that suits them.
pub(super) fn figure(quantity: &SystemQuantity) -> String {
    if quantity.unit == "s" {
        return seconds(quantity.mean);
    }
    format!("{} {}", significant(quantity.mean, 4), quantity.unit)
}

/// Half of the interval as a share.
pub(super) fn interval(quantity: &SystemQuantity) -> Option<String> {
    Some(half_width(quantity.mean, quantity.ci95?))
}

fn microseconds(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| seconds(value / 1e6))
}

/// The percentiles of a row: median, 95th, 99th.
pub(super) fn percentiles(row: &SystemRow) -> [String; 3] {
    let latency = row.latency_us.as_ref();
    [
        microseconds(latency.and_then(|latency| latency.p50)),
        microseconds(latency.and_then(|latency| latency.p95)),
        microseconds(latency.and_then(|latency| latency.p99)),
    ]
}

/// Labels of the cell and of the row, and why figures are missing.
pub(super) fn remarks(line: &Line<'_>) -> Vec<String> {
    let mut remarks: Vec<String> = Vec::new();
    let labels: Vec<&str> =
        line.cell.labels.iter().chain(&line.row.labels).map(String::as_str).collect();
    if !labels.is_empty() {
        remarks.push(labels.join("; "));
    }
    remarks.extend(line.row.quantities_reason.clone());
    remarks.extend(super::terminal::failure_words(line.cell));
    remarks
}

/// The groups for a terminal; `None` where the run has no benchmark.
pub(super) fn grid(report: &Report) -> Option<Grid> {
    use Align::{Left, Right};
    let groups = groups(report);
    if groups.is_empty() {
        return None;
    }
    let mut grid = Grid::new(&[
        ("environment", Left),
        ("n", Right),
        ("mean, 95 %", Right),
        ("", Right),
        ("p50", Right),
        ("p99", Right),
        ("samples", Right),
    ]);
    for group in &groups {
        grid.heading(&group.heading);
        for line in &group.lines {
            let mut quantities = line.row.quantities.iter();
            let first = quantities.next().map_or_else(
                || "–".to_owned(),
                |quantity| {
                    let interval = interval(quantity).map(|words| format!(" {words}"));
                    format!("{}{}", figure(quantity), interval.unwrap_or_default())
                },
            );
            let second = quantities.next().map(figure).unwrap_or_default();
            let [p50, _, p99] = percentiles(line.row);
            let trials = format!("{}", line.row.trials);
            let samples = line.row.operations.to_string();
            let name = line.cell.environment.clone();
            grid.row(vec![name, trials, first, second, p50, p99, samples]);
            remarks(line).into_iter().for_each(|remark| grid.remark(remark));
        }
    }
    grid.footer(
        "mean over n trials; p50, p99: time of one event or request over all samples; MB is 10⁶ bytes",
    );
    Some(grid)
}
