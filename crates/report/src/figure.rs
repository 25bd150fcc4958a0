//! The figures and tables that one run gives, by the ids of the edge paper's artefacts.
//!
//! A figure is drawn into a small vector model ([`Svg`]) with a fixed layout, whose colours
//! are roles: it is written as SVG that follows the viewer's light or dark scheme, or rendered
//! as PNG with an embedded font. Does **not** know files: bytes and text come back.

mod cpu_trace;
mod cpu_use;
mod deviation;
mod distribution;
mod environments;
mod frame;
mod mean_time;
mod palette;
mod png;
mod rows;
mod scale;
mod svg;
mod table;
pub mod text;

pub use palette::style_sheet;
pub use png::{PngError, png};
pub use svg::{Svg, TextBox};
pub use table::{Column, Entry, Table, TableError};

use thiserror::Error;
use weighbridge_experiment::RunRecord;

use crate::analysis::Report;

/// A figure or a table with what must be read beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The id it was asked for by, such as `edge.fig2`.
    pub id: &'static str,
    /// What it shows.
    pub title: String,
    /// Instrument, sample counts, labels, run and host.
    pub caption: String,
    /// The thing itself.
    pub body: FigureBody,
}

/// What a figure consists of.
#[derive(Debug, Clone, PartialEq)]
pub enum FigureBody {
    /// A drawing.
    Drawing(Svg),
    /// A table.
    Table(Table),
}

/// A figure cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FigureError {
    /// No figure has this id.
    #[error("no figure has the id `{id}`; {hint}")]
    Unknown {
        /// What was asked for.
        id: String,
        /// The nearest id, or all of them.
        hint: String,
    },
    /// The design names it, but a run of this version does not hold what it shows.
    #[error("`{id}` shows {shows}, which this version does not measure; a run gives: {given}")]
    NotYet {
        /// What was asked for.
        id: String,
        /// What it shows.
        shows: &'static str,
        /// The ids that a run gives.
        given: String,
    },
    /// This run does not hold what it shows.
    #[error("run {run} does not give `{id}`: {reason}")]
    NotInRun {
        /// What was asked for.
        id: &'static str,
        /// The run.
        run: String,
        /// Why.
        reason: String,
    },
}

type Draw = fn(&RunRecord, &Report) -> Result<Drawn, String>;

/// A figure before its id and the common part of its caption are put on.
struct Drawn {
    title: String,
    caption: String,
    body: FigureBody,
}

const FIGURES: [(&str, Draw); 6] = [
    ("edge.fig1", environments::draw),
    ("edge.fig2", mean_time::draw),
    ("edge.fig3", distribution::draw),
    ("edge.fig4", cpu_use::draw),
    ("edge.fig5", cpu_trace::draw),
    ("edge.appendix1", deviation::draw),
];

const NOT_YET: [(&str, &str); 6] = [
    ("edge.fig6", "processor use over time in a microVM"),
    ("edge.fig7", "processor use over time in a virtual machine"),
    ("edge.fig8", "sequential file throughput"),
    ("edge.fig9", "random file throughput"),
    ("edge.table1", "the transfer of files to another host"),
    ("edge.table2", "a CPU benchmark"),
];

/// The ids of everything that a run gives.
#[must_use]
pub fn ids() -> Vec<&'static str> {
    FIGURES.iter().map(|(id, _)| *id).collect()
}

/// Draws one figure of a run.
///
/// # Errors
///
/// The id is unknown or not given by this version, or this run does not hold what it shows.
pub fn draw(id: &str, record: &RunRecord, report: &Report) -> Result<Figure, FigureError> {
    let Some((id, draw)) = FIGURES.iter().find(|(known, _)| *known == id) else {
        return Err(unknown(id));
    };
    let not_in_run = |reason| FigureError::NotInRun { id, run: report.run.id.clone(), reason };
    // What a benchmark took is not what an application took: its figures are tables of its own.
    let drawn = draw(record, &report.of_applications()).map_err(not_in_run)?;
    let caption = format!("{} {}", drawn.caption, origin(report));
    let body = match drawn.body {
        FigureBody::Drawing(svg) => FigureBody::Drawing(svg.described(id, &drawn.title, &caption)),
        table @ FigureBody::Table(_) => table,
    };
    Ok(Figure { id, title: drawn.title, caption, body })
}

fn unknown(id: &str) -> FigureError {
    if let Some((_, shows)) = NOT_YET.iter().find(|(planned, _)| *planned == id) {
        return FigureError::NotYet { id: id.to_owned(), shows, given: ids().join(", ") };
    }
    let nearest = ids()
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(known, id), known))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    let hint = match nearest {
        Some((_, known)) => format!("did you mean `{known}`? A run gives: {}", ids().join(", ")),
        None => format!("a run gives: {}", ids().join(", ")),
    };
    FigureError::Unknown { id: id.to_owned(), hint }
}

/// The last sentence of every caption: labels, run and host.
fn origin(report: &Report) -> String {
    let mut labels: Vec<&str> = report.run.labels.iter().map(String::as_str).collect();
    for label in report.cells.iter().flat_map(|cell| &cell.labels) {
        if !labels.contains(&label.as_str()) {
            labels.push(label);
        }
    }
    let labels =
        if labels.is_empty() { String::new() } else { format!("Labels: {}. ", labels.join(", ")) };
    let model = report.run.host.get("cpu_model").and_then(|fact| fact.value.as_deref());
    let host = model.unwrap_or("processor unknown");
    format!(
        "{labels}Run {} of {}, host: {host}.",
        report.run.id,
        report.run.started.strftime("%Y-%m-%d")
    )
}
