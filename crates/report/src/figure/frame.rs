//! What every chart shares: sizes, the order of series, marks, axes.

use weighbridge_experiment::RunRecord;

use super::palette::Ink;
use super::scale::{Scale, decimals};
use super::svg::{Anchor, Look, Stroke, Svg};
use super::text;
use crate::analysis::{Cell, Report};

pub(crate) const WIDTH: f64 = 900.0;
pub(crate) const MARGIN: f64 = 20.0;
pub(crate) const HEADING: f64 = 14.0;
pub(crate) const BODY: f64 = 12.0;
pub(crate) const SMALL: f64 = 11.0;

/// The place of an environment among the run's: its colour and its mark.
pub(crate) fn series(record: &RunRecord, environment: &str) -> usize {
    record.header.plan.environments.iter().position(|known| known.name == environment).unwrap_or(0)
}

/// Workloads in order, each with its cells in the order of environments.
pub(crate) fn by_workload(report: &Report) -> Vec<(&str, Vec<&Cell>)> {
    let mut groups: Vec<(&str, Vec<&Cell>)> = Vec::new();
    for cell in &report.cells {
        match groups.iter_mut().find(|(workload, _)| *workload == cell.workload) {
            Some((_, cells)) => cells.push(cell),
            None => groups.push((&cell.workload, vec![cell])),
        }
    }
    groups
}

/// The workload's name, and its application where that is another word.
pub(crate) fn workload_heading(cells: &[&Cell]) -> String {
    match cells.first() {
        Some(cell) if cell.application != cell.workload => {
            format!("{} ({})", cell.workload, cell.application)
        }
        Some(cell) => cell.workload.clone(),
        None => String::new(),
    }
}

/// The environment's name with the labels of the cell.
pub(crate) fn row_name(cell: &Cell) -> String {
    let labels: Vec<&str> =
        cell.labels.iter().map(String::as_str).filter(|label| *label != cell.environment).collect();
    if labels.is_empty() {
        cell.environment.clone()
    } else {
        format!("{} ({})", cell.environment, labels.join(", "))
    }
}

/// Sample counts of cells for a caption: `n = 20 trials`, or `n = 18 to 20 trials`.
pub(crate) fn counts<'a>(cells: impl Iterator<Item = &'a Cell>) -> String {
    let counts: Vec<usize> = cells.filter(|cell| cell.trials > 0).map(|cell| cell.trials).collect();
    match (counts.iter().min(), counts.iter().max()) {
        (Some(low), Some(high)) if low == high => format!("n = {low} trials in each cell"),
        (Some(low), Some(high)) => format!("n = {low} to {high} trials in a cell"),
        _ => "no trial worked".to_owned(),
    }
}

/// Every different instrument that read a quantity, for a caption.
pub(crate) fn instruments<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut different: Vec<&str> = Vec::new();
    for line in lines {
        if !different.contains(&line) && !line.starts_with("missing:") {
            different.push(line);
        }
    }
    different.join("; ")
}

/// A mark of its own shape for each series, about 9 pixels wide.
pub(crate) fn mark(svg: &mut Svg, (x, y): (f64, f64), series: usize) {
    let ink = Ink::Series(series);
    let look = Look { fill: Some(ink), stroke: Some(Stroke::solid(Ink::Paper, 1.0)) };
    match series % 5 {
        0 => svg.circle((x, y), 4.6, look),
        1 => svg.rectangle((x - 4.2, y - 4.2), (8.4, 8.4), 0.0, look),
        2 => svg.polygon(&[(x, y - 5.4), (x + 5.4, y + 4.2), (x - 5.4, y + 4.2)], look),
        3 => svg.polygon(&[(x, y - 5.8), (x + 5.8, y), (x, y + 5.8), (x - 5.8, y)], look),
        _ => svg.polygon(&[(x - 5.4, y - 4.2), (x + 5.4, y - 4.2), (x, y + 5.4)], look),
    }
}

/// How the numbers of an axis are written.
pub(crate) enum TickWords {
    /// As a number in a unit: the value times this factor.
    Factor(f64),
    /// Seconds as `m:ss`.
    MinutesSeconds,
}

impl TickWords {
    /// What the axis shows as 1: ticks are round in it.
    fn unit(&self) -> f64 {
        match self {
            Self::Factor(factor) => 1.0 / factor,
            Self::MinutesSeconds => 60.0,
        }
    }

    fn words(&self, value: f64, ticks: &[f64]) -> String {
        match self {
            Self::Factor(factor) => {
                let shown: Vec<f64> = ticks.iter().map(|tick| tick * factor).collect();
                format!("{:.*}", decimals(&shown), value * factor).replace('-', "−")
            }
            Self::MinutesSeconds => format!("{}:{:02}", value as u64 / 60, value as u64 % 60),
        }
    }
}

/// A horizontal axis below a plot, with grid lines through it. Labels that would touch are
/// left out; the line stays.
pub(crate) fn horizontal_axis(
    svg: &mut Svg,
    scale: &Scale,
    (top, bottom): (f64, f64),
    (left, right): (f64, f64),
    words: &TickWords,
    title: &str,
) {
    let ticks = scale.ticks(6, words.unit());
    let mut free_from = left - 30.0;
    for tick in &ticks {
        let x = scale.at(*tick);
        svg.line((x, top), (x, bottom), Stroke::solid(Ink::Grid, 1.0));
        let label = words.words(*tick, &ticks);
        let half = text::width(&label, SMALL) / 2.0;
        if x - half >= free_from {
            svg.text((x, bottom + 15.0), Anchor::Middle, SMALL, Ink::Muted, label);
            free_from = x + half + 8.0;
        }
    }
    svg.line((left, bottom), (right, bottom), Stroke::solid(Ink::Muted, 1.0));
    svg.text((f64::midpoint(left, right), bottom + 32.0), Anchor::Middle, SMALL, Ink::Muted, title);
}

/// Height that [`horizontal_axis`] takes below the plot.
pub(crate) const AXIS_HEIGHT: f64 = 40.0;
