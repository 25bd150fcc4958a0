//! The one table that a run ends in, with its verdicts and notes, for 80 columns and more.

use super::grid::{Align, Grid, wrap};
use crate::analysis::{Cell, CellStatus, Comparison, Report, UnavailableEnvironment};
use crate::quantity::{
    amount, bytes, half_width, milliseconds, money, percent, seconds, short_seconds,
};

/// The report for a terminal: at most `width` columns (at least 60 are needed to read it
/// well), with colours where asked for. Ends with a line feed.
#[must_use]
pub fn table(report: &Report, width: usize, colour: bool) -> String {
    let width = width.max(40);
    let applications = report.of_applications();
    let benchmarks = super::system::grid(report);
    let mut out = String::new();
    if !applications.cells.is_empty() || benchmarks.is_none() || !report.unavailable.is_empty() {
        out.push_str(&cells(&applications, width).render(width, colour));
    }
    if let Some(grid) = &benchmarks {
        out.push_str(if out.is_empty() { "" } else { "\n" });
        out.push_str(&grid.render(width, colour));
    }
    section(&mut out, "No figures", &super::system::without_rows(report), width, colour);
    section(&mut out, "Instruments", &super::system::instruments(report), width, colour);
    section(&mut out, "Verdicts", &verdicts(report), width, colour);
    section(&mut out, "Prices", &prices(report), width, colour);
    section(&mut out, "Notes", &report.notes, width, colour);
    out
}

pub(super) fn section(out: &mut String, title: &str, lines: &[String], width: usize, colour: bool) {
    if lines.is_empty() {
        return;
    }
    out.push_str(&if colour {
        format!("\n\u{1b}[1m{title}\u{1b}[0m\n")
    } else {
        format!("\n{title}\n")
    });
    for line in lines {
        for (index, piece) in wrap(line, width - 4).iter().enumerate() {
            out.push_str(if index == 0 { "  " } else { "    " });
            out.push_str(piece);
            out.push('\n');
        }
    }
}

const P50: &str = "p50/inf.";

/// A column of the table of cells.
struct Column {
    title: String,
    align: Align,
    entry: fn(&Cell) -> String,
    /// Left out first where the width does not hold all; 0 stays always.
    dispensable: u8,
}

fn columns(report: &Report) -> Vec<Column> {
    use Align::{Left, Right};
    let column = |title: &str, align, dispensable, entry| Column {
        title: title.to_owned(),
        align,
        entry,
        dispensable,
    };
    let mut currencies: Vec<&str> = report
        .cells
        .iter()
        .filter_map(|cell| Some(cell.cost_per_1000.as_ref()?.currency.as_str()))
        .collect();
    currencies.dedup();
    let cost = match currencies.as_slice() {
        [one] => column(&format!("{one}/1,000"), Right, 0, |cell| {
            cell.cost_per_1000.as_ref().map_or_else(missing, |cost| amount(&cost.amount))
        }),
        _ => column("cost/1,000", Right, 0, |cell| {
            cell.cost_per_1000
                .as_ref()
                .map_or_else(missing, |cost| money(&cost.amount, &cost.currency))
        }),
    };
    vec![
        column("environment", Left, 0, |cell| cell.environment.clone()),
        column("n", Right, 0, trials),
        column("mean trial, 95 %", Right, 0, mean_words),
        column(P50, Right, 1, |cell| {
            cell.inference_ms
                .as_ref()
                .and_then(|times| times.p50)
                .map_or_else(missing, milliseconds)
        }),
        column("CPU", Right, 0, |cell| {
            cell.cpu_percent.as_ref().map_or_else(missing, |used| percent(used.mean_all))
        }),
        column("memory", Right, 2, |cell| cell.memory_peak_bytes.map_or_else(missing, bytes)),
        column("start", Right, 3, |cell| cell.start_seconds.map_or_else(missing, short_seconds)),
        cost,
    ]
}

/// The cells as a grid; columns are left out, and said to be, rather than broken.
fn cells(report: &Report, width: usize) -> Grid {
    let mut columns = columns(report);
    let mut left_out: Vec<String> = Vec::new();
    loop {
        let grid = grid(report, &columns, &left_out);
        let next = columns.iter().map(|column| column.dispensable).max().unwrap_or(0);
        if grid.fits(width) || next == 0 {
            return grid;
        }
        left_out.extend(
            columns
                .iter()
                .filter(|column| column.dispensable == next)
                .map(|column| column.title.clone()),
        );
        columns.retain(|column| column.dispensable != next);
    }
}

