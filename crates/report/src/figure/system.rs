//! What system benchmarks of a run show: `edge.fig8` and `edge.fig9` (file throughput),
//! `edge.table1` (transfer) and `edge.table2` (processor).

use weighbridge_experiment::{RunRecord, TaskPlan};

use super::frame::{TickWords, WIDTH, instruments, row_name, series};
use super::palette::Ink;
use super::rows::{Columns, PanelText, RowText, panel, whisker};
use super::scale::{Scale, round_end};
use super::svg::{Look, Stroke, Svg};
use super::table::{Column, Entry, Table};
use super::{Drawn, FigureBody};
use crate::analysis::{Cell, Report, SystemRow};
use crate::quantity::{half_width, significant};

const ROW: f64 = 30.0;
const BAR: f64 = 14.0;

/// One row of a benchmark in one environment.
struct Found<'a> {
    cell: &'a Cell,
    row: &'a SystemRow,
}

/// Sequential reading and writing of files.
pub(super) fn sequential_files(record: &RunRecord, report: &Report) -> Result<Drawn, String> {
    files(record, report, "sequential")
}

/// Random reading and writing of files.
pub(super) fn random_files(record: &RunRecord, report: &Report) -> Result<Drawn, String> {
    files(record, report, "random")
}

fn files(record: &RunRecord, report: &Report, order: &str) -> Result<Drawn, String> {
    let found: Vec<Found<'_>> = of_kind(record, report, "fileio")
        .into_iter()
        .filter(|found| found.row.mode.starts_with(order))
        .collect();
    if found.is_empty() {
        return Err(format!("no workload of kind \"fileio\" has a {order} mode"));
    }
    let names: Vec<String> = found.iter().map(file_row_name).collect();
    let columns = Columns::for_names(names.iter().map(String::as_str));
    let mut svg = Svg::new(WIDTH, 0.0);
    let mut top = 4.0;
    for (heading, rows) in by_operation(&found) {
        top = operation(&mut svg, top, columns, heading, &rows, record);
    }
    svg.set_height(top);
    Ok(Drawn {
        title: format!("File throughput, {order}, by block size and environment"),
        caption: format!(
            "Bars: arithmetic mean over trials; whiskers: 95 % interval of the mean (Student's t). MB is 10⁶ \
             bytes. Each operation has an axis of its own, from 0. Instrument: {}.",
            instruments(found.iter().map(|found| found.row.instrument.as_str()))
        ),
        body: FigureBody::Drawing(svg),
    })
}

/// All rows of workloads of a kind, in the order of the run.
fn of_kind<'a>(record: &RunRecord, report: &'a Report, kind: &str) -> Vec<Found<'a>> {
    let is_kind = |cell: &&Cell| {
        let workload = record.header.plan.workload(&cell.workload);
        workload.is_some_and(|workload| match &workload.task {
            TaskPlan::Benchmark(benchmark) => benchmark.kind() == kind,
            _ => false,
        })
    };
    let cells = report.cells.iter().filter(is_kind);
    cells
        .flat_map(|cell| cell.system.iter().flatten().map(move |row| Found { cell, row }))
        .collect()
}

/// `sequential-read 4 KiB` is the operation `sequential-read` with a block of `4 KiB`.
fn split(mode: &str) -> (&str, &str) {
    mode.split_once(' ').unwrap_or((mode, ""))
}

fn file_row_name(found: &Found<'_>) -> String {
    let labels = found.row.labels.iter().map(|label| format!("; {label}")).collect::<String>();
    format!("{}, {}{labels}", split(&found.row.mode).1, row_name(found.cell))
}

