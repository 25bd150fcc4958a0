//! The layout of charts with one row an environment: names left, plot in the middle, values
//! right, one panel a workload, each with an axis of its own. Long names break into lines, and
//! rows grow with them, so nothing can overlap for any number of environments.

use super::frame::{AXIS_HEIGHT, BODY, HEADING, MARGIN, SMALL, TickWords, WIDTH, horizontal_axis};
use super::palette::Ink;
use super::scale::Scale;
use super::svg::{Anchor, Stroke, Svg};
use super::text;

const NAMES_WIDEST: f64 = 190.0;
const VALUES_WIDTH: f64 = 176.0;
const LINE: f64 = 15.0;
const GAP: f64 = 14.0;

/// One row, before it is placed.
pub(crate) struct RowText {
    /// Environment and labels.
    pub(crate) name: String,
    /// Lines right of the plot.
    pub(crate) values: Vec<String>,
    /// Why the row has no marks.
    pub(crate) missing: Option<String>,
}

/// One panel, before it is placed.
pub(crate) struct PanelText {
    pub(crate) heading: String,
    pub(crate) axis_title: String,
    pub(crate) rows: Vec<RowText>,
}

/// Where rows of all panels lie horizontally: the same for all, so that panels line up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    names_width: f64,
    pub(crate) left: f64,
    pub(crate) right: f64,
}

impl Columns {
    /// Columns that fit all names.
    pub(crate) fn for_names<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let widest = names.map(|name| text::width(name, BODY)).fold(40.0, f64::max);
        let names_width = widest.min(NAMES_WIDEST);
        Self {
            names_width,
            left: MARGIN + names_width + GAP,
            right: WIDTH - MARGIN - VALUES_WIDTH - GAP,
        }
    }
}

/// A placed panel.
pub(crate) struct Panel {
    /// Top and bottom of each row.
    pub(crate) rows: Vec<(f64, f64)>,
    /// Where the next panel may begin.
    pub(crate) bottom: f64,
}

/// Draws everything of a panel but the marks, and says where they go.
pub(crate) fn panel(
    svg: &mut Svg,
    top: f64,
    columns: Columns,
    least_height: f64,
    content: &PanelText,
    scale: &Scale,
    words: &TickWords,
) -> Panel {
    svg.text(
        (MARGIN, top + 14.0),
        Anchor::Start,
        HEADING,
        Ink::Text,
        text::fit(&content.heading, WIDTH - 2.0 * MARGIN, HEADING),
    );
    let first = top + 28.0;
    let names: Vec<Vec<String>> =
        content.rows.iter().map(|row| text::wrap(&row.name, columns.names_width, BODY)).collect();
    let mut rows = Vec::new();
    let mut y = first;
    for (row, name) in content.rows.iter().zip(&names) {
        let lines = name.len().max(row.values.len()) as f64;
        let height = least_height.max(lines * LINE + 8.0);
        rows.push((y, y + height));
        y += height;
    }
    horizontal_axis(
        svg,
        scale,
        (first, y),
        (columns.left, columns.right),
        words,
        &content.axis_title,
    );
    for ((row, name), (row_top, row_bottom)) in content.rows.iter().zip(&names).zip(&rows) {
        let middle = f64::midpoint(*row_top, *row_bottom);
        write_lines(svg, name, (columns.left - GAP, middle), Anchor::End, (BODY, Ink::Text));
        write_lines(
            svg,
            &row.values,
            (columns.right + GAP, middle),
            Anchor::Start,
            (SMALL, Ink::Text),
        );
        if let Some(reason) = &row.missing {
            let room = columns.right - columns.left - 16.0;
            let lines: Vec<String> = text::wrap(reason, room, SMALL);
            let shown = ((row_bottom - row_top - 4.0) / LINE).floor().max(1.0) as usize;
            let mut kept: Vec<String> = lines.iter().take(shown).cloned().collect();
            if lines.len() > shown
                && let Some(last) = kept.last_mut()
            {
                *last = text::fit(&format!("{last} …………"), room, SMALL);
            }
            write_lines(
                svg,
                &kept,
                (columns.left + 8.0, middle),
                Anchor::Start,
                (SMALL, Ink::Muted),
            );
        }
    }
    Panel { rows, bottom: y + AXIS_HEIGHT + 14.0 }
}

/// Lines centred on a height.
fn write_lines(
    svg: &mut Svg,
    lines: &[String],
    (x, middle): (f64, f64),
    anchor: Anchor,
    (size, ink): (f64, Ink),
) {
    let first = middle - (lines.len() as f64 - 1.0) * LINE / 2.0 + size * 0.36;
    for (index, line) in lines.iter().enumerate() {
        svg.text((x, first + index as f64 * LINE), anchor, size, ink, line.clone());
    }
}

/// A whisker over an interval, with ends.
pub(crate) fn whisker(svg: &mut Svg, scale: &Scale, y: f64, [low, high]: [f64; 2], ink: Ink) {
    let (left, right) = (scale.at(low), scale.at(high));
    let stroke = Stroke::solid(ink, 1.5);
    svg.line((left, y), (right, y), stroke);
    svg.line((left, y - 5.0), (left, y + 5.0), stroke);
    svg.line((right, y - 5.0), (right, y + 5.0), stroke);
}