fn grid(report: &Report, columns: &[Column], left_out: &[String]) -> Grid {
    let header: Vec<(&str, Align)> =
        columns.iter().map(|column| (column.title.as_str(), column.align)).collect();
    let mut grid = Grid::new(&header);
    let mut workload = "";
    for cell in &report.cells {
        if cell.workload != workload {
            workload = &cell.workload;
            grid.heading(workload);
        }
        grid.row(columns.iter().map(|column| (column.entry)(cell)).collect());
        for remark in remarks(cell) {
            grid.remark(remark);
        }
    }
    if !report.unavailable.is_empty() {
        grid.heading("not run");
    }
    for missing in &report.unavailable {
        grid.words(missing.environment.as_str(), unavailable_words(missing));
    }
    let has = |title: &str| columns.iter().any(|column| column.title == title);
    let mut legend = "CPU: 100 % is one core; /1,000: cost of 1,000 inferences".to_owned();
    if has(P50) {
        legend = format!("{P50}: median time of one inference; {legend}");
    }
    if report.cells.iter().any(|cell| cell.cost_per_1000.is_none() && cell.price_source.is_none()) {
        legend =
            format!("{legend}; cost –: no price named, `price` in an experiment file names one");
    }
    if !left_out.is_empty() {
        legend = format!("{legend}; left out at this width: {}", left_out.join(", "));
    }
    grid.footer(legend);
    grid
}

fn missing() -> String {
    "–".to_owned()
}

fn trials(cell: &Cell) -> String {
    if cell.status == CellStatus::Ok {
        cell.trials.to_string()
    } else {
        format!("{}/{}", cell.trials, cell.trials_asked)
    }
}

fn mean_words(cell: &Cell) -> String {
    let Some(times) = &cell.trial_seconds else { return missing() };
    let interval = times.ci95.map(|interval| format!(" {}", half_width(times.mean, interval)));
    format!("{}{}", seconds(times.mean), interval.unwrap_or_default())
}

/// Labels, and why numbers of a row are missing.
fn remarks(cell: &Cell) -> Vec<String> {
    let mut remarks = Vec::new();
    if !cell.labels.is_empty() && cell.labels != [cell.environment.as_str()] {
        remarks.push(cell.labels.join(", "));
    }
    if let Some(words) = failure_words(cell) {
        remarks.push(words);
    }
    if cell.trials > 0 {
        let reasons =
            [("CPU", &cell.cpu_percent_reason), ("memory", &cell.memory_peak_bytes_reason)];
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
    Some(format!(
        "{} of {} trials failed: {}{others}",
        cell.failures.len(),
        cell.trials_asked,
        first.reason
    ))
}

/// One comparison in a line.
pub(super) fn comparison_words(comparison: &Comparison) -> String {
    let labels = if comparison.labels.is_empty() {
        String::new()
    } else {
        format!(" [{}]", comparison.labels.join(", "))
    };
    let blocks = if comparison.ci95.is_some() {
        format!(", {} blocks", comparison.n)
    } else {
        String::new()
    };
    let part = comparison
        .mode
        .as_ref()
        .map_or_else(String::new, |mode| format!(" ({mode}, {})", comparison.metric));
    format!(
        "{}{part}, {} against {}: {}{blocks}{labels}",
        comparison.workload, comparison.b, comparison.a, comparison.verdict
    )
}

pub(super) fn verdicts(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for comparison in &report.comparisons {
        // Parts of a benchmark that all lack a verdict for one reason are said once.
        let words = match (&comparison.mode, comparison.ci95) {
            (Some(_), None) => comparison_words(&Comparison { mode: None, ..comparison.clone() }),
            _ => comparison_words(comparison),
        };
        if !lines.contains(&words) {
            lines.push(words);
        }
    }
    lines.extend(report.not_compared_words());
    lines
}

/// Why an environment was not run, and the command that enables it.
fn unavailable_words(missing: &UnavailableEnvironment) -> String {
    let enable = missing.enable.as_ref().map(|command| format!("; to enable: {command}"));
    format!("{}{}", missing.reason, enable.unwrap_or_default())
}

pub(super) fn not_run(report: &Report) -> Vec<String> {
    let line = |missing: &UnavailableEnvironment| {
        format!("{}: {}", missing.environment, unavailable_words(missing))
    };
    report.unavailable.iter().map(line).collect()
}

/// Each price with the environments that it is for.
pub(super) fn prices(report: &Report) -> Vec<String> {
    let mut sources: Vec<(&str, Vec<&str>)> = Vec::new();
    for cell in &report.cells {
        let Some(source) = cell.price_source.as_deref() else { continue };
        if !sources.iter().any(|(known, _)| *known == source) {
            sources.push((source, Vec::new()));
        }
        for (known, environments) in &mut sources {
            if *known == source && !environments.contains(&cell.environment.as_str()) {
                environments.push(&cell.environment);
            }
        }
    }
    sources.iter().map(|(source, names)| format!("{}: {source}", names.join(", "))).collect()
}
