//! `edge.appendix1`: the standard deviation of a cell's times after 10, 20, 30, … trials.

use weighbridge_experiment::RunRecord;

use super::frame::counts;
use super::table::{Column, Entry, Table};
use super::{Drawn, FigureBody};
use crate::analysis::{Cell, Report};
use crate::quantity::{TimeUnit, significant};

pub(super) fn draw(_: &RunRecord, report: &Report) -> Result<Drawn, String> {
    let by_ten =
        |cell: &Cell| cell.trial_seconds.as_ref().map_or(0, |times| times.std_by_ten.len());
    let tens = report.cells.iter().map(by_ten).max().unwrap_or(0);
    if tens == 0 {
        return Err("no cell has 10 trials that worked".to_owned());
    }
    let name = |key: &str, title: &str| Column { key: key.to_owned(), title: title.to_owned() };
    let mut columns = vec![name("workload", "workload"), name("environment", "environment")];
    columns.extend((1..=tens).map(|ten| {
        name(&format!("std_seconds_after_{}", ten * 10), &format!("after {}", ten * 10))
    }));
    let row = |cell: &Cell| {
        let mut row =
            vec![Entry::Text(cell.workload.clone()), Entry::Text(super::frame::row_name(cell))];
        row.extend((0..tens).map(|ten| entry(cell, ten)));
        row
    };
    Ok(Drawn {
        title: "Standard deviation of the time of a trial after each ten trials".to_owned(),
        caption: format!(
            "Sample standard deviation (n − 1) of the first trials in block order; {}. Time by the agent's clock.",
            counts(report.cells.iter())
        ),
        body: FigureBody::Table(Table { columns, rows: report.cells.iter().map(row).collect() }),
    })
}

fn entry(cell: &Cell, ten: usize) -> Entry {
    let deviation = cell.trial_seconds.as_ref().and_then(|times| times.std_by_ten.get(ten));
    match (deviation, &cell.trial_seconds) {
        (Some(value), Some(times)) => {
            // One unit a row, that of the mean, so that a row can be read across.
            let unit = TimeUnit::for_seconds(times.mean / 10.0);
            Entry::Number {
                value: *value,
                shown: format!("{} {}", significant(value * unit.factor, 3), unit.name),
            }
        }
        _ => Entry::Missing(format!(
            "{} in {}: {} trials worked",
            cell.workload, cell.environment, cell.trials
        )),
    }
}
