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
pub(crate) mod frame;
pub(crate) mod load_chart;
mod mean_time;
pub(crate) mod palette;
mod png;
mod rows;
pub(crate) mod scale;
pub(crate) mod svg;
mod system;
mod table;
pub mod text;

pub use palette::style_sheet;
pub use png::{PngError, png};
pub use svg::{Svg, TextBox};
pub use table::{Column, Entry, Table, TableError};

use thiserror::Error;
use weighbridge_experiment::{
    EnvironmentKind, EnvironmentPlan, EnvironmentSettings, QemuMachine, RunRecord, TaskPlan,
};

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

/// What a benchmark took is not what an application took, so no figure shows both.
enum Shows {
    Applications(Draw),
    /// Applications in environments of these kinds.
    Places(fn(&EnvironmentPlan) -> bool, Draw),
    /// Benchmarks of this kind.
    Benchmarks(&'static str, Draw),
}

fn is_container(environment: &EnvironmentPlan) -> bool {
    matches!(environment.kind, EnvironmentKind::Container | EnvironmentKind::Docker)
}

/// A virtual machine with a handful of devices and no firmware: Firecracker's only kind, and one
/// of QEMU's.
fn is_micro_vm(environment: &EnvironmentPlan) -> bool {
    match &environment.settings {
        EnvironmentSettings::Qemu(qemu) => qemu.machine == QemuMachine::Microvm,
        _ => environment.kind == EnvironmentKind::Firecracker,
    }
}

fn is_virtual_machine(environment: &EnvironmentPlan) -> bool {
    environment.kind == EnvironmentKind::Qemu && !is_micro_vm(environment)
}

const FIGURES: [(&str, Shows); 12] = [
    ("edge.fig1", Shows::Applications(environments::draw)),
    ("edge.fig2", Shows::Applications(mean_time::draw)),
    ("edge.fig3", Shows::Applications(distribution::draw)),
    ("edge.fig4", Shows::Applications(cpu_use::draw)),
    ("edge.fig5", Shows::Places(is_container, cpu_trace::in_containers)),
    ("edge.fig6", Shows::Places(is_micro_vm, cpu_trace::in_micro_vms)),
    ("edge.fig7", Shows::Places(is_virtual_machine, cpu_trace::in_virtual_machines)),
    ("edge.fig8", Shows::Benchmarks("fileio", system::sequential_files)),
    ("edge.fig9", Shows::Benchmarks("fileio", system::random_files)),
    ("edge.table1", Shows::Benchmarks("transfer", system::transfer)),
    ("edge.table2", Shows::Benchmarks("cpu", system::processor)),
    ("edge.appendix1", Shows::Applications(deviation::draw)),
];

/// The ids of everything that a run gives.
#[must_use]
pub fn ids() -> Vec<&'static str> {
    FIGURES.iter().map(|(id, _)| *id).collect()
}

/// The ids of what a run was planned to give: a page leaves out the others without a word.
#[must_use]
pub fn ids_of(record: &RunRecord) -> Vec<&'static str> {
    let plan = &record.header.plan;
    let is_planned = |shows: &Shows| {
        match shows {
        Shows::Applications(_) => true,
        Shows::Places(is_of_kind, _) => plan.environments.iter().any(is_of_kind),
        Shows::Benchmarks(kind, _) => plan.workloads.iter().any(|workload| {
            matches!(&workload.task, TaskPlan::Benchmark(benchmark) if benchmark.kind() == *kind)
        }),
    }
    };
    FIGURES.iter().filter(|(_, shows)| is_planned(shows)).map(|(id, _)| *id).collect()
}

/// Draws one figure of a run.
///
/// # Errors
///
/// The id is unknown or not given by this version, or this run does not hold what it shows.
pub fn draw(id: &str, record: &RunRecord, report: &Report) -> Result<Figure, FigureError> {
    let Some((id, shows)) = FIGURES.iter().find(|(known, _)| *known == id) else {
        return Err(unknown(id));
    };
    let not_in_run = |reason| FigureError::NotInRun { id, run: report.run.id.clone(), reason };
    let drawn = match shows {
        Shows::Applications(draw) | Shows::Places(_, draw) => {
            draw(record, &report.of_applications())
        }
        Shows::Benchmarks(_, draw) => draw(record, report),
    };
    let drawn = drawn.map_err(not_in_run)?;
    let caption = format!("{} {}", drawn.caption, origin(report));
    let body = match drawn.body {
        FigureBody::Drawing(svg) => FigureBody::Drawing(svg.described(id, &drawn.title, &caption)),
        table @ FigureBody::Table(_) => table,
    };
    Ok(Figure { id, title: drawn.title, caption, body })
}

fn unknown(id: &str) -> FigureError {
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
