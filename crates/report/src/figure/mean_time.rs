//! `edge.fig2`: the mean time of a trial, applications × environments.

use weighbridge_experiment::RunRecord;

use super::frame::{
    TickWords, WIDTH, by_workload, counts, instruments, row_name, series, workload_heading,
};
use super::palette::Ink;
use super::rows::{Columns, PanelText, RowText, panel, whisker};
use super::scale::{Scale, round_end};
use super::svg::{Look, Stroke, Svg};
use super::{Drawn, FigureBody};
use crate::analysis::{Cell, Report};
use crate::quantity::{TimeUnit, half_width, seconds};

const ROW: f64 = 34.0;
const BAR: f64 = 16.0;

pub(super) fn draw(record: &RunRecord, report: &Report) -> Result<Drawn, String> {
    if report.cells.iter().all(|cell| cell.trial_seconds.is_none()) {
        return Err("no trial worked".to_owned());
    }
    let names: Vec<String> = report.cells.iter().map(row_name).collect();
    let columns = Columns::for_names(names.iter().map(String::as_str));
    let mut svg = Svg::new(WIDTH, 0.0);
    let mut top = 4.0;
    for (_, cells) in by_workload(report) {
        top = workload(&mut svg, top, columns, &cells, record);
    }
    svg.set_height(top);
    let clocks = instruments(
        report.cells.iter().filter_map(|cell| Some(cell.instruments.as_ref()?.time.as_str())),
    );
    Ok(Drawn {
        title: "Mean time of a trial by application and environment".to_owned(),
        caption: format!(
            "Bars: arithmetic mean; whiskers: 95 % interval of the mean (Student's t over trials); {}. \
             Each application has an axis of its own, from 0. Time: {clocks}.",
            counts(report.cells.iter())
        ),
        body: FigureBody::Drawing(svg),
    })
}

fn workload(svg: &mut Svg, top: f64, columns: Columns, cells: &[&Cell], record: &RunRecord) -> f64 {
    let largest = cells.iter().filter_map(|cell| {
        let times = cell.trial_seconds.as_ref()?;
        Some(times.ci95.map_or(times.mean, |interval| interval[1]))
    });
    let largest = largest.fold(0.0, f64::max);
    let unit = TimeUnit::for_seconds(largest);
    let content = PanelText {
        heading: workload_heading(cells),
        axis_title: format!("mean time of a trial, {}", unit.name),
        rows: cells.iter().map(|cell| row(cell)).collect(),
    };
    // The end is round in the unit that is shown.
    let end = round_end(largest * unit.factor) / unit.factor;
    let scale = Scale::new((0.0, end), (columns.left, columns.right));
    let placed = panel(svg, top, columns, ROW, &content, &scale, &TickWords::Factor(unit.factor));
    for (cell, (row_top, row_bottom)) in cells.iter().zip(&placed.rows) {
        let Some(times) = &cell.trial_seconds else { continue };
        let series = series(record, &cell.environment);
        let y = f64::midpoint(*row_top, *row_bottom);
        let look = Look {
            fill: Some(Ink::Pale(series)),
            stroke: Some(Stroke::solid(Ink::Series(series), 1.0)),
        };
        let width = (scale.at(times.mean) - columns.left).max(0.5);
        svg.rectangle((columns.left, y - BAR / 2.0), (width, BAR), 0.0, look);
        if let Some([low, high]) = times.ci95 {
            whisker(svg, &scale, y, [low.max(0.0), high], Ink::Text);
        }
    }
    placed.bottom
}

fn row(cell: &Cell) -> RowText {
    let values = cell.trial_seconds.as_ref().map_or_else(Vec::new, |times| {
        let interval = times.ci95.map(|interval| format!(" {}", half_width(times.mean, interval)));
        vec![
            format!("{}{}", seconds(times.mean), interval.unwrap_or_default()),
            format!("n = {}", cell.trials),
        ]
    });
    RowText { name: row_name(cell), values, missing: missing(cell) }
}

/// Why a cell has no mark: the reason, and the first failure where there is one.
pub(super) fn missing(cell: &Cell) -> Option<String> {
    let reason = cell.trial_seconds_reason.as_ref()?;
    Some(match cell.failures.first() {
        Some(failure) => format!("{reason}: {}", failure.reason),
        None => reason.clone(),
    })
}
