//! Lines over time, and the percentile curve: what a load's page shows.

use super::frame::{AXIS_HEIGHT, BODY, MARGIN, SMALL, TickWords, WIDTH, horizontal_axis};
use super::palette::Ink;
use super::scale::{Scale, decimals, round_end};
use super::svg::{Anchor, Look, Stroke, Svg};
use super::text;

const PLOT_HEIGHT: f64 = 190.0;
const LEFT: f64 = 84.0;
const LEGEND: f64 = 26.0;
const MINUTES_FROM_SECONDS: f64 = 300.0;

/// One line with its name.
pub(crate) struct Line {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

impl Line {
    pub(crate) fn new(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self { name, points }
    }
}

/// Lines over seconds.
pub(crate) struct Chart {
    pub(crate) unit: &'static str,
    pub(crate) lines: Vec<Line>,
}

impl Chart {
    pub(crate) fn draw(&self) -> Svg {
        let end = furthest(&self.lines, |point| point.0).max(1e-3);
        let plot = Plot::new(&self.lines, (0.0, end), self.unit);
        let (words, unit) = if end >= MINUTES_FROM_SECONDS {
            (TickWords::MinutesSeconds, "min:s")
        } else {
            (TickWords::Factor(1.0), "s")
        };
        let mut svg = plot.svg;
        let title = format!("time since the start, {unit}");
        horizontal_axis(
            &mut svg,
            &plot.across,
            plot.vertical,
            (LEFT, WIDTH - MARGIN),
            &words,
            &title,
        );
        lines(&mut svg, &self.lines, |x| plot.across.at(x), &plot.up);
        svg
    }
}

/// Values over 1/(1 − p) on a logarithmic axis: 90 %, 99 %, 99.9 % lie at equal distances.
pub(crate) fn percentile_curve(curves: &[Line]) -> Svg {
    let furthest = furthest(curves, |point| point.0).max(10.0).log10();
    let mut plot = Plot::new(curves, (0.0, furthest), "ms");
    let (top, bottom) = plot.vertical;
    let across = plot.across;
    let words = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"];
    for (power, word) in words.iter().enumerate().take(furthest.floor() as usize + 1) {
        let x = across.at(power as f64);
        plot.svg.line((x, top), (x, bottom), Stroke::solid(Ink::Grid, 1.0));
        plot.svg.text((x, bottom + 15.0), Anchor::Middle, SMALL, Ink::Muted, (*word).to_owned());
    }
    plot.svg.line((LEFT, bottom), (WIDTH - MARGIN, bottom), Stroke::solid(Ink::Muted, 1.0));
    let middle = f64::midpoint(LEFT, WIDTH - MARGIN);
    plot.svg.text(
        (middle, bottom + 32.0),
        Anchor::Middle,
        SMALL,
        Ink::Muted,
        "share of requests that were faster".to_owned(),
    );
    lines(&mut plot.svg, curves, |odds| across.at(odds.log10()), &plot.up);
    plot.svg
}

fn furthest(lines: &[Line], pick: fn(&(f64, f64)) -> f64) -> f64 {
    lines.iter().flat_map(|line| &line.points).map(pick).fold(0.0, f64::max)
}

/// A frame with its vertical axis and legend.
struct Plot {
    svg: Svg,
    across: Scale,
    up: Scale,
    vertical: (f64, f64),
}

impl Plot {
    fn new(lines: &[Line], ends: (f64, f64), unit: &str) -> Self {
        let (top, right) = (LEGEND + 12.0, WIDTH - MARGIN);
        let bottom = top + PLOT_HEIGHT;
        let mut svg = Svg::new(WIDTH, bottom + AXIS_HEIGHT + 4.0);
        legend(&mut svg, lines);
        let up = Scale::new((0.0, round_end(furthest(lines, |point| point.1))), (bottom, top));
        let ticks = up.ticks(5, 1.0);
        for tick in &ticks {
            let y = up.at(*tick);
            svg.line((LEFT, y), (right, y), Stroke::solid(Ink::Grid, 1.0));
            let label = format!("{:.*}", decimals(&ticks), tick);
            svg.text((LEFT - 8.0, y + 4.0), Anchor::End, SMALL, Ink::Muted, label);
        }
        svg.text((MARGIN, 16.0), Anchor::Start, BODY, Ink::Muted, unit.to_owned());
        Self { svg, across: Scale::new(ends, (LEFT, right)), up, vertical: (top, bottom) }
    }
}

/// Names of the lines at the top right; a single line needs none.
fn legend(svg: &mut Svg, lines: &[Line]) {
    if lines.len() < 2 {
        return;
    }
    let mut x = WIDTH - MARGIN;
    for (index, line) in lines.iter().enumerate().rev() {
        x -= text::width(line.name, BODY);
        svg.text((x, 16.0), Anchor::Start, BODY, Ink::Text, line.name.to_owned());
        x -= 30.0;
        svg.line((x, 12.0), (x + 22.0, 12.0), stroke(index));
        x -= 18.0;
    }
}

/// Lines are told apart by dashes as well as by colour.
fn stroke(index: usize) -> Stroke {
    let ink = Ink::Series(index);
    if index.is_multiple_of(2) { Stroke::solid(ink, 2.0) } else { Stroke::dashed(ink, 2.0) }
}

fn lines(svg: &mut Svg, lines: &[Line], across: impl Fn(f64) -> f64, up: &Scale) {
    for (index, line) in lines.iter().enumerate() {
        let places: Vec<(f64, f64)> =
            line.points.iter().map(|(x, y)| (across(*x), up.at(*y))).collect();
        match places.as_slice() {
            [] => {}
            [only] => svg.circle(*only, 3.0, Look::filled(Ink::Series(index))),
            many => svg.polygon(many, Look::line(stroke(index))),
        }
    }
}
