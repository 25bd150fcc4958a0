//! The report as one HTML file: no network, no script, light and dark, and it prints.
//!
//! Every text from outside goes through the escaping of the template; nothing is put in raw
//! but the figures and the style sheets, which this crate writes itself.

mod hosts;
mod results;
mod system;
mod verdicts;

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};
use weighbridge_experiment::RunRecord;

use super::terminal::{not_run, prices};
use crate::analysis::{Cell, Report};
use crate::figure::{self, Entry, Figure, FigureBody, Table};

/// The report as a self-contained HTML page.
#[must_use]
pub fn html(report: &Report, record: &RunRecord) -> String {
    let title = format!("{} – Weighbridge {}", report.run.name, report.run.id);
    page(
        &title,
        &markup! {
            (head(report))
            main {
                (verdicts::section(report))
                (results::section(&report.of_applications()))
                (system::section(report))
                (figures(report, record))
                (not_run_section(report))
                (hosts::section(report))
                (instruments(report))
                (list("Prices", "prices", &prices(report)))
                (list("Notes", "notes", &report.notes))
                (asked(record))
            }
        },
    )
}

/// A whole page around its body: self-contained, in the scheme of the viewer.
pub(crate) fn page(title: &str, body: &Markup) -> String {
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(include_str!("html/style.css"))) (PreEscaped(figure::style_sheet())) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

fn head(report: &Report) -> Markup {
    let run = &report.run;
    markup! {
        header {
            h1 { (run.name) }
            p.lead {
                "Run " code { (run.id) } ", started " (run.started.strftime("%Y-%m-%d %H:%M:%S UTC"))
                @match run.finished {
                    Some(finished) => { ", finished " (finished.strftime("%Y-%m-%d %H:%M:%S UTC")) },
                    None => { ", " (run.status) },
                }
                @if run.resumed { ", resumed" }
                ". Seed " (run.seed) ", Weighbridge " (run.tool_version) ". "
                @for label in &run.labels { span.label { (label) } }
            }
        }
    }
}

fn figures(report: &Report, record: &RunRecord) -> Markup {
    markup! {
        section aria-labelledby="figures" {
            h2 id="figures" { "Figures" }
            @for id in figure::ids_of(record) {
                @match figure::draw(id, record, report) {
                    Ok(figure) => (one_figure(&figure)),
                    Err(error) => p.missing { (error) },
                }
            }
        }
    }
}

pub(super) fn one_figure(figure: &Figure) -> Markup {
    markup! {
        figure id=(figure.id) {
            h3 { (figure.title) " " span.small { (figure.id) } }
            @match &figure.body {
                FigureBody::Drawing(svg) => (PreEscaped(svg.inline())),
                FigureBody::Table(content) => (table(content)),
            }
            figcaption { (figure.caption) }
        }
    }
}

fn table(table: &Table) -> Markup {
    let class = |column: usize| table.is_number(column).then_some("number");
    markup! {
        div.scroll {
            table {
                thead { tr {
                    @for (index, column) in table.columns.iter().enumerate() {
                        th scope="col" class=[class(index)] { (column.title) }
                    }
                } }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (index, entry) in row.iter().enumerate() {
                                td class=[class(index)] title=[reason(entry)] { (entry.shown()) }
                            }
                        }
                    }
                }
            }
        }
        @for reason in table.reasons() { p.small { "– " (reason) } }
    }
}

fn reason(entry: &Entry) -> Option<&str> {
    match entry {
        Entry::Missing(reason) => Some(reason),
        Entry::Text(_) | Entry::Number { .. } => None,
    }
}

fn not_run_section(report: &Report) -> Markup {
    let requested = |requested: bool| if requested { "asked for" } else { "offered" };
    markup! {
        section aria-labelledby="not-run" {
            h2 id="not-run" { "Not run" }
            @if not_run(report).is_empty() {
                p { "Nothing that was asked for was left out." }
            } @else {
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "environment" } th scope="col" { "" }
                        th scope="col" { "why" } th scope="col" { "command that enables it" }
                    } }
                    tbody {
                        @for missing in &report.unavailable {
                            tr {
                                th scope="row" { (missing.environment) }
                                td { (requested(missing.requested)) }
                                td { (missing.reason) }
                                td { @if let Some(command) = &missing.enable { code { (command) } } @else { "–" } }
                            }
                        }
                    }
                } }
            }
        }
    }
}

fn instruments(report: &Report) -> Markup {
    let measured: Vec<(&Cell, _)> =
        report.cells.iter().filter_map(|cell| Some((cell, cell.instruments.as_ref()?))).collect();
    markup! {
        section aria-labelledby="instruments" {
            h2 id="instruments" { "Instruments" }
            p { "Times of trials are the agent's; processor time and memory are read from outside each instance." }
            div.scroll { table.facts {
                thead { tr {
                    th scope="col" { "workload" } th scope="col" { "environment" } th scope="col" { "time" }
                    th scope="col" { "processor" } th scope="col" { "memory" }
                    th scope="col" { "storage" } th scope="col" { "network" }
                    th.number scope="col" { "sampling cost" }
                } }
                tbody {
                    @for (cell, lines) in &measured {
                        tr {
                            th scope="row" { (cell.workload) } td { (cell.environment) }
                            td { (lines.time) } td { (lines.cpu) } td { (lines.memory) }
                            td { (lines.storage) } td { (lines.network) }
                            td.number { @match cell.sampler_cpu_percent {
                                Some(percent) => (format!("{percent:.3} %")), None => "–",
                            } }
                        }
                    }
                }
            } }
        }
    }
}

pub(super) fn list(title: &str, id: &str, lines: &[String]) -> Markup {
    markup! {
        @if !lines.is_empty() {
            section aria-labelledby=(id) {
                h2 id=(id) { (title) }
                ul { @for line in lines { li { (line) } } }
            }
        }
    }
}

fn asked(record: &RunRecord) -> Markup {
    markup! {
        section aria-labelledby="asked" {
            h2 id="asked" { "What was asked" }
            @if record.header.asked.trim().is_empty() {
                p.missing { "Nothing: the main job, with all defaults." }
            } @else {
                pre { (record.header.asked) }
            }
        }
    }
}
