//! The table of cells of the HTML report.

use maud::{Markup, html as markup};

use crate::analysis::{Cell, Report};
use crate::quantity::{bytes, half_width, milliseconds, money, percent, seconds};
use crate::render::terminal::failure_words;

const COLUMNS: usize = 10;

pub(super) fn section(report: &Report) -> Markup {
    let mut workloads: Vec<&str> = report.cells.iter().map(|cell| cell.workload.as_str()).collect();
    workloads.dedup();
    markup! {
        section aria-labelledby="results" {
            h2 id="results" { "Results" }
            div.scroll { table.cells {
                caption {
                    "Means over trials; ± is half of the 95 % interval of the mean. CPU: 100 % is one core, all time. "
                    "Memory: highest of any trial. Start: from asking for an instance to its agent's first answer."
                }
                thead { tr {
                    th scope="col" { "environment" } th.number scope="col" { "trials" }
                    th.number scope="col" { "mean trial" } th.number scope="col" { "95 %" }
                    th.number scope="col" { "inference p50" } th.number scope="col" { "p99" }
                    th.number scope="col" { "CPU" } th.number scope="col" { "peak memory" }
                    th.number scope="col" { "start" } th.number scope="col" { "cost per 1,000" }
                } }
                @for workload in workloads {
                    tbody {
                        tr { th.group scope="rowgroup" colspan=(COLUMNS) { (workload) } }
                        @for cell in report.cells.iter().filter(|cell| cell.workload == workload) { (row(cell)) }
                    }
                }
            } }
            (stages(report))
        }
    }
}

/// A value, or a dash that says why on hovering.
fn number(value: Option<String>, reason: Option<&String>) -> Markup {
    markup! {
        @match value {
            Some(value) => td.number { (value) },
            None => td.number title=[reason] { "–" },
        }
    }
}

fn row(cell: &Cell) -> Markup {
    let times = cell.trial_seconds.as_ref();
    let latencies = cell.inference_ms.as_ref();
    let interval = times.and_then(|times| Some(half_width(times.mean, times.ci95?)));
    let cost = cell.cost_per_1000.as_ref().map(|cost| money(&cost.amount, &cost.currency));
    markup! {
        tr {
            th scope="row" {
                (cell.environment) " "
                @for label in &cell.labels { span.label { (label) } }
            }
            td.number { (cell.trials) @if cell.trials != cell.trials_asked { " of " (cell.trials_asked) } }
            (number(times.map(|times| seconds(times.mean)), cell.trial_seconds_reason.as_ref()))
            (number(interval, times.and_then(|times| times.ci95_reason.as_ref())))
            (number(latencies.and_then(|times| times.p50).map(milliseconds), latencies.and_then(|times| times.p50_reason.as_ref())))
            (number(latencies.and_then(|times| times.p99).map(milliseconds), latencies.and_then(|times| times.p99_reason.as_ref())))
            (number(cell.cpu_percent.as_ref().map(|used| percent(used.mean_all)), cell.cpu_percent_reason.as_ref()))
            (number(cell.memory_peak_bytes.map(bytes), cell.memory_peak_bytes_reason.as_ref()))
            (number(cell.start_seconds.map(seconds), cell.start_seconds_reason.as_ref()))
            (number(cost, cell.cost_per_1000_reason.as_ref()))
        }
        @if let Some(words) = failure_words(cell) {
            tr.failed { td colspan=(COLUMNS) { (words) } }
        }
    }
}

fn stages(report: &Report) -> Markup {
    let timed = report.cells.iter().filter_map(|cell| Some((cell, cell.inference_ms.as_ref()?)));
    markup! {
        h3 { "Stages of an inference" }
        div.scroll { table {
            caption { "Mean of each stage; the warm-up apart, which no other number contains." }
            thead { tr {
                th scope="col" { "workload" } th scope="col" { "environment" }
                th.number scope="col" { "inferences" }
                th.number scope="col" { "decode" } th.number scope="col" { "prepare" }
                th.number scope="col" { "infer" } th.number scope="col" { "interpret" }
                th.number scope="col" { "all" } th.number scope="col" { "first after a start" }
            } }
            tbody {
                @for (cell, times) in timed {
                    tr {
                        th scope="row" { (cell.workload) }
                        td {
                            (cell.environment)
                            @for label in &cell.labels { span.label { (label) } }
                        }
                        td.number { (cell.inferences) }
                        (number(times.stages.decode.map(milliseconds), times.stages.decode_reason.as_ref()))
                        (number(times.stages.prepare.map(milliseconds), times.stages.prepare_reason.as_ref()))
                        td.number { (milliseconds(times.stages.infer)) }
                        (number(times.stages.interpret.map(milliseconds), times.stages.interpret_reason.as_ref()))
                        td.number { (milliseconds(times.mean)) }
                        (number(cell.warmup.map(|warm| milliseconds(warm.first_inference_ms)), cell.warmup_reason.as_ref()))
                    }
                }
            }
        } }
    }
}
