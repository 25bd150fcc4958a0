//! `edge.fig3`: how the times of trials are distributed in each environment.
//!
//! The edge paper shows fitted normal curves alone; here every trial is a dot, the density is
//! estimated from the dots, and the normal curve lies beside it to be judged.

use std::f64::consts::{PI, TAU};

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
/// From this ratio of longest to shortest on, a linear axis would press the shorter
/// distributions into a line.
const LOGARITHMIC_FROM: f64 = 6.0;

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
             by itself; where times differ more than sixfold the axis is logarithmic.",
            counts(report.cells.iter())
        ),
        body: FigureBody::Drawing(svg),
    })
}

fn workload(svg: &mut Svg, top: f64, columns: Columns, cells: &[&Cell], record: &RunRecord) -> f64 {
    let times = || cells.iter().filter_map(|cell| cell.trial_seconds.as_ref());
    let low = times().map(|times| times.min).fold(f64::INFINITY, f64::min);
    let high = times().map(|times| times.max).fold(0.0, f64::max);
    let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
    let scale = axis(low, high, columns);
    let unit = TimeUnit::for_seconds(high);
    let content = PanelText {
        heading: workload_heading(cells),
        axis_title: format!("time of a trial, {}", unit.name),
        rows: cells.iter().map(|cell| row(cell)).collect(),
    };
    let placed = panel(svg, top, columns, ROW, &content, &scale, &TickWords::Factor(unit.factor));
    for (cell, (row_top, row_bottom)) in cells.iter().zip(&placed.rows) {
        let Some(times) = &cell.trial_seconds else { continue };
        let middle = f64::midpoint(*row_top, *row_bottom);
        let baseline = middle + (DENSITY_HEIGHT - STRIP) / 2.0;
        let place = Place { scale: &scale, columns, baseline, series: series(record, &cell.environment) };
        one_row(svg, &place, times);
    }
    placed.bottom
}

fn axis(low: f64, high: f64, columns: Columns) -> Scale {
    let ends = (columns.left, columns.right);
    if low > 0.0 && high / low >= LOGARITHMIC_FROM {
        let room = (high / low).powf(0.08);
        return Scale::logarithmic((low / room, high * room), ends);
    }
    let room = ((high - low) * 0.15).max(high * 0.002).max(1e-9);
    Scale::linear(((low - room).max(0.0), high + room), ends)
}

fn row(cell: &Cell) -> RowText {
    let values = cell.trial_seconds.as_ref().map_or_else(Vec::new, |times| {
        let spread = times.std.map_or_else(|| "one trial".to_owned(), seconds);
        vec![format!("mean {}", seconds(times.mean)), format!("std {spread}"), format!("n = {}", cell.trials)]
    });
    RowText { name: row_name(cell), values, missing: missing(cell) }
}

struct Place<'a> {
    scale: &'a Scale,
    columns: Columns,
    baseline: f64,
    series: usize,
}

impl Place<'_> {
    /// The value as the axis sees it: densities are drawn per unit of the axis.
    fn on_axis(&self, value: f64) -> f64 {
        if self.scale.is_logarithmic() { value.ln() } else { value }
    }
}

fn one_row(svg: &mut Svg, place: &Place<'_>, times: &TrialSeconds) {
    let (left, right) = (place.columns.left, place.columns.right);
    let places: Vec<f64> =
        (0..=STEPS).map(|step| left + (right - left) * step as f64 / STEPS as f64).collect();
    let kernel = kernel_density(&times.values.iter().map(|value| place.on_axis(*value)).collect::<Vec<_>>());
    let spread = times.std.filter(|spread| *spread > 0.0);
    if let (Some(kernel), Some(spread)) = (kernel, spread) {
        let estimated: Vec<f64> =
            places.iter().map(|x| kernel.at(place.on_axis(place.scale.value(*x)))).collect();
        let fitted: Vec<f64> = places.iter().map(|x| normal(place, place.scale.value(*x), times.mean, spread)).collect();
        let highest = estimated.iter().chain(&fitted).copied().fold(f64::MIN_POSITIVE, f64::max);
        let height = |density: f64| place.baseline - density / highest * DENSITY_HEIGHT;
        let curve = |densities: &[f64]| -> Vec<(f64, f64)> {
            places.iter().zip(densities).map(|(x, density)| (*x, height(*density))).collect()
        };
        let mut area = curve(&estimated);
        area.push((right, place.baseline));
        area.insert(0, (left, place.baseline));
        svg.polygon(&area, Look::filled(Ink::Pale(place.series)));
        svg.polygon(&curve(&estimated), Look::outlined(Ink::Series(place.series), 1.5));
        svg.polygon(&curve(&fitted), Look::line(Stroke::dashed(Ink::Text, 1.2)));
    }
    svg.line((left, place.baseline), (right, place.baseline), Stroke::solid(Ink::Grid, 1.0));
    let x = place.scale.at(times.mean);
    svg.line((x, place.baseline - DENSITY_HEIGHT), (x, place.baseline + STRIP), Stroke::solid(Ink::Text, 1.2));
    let radius = if times.values.len() > 100 { 1.6 } else { 2.6 };
    for (index, value) in times.values.iter().enumerate() {
        // Four heights in turn keep neighbours apart without drawing lots.
        let y = place.baseline + 4.5 + (index % 4) as f64 * 3.2;
        svg.circle((place.scale.at(*value), y), radius, Look::filled(Ink::Series(place.series)));
    }
}

/// The density of the normal distribution per unit of the axis.
fn normal(place: &Place<'_>, value: f64, centre: f64, spread: f64) -> f64 {
    let density = (-((value - centre) / spread).powi(2) / 2.0).exp() / (spread * TAU.sqrt());
    if place.scale.is_logarithmic() { density * value } else { density }
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
        mean(&kernels).unwrap_or(0.0) / (self.bandwidth * (2.0 * PI).sqrt())
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
