//! `edge.fig5`, `edge.fig6` and `edge.fig7`: processor use over time in containers, microVMs and
//! virtual machines, and when half of the allotted CPU is first reached.

use weighbridge_experiment::{EnvironmentPlan, RunRecord};

use super::frame::{
    AXIS_HEIGHT, BODY, HEADING, MARGIN, SMALL, TickWords, WIDTH, horizontal_axis, instruments,
    series,
};
use super::palette::Ink;
use super::scale::{Scale, round_end};
use super::svg::{Anchor, Look, Stroke, Svg};
use super::{Drawn, FigureBody, is_container, is_micro_vm, is_virtual_machine, text};
use crate::analysis::{Cell, CpuPercent, Report};
use crate::quantity::{TimeUnit, seconds};

const PLOT_HEIGHT: f64 = 150.0;
const LEFT: f64 = 84.0;
const MINUTES_FROM_SECONDS: f64 = 150.0;

pub(super) fn in_containers(record: &RunRecord, report: &Report) -> Result<Drawn, String> {
    draw(record, report, is_container, "container")
}

pub(super) fn in_micro_vms(record: &RunRecord, report: &Report) -> Result<Drawn, String> {
    draw(record, report, is_micro_vm, "microVM")
}

pub(super) fn in_virtual_machines(record: &RunRecord, report: &Report) -> Result<Drawn, String> {
    draw(record, report, is_virtual_machine, "virtual machine")
}

fn draw(
    record: &RunRecord,
    report: &Report,
    is_of_kind: fn(&EnvironmentPlan) -> bool,
    place: &str,
) -> Result<Drawn, String> {
    let plan = &record.header.plan;
    let wanted = |cell: &&Cell| plan.environment(&cell.environment).is_some_and(is_of_kind);
    let cells: Vec<&Cell> = report.cells.iter().filter(wanted).collect();
    if cells.is_empty() {
        return Err(format!("no environment of the run is a {place}"));
    }
    let traced: Vec<(&Cell, &CpuPercent)> = cells
        .iter()
        .filter_map(|cell| Some((*cell, cell.cpu_percent.as_ref()?)))
        .filter(|(_, used)| !used.trace.is_empty())
        .collect();
    if traced.is_empty() {
        let reason = cells.iter().find_map(|cell| cell.cpu_percent_reason.clone());
        return Err(
            reason.unwrap_or_else(|| "no trial has two samples of processor time".to_owned())
        );
    }
    let mut svg = Svg::new(WIDTH, 0.0);
    let mut top = 4.0;
    for (cell, used) in &traced {
        top = panel(&mut svg, top, cell, used, series(record, &cell.environment));
    }
    svg.set_height(top);
    let meters = instruments(
        traced.iter().filter_map(|(cell, _)| Some(cell.instruments.as_ref()?.cpu.as_str())),
    );
    Ok(Drawn {
        title: format!("Processor use over time in a {place}"),
        caption: format!(
            "One trial of each application: the one whose time is the median of its cell. Each step is the mean \
             use between two samples, at 10 Hz. Dashed: half of the allotted CPU; upright: where it is first \
             reached, known to one interval. Instrument, read from outside: {meters}."
        ),
        body: FigureBody::Drawing(svg),
    })
}

fn panel(svg: &mut Svg, top: f64, cell: &Cell, used: &CpuPercent, series: usize) -> f64 {
    let mut y = top + 14.0;
    let heading = format!("{} in {}", cell.workload, cell.environment);
    svg.text(
        (MARGIN, y),
        Anchor::Start,
        HEADING,
        Ink::Text,
        text::fit(&heading, WIDTH - 2.0 * MARGIN, HEADING),
    );
    for line in text::wrap(&half_words(cell, used), WIDTH - 2.0 * MARGIN, BODY) {
        y += 18.0;
        svg.text((MARGIN, y), Anchor::Start, BODY, Ink::Muted, line);
    }
    let plot_top = y + 16.0;
    let bottom = plot_top + PLOT_HEIGHT;
    let right = WIDTH - MARGIN;
    let end = used.trace.last().map_or(1.0, |point| point[0]).max(1e-3);
    let highest = used.trace.iter().map(|point| point[1]).fold(2.0 * used.half_allotment, f64::max);
    let across = Scale::new((0.0, end), (LEFT, right));
    let up = Scale::new((0.0, round_end(highest)), (bottom, plot_top));
    vertical_axis(svg, &up, right);
    let (words, unit) = if end >= MINUTES_FROM_SECONDS {
        (TickWords::MinutesSeconds, "min:s")
    } else {
        let unit = TimeUnit::for_seconds(end);
        (TickWords::Factor(unit.factor), unit.name)
    };
    let title = format!("time since the start of the trial, {unit}");
    horizontal_axis(svg, &across, (plot_top, bottom), (LEFT, right), &words, &title);
    let steps = steps(used, &across, &up);
    let mut area = steps.clone();
    area.push((across.at(end), bottom));
    area.push((LEFT, bottom));
    svg.polygon(&area, Look::filled(Ink::Pale(series)));
    svg.polygon(&steps, Look::outlined(Ink::Series(series), 1.8));
    let half = up.at(used.half_allotment);
    svg.line((LEFT, half), (right, half), Stroke::dashed(Ink::Threshold, 1.6));
    if let Some(point) = used.trace.iter().find(|point| point[1] >= used.half_allotment) {
        let x = across.at(point[0]);
        svg.line((x, plot_top), (x, bottom), Stroke::solid(Ink::Threshold, 1.2));
        svg.circle(
            (x, half),
            4.0,
            Look { fill: Some(Ink::Threshold), stroke: Some(Stroke::solid(Ink::Paper, 1.0)) },
        );
    }
    bottom + AXIS_HEIGHT + 18.0
}

fn half_words(cell: &Cell, used: &CpuPercent) -> String {
    let half = format!("half of the allotted CPU: {} %", used.half_allotment);
    let reached = match used.half_reached_seconds {
        Some(mean) => format!(
            "first reached within {}, mean of the {} of {} trials that reached it",
            seconds(mean),
            used.half_reached_trials,
            cell.trials
        ),
        None => "never reached".to_owned(),
    };
    let labels = if cell.labels.is_empty() {
        String::new()
    } else {
        format!(" ({})", cell.labels.join(", "))
    };
    format!("{half}, {reached}; shown: block {}{labels}", used.trace_block)
}

fn vertical_axis(svg: &mut Svg, scale: &Scale, right: f64) {
    for tick in scale.ticks(4, 1.0) {
        let y = scale.at(tick);
        svg.line((LEFT, y), (right, y), Stroke::solid(Ink::Grid, 1.0));
        svg.text(
            (LEFT - 8.0, y + SMALL * 0.36),
            Anchor::End,
            SMALL,
            Ink::Muted,
            format!("{tick:.0} %"),
        );
    }
}

/// The outline of the steps, from the first interval's start at 0.
fn steps(used: &CpuPercent, across: &Scale, up: &Scale) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    let mut start = 0.0;
    for [end, percent] in &used.trace {
        points.push((across.at(start), up.at(*percent)));
        points.push((across.at(*end), up.at(*percent)));
        start = *end;
    }
    points
}