/// The rows of each operation, ordered by block as the benchmark took them.
fn by_operation<'a, 'f>(found: &'f [Found<'a>]) -> Vec<(String, Vec<&'f Found<'a>>)> {
    let mut groups: Vec<(String, Vec<&Found<'_>>)> = Vec::new();
    for one in found {
        let heading = format!("{}: {}", one.cell.workload, split(&one.row.mode).0);
        match groups.iter_mut().find(|(known, _)| *known == heading) {
            Some((_, rows)) => rows.push(one),
            None => groups.push((heading, vec![one])),
        }
    }
    for (_, rows) in &mut groups {
        let mut blocks: Vec<&str> = Vec::new();
        for row in rows.iter() {
            let block = split(&row.row.mode).1;
            if !blocks.contains(&block) {
                blocks.push(block);
            }
        }
        // Blocks outermost, so that environments stand beside one another.
        rows.sort_by_key(|row| blocks.iter().position(|block| *block == split(&row.row.mode).1));
    }
    groups
}

fn operation(
    svg: &mut Svg,
    top: f64,
    columns: Columns,
    heading: String,
    rows: &[&Found<'_>],
    record: &RunRecord,
) -> f64 {
    let quantities = || rows.iter().filter_map(|found| found.row.quantities.first());
    let largest = quantities()
        .map(|quantity| quantity.ci95.map_or(quantity.mean, |interval| interval[1]))
        .fold(0.0, f64::max);
    let unit = quantities().next().map_or("MB/s", |quantity| quantity.unit.as_str());
    let content = PanelText {
        heading,
        axis_title: format!("throughput, {unit}"),
        rows: rows.iter().map(|found| words(found)).collect(),
    };
    let scale =
        Scale::new((0.0, round_end(largest.max(f64::MIN_POSITIVE))), (columns.left, columns.right));
    let placed = panel(svg, top, columns, ROW, &content, &scale, &TickWords::Factor(1.0));
    for (found, (row_top, row_bottom)) in rows.iter().zip(&placed.rows) {
        let Some(quantity) = found.row.quantities.first() else { continue };
        let series = series(record, &found.cell.environment);
        let y = f64::midpoint(*row_top, *row_bottom);
        let look = Look {
            fill: Some(Ink::Pale(series)),
            stroke: Some(Stroke::solid(Ink::Series(series), 1.0)),
        };
        let width = (scale.at(quantity.mean) - columns.left).max(0.5);
        svg.rectangle((columns.left, y - BAR / 2.0), (width, BAR), 0.0, look);
        if let Some([low, high]) = quantity.ci95 {
            whisker(svg, &scale, y, [low.max(0.0), high], Ink::Text);
        }
    }
    placed.bottom
}

fn words(found: &Found<'_>) -> RowText {
    let values = found.row.quantities.first().map_or_else(Vec::new, |quantity| {
        let interval = quantity.ci95.map(|interval| half_width(quantity.mean, interval));
        vec![
            format!(
                "{} {} {}",
                significant(quantity.mean, 3),
                quantity.unit,
                interval.unwrap_or_default()
            ),
            format!("n = {}", found.row.trials),
        ]
    });
    let missing = values.is_empty().then(|| {
        let reason = found.row.quantities_reason.clone();
        reason.unwrap_or_else(|| "no trial gave a figure".to_owned())
    });
    RowText { name: file_row_name(found), values, missing }
}

/// The transfer of files to another host.
pub(super) fn transfer(record: &RunRecord, report: &Report) -> Result<Drawn, String> {
    table(record, report, "transfer", "Transfer of files to another host over ssh")
}

/// The processor benchmark. The paper prints its run time, which is fixed beforehand; what
/// tells processors apart is how many events fit into it.
pub(super) fn processor(record: &RunRecord, report: &Report) -> Result<Drawn, String> {
    table(record, report, "cpu", "Processor benchmark")
}

fn table(record: &RunRecord, report: &Report, kind: &str, title: &str) -> Result<Drawn, String> {
    let found = of_kind(record, report, kind);
    if found.is_empty() {
        return Err(format!("no workload of kind \"{kind}\" gave a result"));
    }
    let widest = found.iter().map(|found| found.row.quantities.len()).max().unwrap_or(0);
    let name = |key: &str, title: &str| Column { key: key.to_owned(), title: title.to_owned() };
    let mut columns = vec![
        name("workload", "workload"),
        name("part", "part"),
        name("environment", "environment"),
    ];
    for index in 0..widest {
        let unit = found
            .iter()
            .find_map(|found| Some(found.row.quantities.get(index)?.unit.clone()))
            .unwrap_or_default();
        columns.push(name(&format!("mean_{}", key(&unit)), &format!("mean, {unit}")));
    }
    columns.push(name("trials", "n"));
    let row = |found: &Found<'_>| {
        let mut entries = vec![
            Entry::Text(found.cell.workload.clone()),
            Entry::Text(found.row.mode.clone()),
            Entry::Text(row_name(found.cell)),
        ];
        entries.extend((0..widest).map(|index| entry(found, index)));
        entries.push(Entry::Number {
            value: found.row.trials as f64,
            shown: found.row.trials.to_string(),
        });
        entries
    };
    Ok(Drawn {
        title: title.to_owned(),
        caption: format!(
            "Arithmetic mean over n trials, with half of its 95 % interval (Student's t). Instrument: {}.",
            instruments(found.iter().map(|found| found.row.instrument.as_str()))
        ),
        body: FigureBody::Table(Table { columns, rows: found.iter().map(row).collect() }),
    })
}

/// A unit as part of a name that CSV and JSON keep.
fn key(unit: &str) -> String {
    unit.replace('/', "_per_")
        .replace(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_', "_")
}

fn entry(found: &Found<'_>, index: usize) -> Entry {
    match found.row.quantities.get(index) {
        Some(quantity) => {
            let interval = quantity.ci95.map(|interval| half_width(quantity.mean, interval));
            Entry::Number {
                value: quantity.mean,
                shown: format!(
                    "{} {}",
                    significant(quantity.mean, 4),
                    interval.unwrap_or_default()
                )
                .trim_end()
                .to_owned(),
            }
        }
        None => Entry::Missing(format!(
            "{} in {}: {}",
            found.cell.workload,
            found.cell.environment,
            found.row.quantities_reason.as_deref().unwrap_or("not measured")
        )),
    }
}
