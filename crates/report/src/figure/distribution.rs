//! `edge.fig3`: how the times of trials are distributed in each environment.
//!
//! The edge paper shows fitted normal curves alone; here every trial is a dot, the density is
//! estimated from the dots, and the normal curve lies beside it to be judged.

use std::f64::consts::TAU;

use weighbridge_experiment::RunRecord;

use super::frame::{TickWords, WIDTH, by_workload, counts, row_name, series, workload_heading};
use super::mean_time::missing;
use super::palette::Ink;
use super::rows::{Columns, PanelText, RowText, panel};
use super::scale::Scale;
use super::svg::{Look, Stroke, Svg};
use super::{Drawn, FigureBody};
use crate::analysis::statistics::{mean, standard_deviation};
use crate::analysis::{Cell, Report, TrialSeconds};
use crate::quantity::{TimeUnit, seconds};

const ROW: f64 = 78.0;
const DENSITY_HEIGHT: f64 = 46.0;
const STRIP: f64 = 16.0;
const STEPS: usize = 160;
/// From this ratio of longest to shortest on, a common axis of time would press the shorter
/// distributions into a line: each trial is shown relative to the mean of its row instead.
const RELATIVE_FROM: f64 = 3.0;
/// Densities below this share of the highest are not drawn: they would only trace the baseline.
const FAINTEST: f64 = 0.004;

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
    Ok(Drawn {
        title: "Distribution of the times of trials in each environment".to_owned(),
        caption: format!(
            "Each dot is one trial; filled: Gaussian kernel density (Silverman's bandwidth); dashed: normal curve \
             of the same mean and standard deviation; upright line: mean; {}. The height of each row is scaled \
             by itself. Where times differ more than threefold, each row is shown relative to its own mean.",
            counts(report.cells.iter())
        ),
        body: FigureBody::Drawing(svg),
    })
}

fn workload(svg: &mut Svg, top: f64, columns: Columns, cells: &[&Cell], record: &RunRecord) -> f64 {
    let times = || cells.iter().filter_map(|cell| cell.trial_seconds.as_ref());
    let low = times().map(|times| times.min).fold(f64::INFINITY, f64::min);
    let high = times().map(|times| times.max).fold(0.0, f64::max);
    let relative = high > RELATIVE_FROM * low;
    let shown = |times: &TrialSeconds| -> Vec<f64> {
        let relate =
            |value: &f64| if relative { (value / times.mean - 1.0) * 100.0 } else { *value };
        times.values.iter().map(relate).collect()
    };
    let scale = axis(&times().flat_map(shown).collect::<Vec<_>>(), columns);
    let unit = TimeUnit::for_seconds(high);
    let (factor, axis_title) = if relative {
        (1.0, "time of a trial relative to the mean of its row, %".to_owned())
    } else {
        (unit.factor, format!("time of a trial, {}", unit.name))
    };
    let content = PanelText {
        heading: workload_heading(cells),
        axis_title,
        rows: cells.iter().map(|cell| row(cell)).collect(),
    };
    let placed = panel(svg, top, columns, ROW, &content, &scale, &TickWords::Factor(factor));
    for (cell, (row_top, row_bottom)) in cells.iter().zip(&placed.rows) {
        let Some(times) = &cell.trial_seconds else { continue };
        let middle = f64::midpoint(*row_top, *row_bottom);
        let baseline = middle + (DENSITY_HEIGHT - STRIP) / 2.0;
        let place =
            Place { scale: &scale, columns, baseline, series: series(record, &cell.environment) };
        one_row(svg, &place, &shown(times));
    }
    placed.bottom
}

/// An axis that holds all values with some room for the flanks of the curves.
fn axis(values: &[f64], columns: Columns) -> Scale {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
    let room = ((high - low) * 0.2).max(high.abs() * 0.002).max(1e-9);
    Scale::new((low - room, high + room), (columns.left, columns.right))
}

fn row(cell: &Cell) -> RowText {
    let values = cell.trial_seconds.as_ref().map_or_else(Vec::new, |times| {
        let spread =
            times.std.map_or_else(|| "no spread".to_owned(), |std| format!("std {}", seconds(std)));
        vec![format!("mean {}", seconds(times.mean)), spread, format!("n = {}", cell.trials)]
    });
    RowText { name: row_name(cell), values, missing: missing(cell) }
}

struct Place<'a> {
    scale: &'a Scale,
    columns: Columns,
    baseline: f64,
    series: usize,
}

