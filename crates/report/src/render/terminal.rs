//! The one table that a run ends in, with its verdicts and notes, for 80 columns and more.

use super::grid::{Align, Grid, wrap};
use crate::analysis::{Cell, CellStatus, Comparison, Report};
use crate::quantity::{bytes, half_width, milliseconds, money, percent, seconds};

/// The report for a terminal: at most `width` columns (at least 60 are needed to read it
/// well), with colours where asked for. Ends with a line feed.
#[must_use]
pub fn table(report: &Report, width: usize, colour: bool) -> String {
    let width = width.max(40);
    let mut out = cells(report).render(width, colour);
    section(&mut out, "Verdicts", &verdicts(report), width, colour);
    section(&mut out, "Not run", &not_run(report), width, colour);
    section(&mut out, "Prices", &prices(report), width, colour);
    section(&mut out, "Notes", &report.notes, width, colour);
    out
}

fn section(out: &mut String, title: &str, lines: &[String], width: usize, colour: bool) {
    if lines.is_empty() {
        return;
    }
    out.push_str(&if colour { format!("\n\u{1b}[1m{title}\u{1b}[0m\n") } else { format!("\n{title}\n") });
    for line in lines {
        for (index, piece) in wrap(line, width - 4).iter().enumerate() {
            out.push_str(if index == 0 { "  " } else { "    " });
            out.push_str(piece);
            out.push('\n');
        }
    }
}

fn cells(report: &Report) -> Grid {
    use Align::{Left, Right};
    let mut grid = Grid::new(&[
        ("environment", Left),
        ("trials", Right),
        ("mean trial", Right),
        ("95 %", Right),
        ("p50 inf.", Right),
        ("CPU", Right),
        ("memory", Right),
        ("start", Right),
        ("per 1,000", Right),
    ]);
    let mut workload = "";
    for cell in &report.cells {
        if cell.workload != workload {
            workload = &cell.workload;
            grid.heading(workload);
        }
        grid.row(row(cell));
        for remark in remarks(cell) {
            grid.remark(remark);
        }
    }
    grid
}

fn row(cell: &Cell) -> Vec<String> {
    let missing = || "–".to_owned();
    let times = cell.trial_seconds.as_ref();
    let trials = if cell.status == CellStatus::Ok {
        cell.trials.to_string()
    } else {
        format!("{}/{}", cell.trials, cell.trials_asked)
    };
    let p50 = cell.inference_ms.as_ref().and_then(|times| times.p50);
    vec![
        format!("  {}", cell.environment),
        trials,
        times.map_or_else(missing, |times| seconds(times.mean)),
        times.and_then(|times| Some(half_width(times.mean, times.ci95?))).unwrap_or_else(missing),
        p50.map_or_else(missing, milliseconds),
        cell.cpu_percent.as_ref().map_or_else(missing, |used| percent(used.mean_all)),
        cell.memory_peak_bytes.map_or_else(missing, bytes),
        cell.start_seconds.map_or_else(missing, seconds),
        cell.cost_per_1000.as_ref().map_or_else(missing, |cost| money(&cost.amount, &cost.currency)),
    ]
}

/// Labels, and why numbers of a row are missing.
fn remarks(cell: &Cell) -> Vec<String> {
    let mut remarks = Vec::new();
    if !cell.labels.is_empty() {
        remarks.push(cell.labels.join(", "));
    }
    if let Some(words) = failure_words(cell) {
        remarks.push(words);
    }
    if cell.trials > 0 {
        let reasons = [("CPU", &cell.cpu_percent_reason), ("memory", &cell.memory_peak_bytes_reason)];
        for (what, reason) in reasons {
            remarks.extend(reason.as_ref().map(|reason| format!("no {what}: {reason}")));
        }
        let p50 = cell.inference_ms.as_ref().and_then(|times| times.p50_reason.as_ref());
        remarks.extend(p50.map(|reason| format!("no p50: {reason}")));
    }
    remarks
}

/// How many trials failed and why; the reasons that occur, each once, with their blocks.
pub(super) fn failure_words(cell: &Cell) -> Option<String> {
    let first = cell.failures.first()?;
    let same = cell.failures.iter().filter(|failure| failure.reason == first.reason).count();
    let others = match cell.failures.len() - same {
        0 => String::new(),
        count => format!(" ({count} for other reasons)"),
    };
    Some(format!("{} of {} trials failed: {}{others}", cell.failures.len(), cell.trials_asked, first.reason))
}

/// One comparison in a line.
pub(super) fn comparison_words(comparison: &Comparison) -> String {
    let labels = if comparison.labels.is_empty() {
        String::new()
    } else {
        format!(" [{}]", comparison.labels.join(", "))
    };
    format!(
        "{}, {} against {}: {} over {} blocks{labels}",
        comparison.workload, comparison.b, comparison.a, comparison.verdict, comparison.n
    )
}

pub(super) fn verdicts(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = report.comparisons.iter().map(comparison_words).collect();
    lines.extend(report.not_compared.iter().map(|pair| {
        format!("{}, {} against {}: not compared; {}", pair.workload, pair.b, pair.a, pair.differences.join("; "))
    }));
    lines
}

pub(super) fn not_run(report: &Report) -> Vec<String> {
    let line = |missing: &crate::analysis::UnavailableEnvironment| {
        let enable = missing.enable.as_ref().map(|command| format!("; to enable: {command}"));
        format!("{}: {}{}", missing.environment, missing.reason, enable.unwrap_or_default())
    };
    report.unavailable.iter().map(line).collect()
}

pub(super) fn prices(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for cell in &report.cells {
        if let Some(source) = &cell.price_source {
            let line = format!("{}: {source}", cell.environment);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}
