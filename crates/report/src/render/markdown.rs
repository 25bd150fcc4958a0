//! The report as Markdown (GitHub's tables): for a README or an issue.

use std::fmt::Write as _;

use super::terminal::{failure_words, not_run, prices, verdicts};
use crate::analysis::{Cell, Report};
use crate::quantity::{bytes, half_width, milliseconds, money, percent, seconds};

/// The report as Markdown.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let run = &report.run;
    let mut out = format!("# {}\n\n", escape(&run.name));
    // Writing into a string cannot fail.
    let _ = writeln!(
        out,
        "Run `{}`, started {}, {}, seed {}, Weighbridge {}.\n",
        run.id,
        run.started.strftime("%Y-%m-%d %H:%M:%S UTC"),
        run.status,
        run.seed,
        escape(&run.tool_version)
    );
    out.push_str("| workload | environment | trials | mean trial | 95 % | p50 per inference | CPU, one core = 100 % | peak memory | start | cost per 1,000 |\n");
    out.push_str("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for cell in report.cells.iter().filter(|cell| cell.system.is_none()) {
        let _ = writeln!(out, "| {} |", row(cell).join(" | "));
    }
    system(&mut out, report);
    list(&mut out, "Verdicts", &verdicts(report));
    let failures = report.cells.iter().filter_map(|cell| {
        Some(format!("{} in {}: {}", cell.workload, cell.environment, failure_words(cell)?))
    });
    list(&mut out, "Failed trials", &failures.collect::<Vec<_>>());
    list(&mut out, "Not run", &not_run(report));
    list(&mut out, "Prices", &prices(report));
    list(&mut out, "Notes", &report.notes);
    out
}

/// System benchmarks, each part of them in each environment.
fn system(out: &mut String, report: &Report) {
    let groups = super::system::groups(report);
    if !groups.is_empty() {
        out.push_str("\n## System benchmarks\n\n");
        out.push_str(
            "| benchmark | environment | trials | mean | 95 % | p50 | p99 | samples | remarks |\n",
        );
        out.push_str("|---|---|--:|--:|--:|--:|--:|--:|---|\n");
    }
    for (group, line) in groups.iter().flat_map(|group| group.lines.iter().map(move |l| (group, l)))
    {
        let quantities = &line.row.quantities;
        let figures: Vec<String> = quantities.iter().map(super::system::figure).collect();
        let interval = quantities.first().and_then(super::system::interval);
        let [p50, _, p99] = super::system::percentiles(line.row);
        let dash = || "–".to_owned();
        let entries = [
            escape(&group.heading),
            escape(&line.cell.environment),
            line.row.trials.to_string(),
            if figures.is_empty() { dash() } else { figures.join(", ") },
            interval.unwrap_or_else(dash),
            p50,
            p99,
            line.row.operations.to_string(),
            escape(&super::system::remarks(line).join("; ")),
        ];
        let _ = writeln!(out, "| {} |", entries.join(" | "));
    }
    list(out, "Instruments of the benchmarks", &super::system::instruments(report));
}

fn row(cell: &Cell) -> Vec<String> {
    let missing = || "–".to_owned();
    let times = cell.trial_seconds.as_ref();
    let labels = if cell.labels.is_empty() {
        String::new()
    } else {
        format!(" ({})", cell.labels.join(", "))
    };
    vec![
        escape(&cell.workload),
        escape(&format!("{}{labels}", cell.environment)),
        cell.trials.to_string(),
        times.map_or_else(missing, |times| seconds(times.mean)),
        times.and_then(|times| Some(half_width(times.mean, times.ci95?))).unwrap_or_else(missing),
        cell.inference_ms.as_ref().and_then(|times| times.p50).map_or_else(missing, milliseconds),
        cell.cpu_percent.as_ref().map_or_else(missing, |used| percent(used.mean_all)),
        cell.memory_peak_bytes.map_or_else(missing, bytes),
        cell.start_seconds.map_or_else(missing, seconds),
        cell.cost_per_1000
            .as_ref()
            .map_or_else(missing, |cost| money(&cost.amount, &cost.currency)),
    ]
}

fn list(out: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## {title}\n");
    for line in lines {
        let _ = writeln!(out, "- {}", escape(line));
    }
}

/// Keeps text from being read as Markdown or HTML.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => out.push(' '),
            '\\' | '`' | '*' | '_' | '|' | '[' | ']' | '#' => {
                out.push('\\');
                out.push(character);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            other => out.push(other),
        }
    }
    out
}