fn one_row(svg: &mut Svg, place: &Place<'_>, values: &[f64]) {
    let (left, right) = (place.columns.left, place.columns.right);
    svg.line((left, place.baseline), (right, place.baseline), Stroke::solid(Ink::Grid, 1.0));
    let Some(centre) = mean(values) else { return };
    if let (Some(kernel), Some(spread)) = (kernel_density(values), standard_deviation(values)) {
        curves(svg, place, &kernel, (centre, spread));
    }
    let x = place.scale.at(centre);
    svg.line(
        (x, place.baseline - DENSITY_HEIGHT),
        (x, place.baseline + STRIP),
        Stroke::solid(Ink::Text, 1.2),
    );
    let radius = if values.len() > 100 { 1.6 } else { 2.6 };
    for (index, value) in values.iter().enumerate() {
        // Four heights in turn keep neighbours apart without drawing lots.
        let y = place.baseline + 4.5 + (index % 4) as f64 * 3.2;
        svg.circle((place.scale.at(*value), y), radius, Look::filled(Ink::Series(place.series)));
    }
}

/// The estimated density as an area, the normal curve dashed over it, on one vertical scale.
fn curves(svg: &mut Svg, place: &Place<'_>, kernel: &Kernel, (centre, spread): (f64, f64)) {
    let (left, right) = (place.columns.left, place.columns.right);
    let places: Vec<f64> =
        (0..=STEPS).map(|step| left + (right - left) * step as f64 / STEPS as f64).collect();
    let densities = |density: &dyn Fn(f64) -> f64| -> Vec<f64> {
        places.iter().map(|x| density(place.scale.value(*x))).collect()
    };
    let estimated = densities(&|value| kernel.at(value));
    let fitted = densities(&|value| normal(value, centre, spread));
    let highest = estimated.iter().chain(&fitted).copied().fold(f64::MIN_POSITIVE, f64::max);
    let curve = |densities: &[f64]| -> Vec<(f64, f64)> {
        let seen =
            places.iter().zip(densities).filter(|(_, density)| **density > FAINTEST * highest);
        seen.map(|(x, density)| (*x, place.baseline - density / highest * DENSITY_HEIGHT)).collect()
    };
    let outline = curve(&estimated);
    let (Some(first), Some(last)) = (outline.first(), outline.last()) else { return };
    let mut area = vec![(first.0, place.baseline)];
    area.extend(&outline);
    area.push((last.0, place.baseline));
    svg.polygon(&area, Look::filled(Ink::Pale(place.series)));
    svg.polygon(&outline, Look::outlined(Ink::Series(place.series), 1.5));
    svg.polygon(&curve(&fitted), Look::line(Stroke::dashed(Ink::Text, 1.2)));
}

/// The density of the normal distribution.
fn normal(value: f64, centre: f64, spread: f64) -> f64 {
    (-((value - centre) / spread).powi(2) / 2.0).exp() / (spread * TAU.sqrt())
}

/// Gaussian kernel density estimate.
struct Kernel {
    values: Vec<f64>,
    bandwidth: f64,
}

/// With the bandwidth of Silverman (1986), eq. 3.31; `None` where the values have no spread.
fn kernel_density(values: &[f64]) -> Option<Kernel> {
    let spread = standard_deviation(values)?;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let quartiles = sorted[sorted.len() * 3 / 4] - sorted[sorted.len() / 4];
    let narrow = if quartiles > 0.0 { spread.min(quartiles / 1.34) } else { spread };
    let bandwidth = 0.9 * narrow * (values.len() as f64).powf(-0.2);
    (bandwidth > 0.0).then(|| Kernel { values: values.to_vec(), bandwidth })
}

impl Kernel {
    fn at(&self, value: f64) -> f64 {
        let kernels: Vec<f64> = self
            .values
            .iter()
            .map(|centre| (-((value - centre) / self.bandwidth).powi(2) / 2.0).exp())
            .collect();
        mean(&kernels).unwrap_or(0.0) / (self.bandwidth * TAU.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_density_holds_all_of_the_probability() {
        let kernel = kernel_density(&[1.0, 1.2, 1.1, 1.6, 1.4]).expect("a density");
        let total: f64 = (0..4000).map(|step| kernel.at(f64::from(step) * 0.001) * 0.001).sum();
        assert!((total - 1.0).abs() < 0.01, "{total}");
        assert!(kernel_density(&[1.0, 1.0]).is_none());
    }
}
