//! A load as one HTML file: no network, no script, light and dark, and it prints.

use maud::{Markup, PreEscaped, html as markup};
use weighbridge_experiment::load::LoadRecord;

use super::figures;
use super::summary::{LoadSummary, TimeFigures};
use super::times::LoadTimesError;
use crate::quantity::{bytes, milliseconds};
use crate::render::whole_page;

pub(super) fn page(record: &LoadRecord, summary: &LoadSummary) -> Result<String, LoadTimesError> {
    let started = jiff::Timestamp::from_millisecond(record.started_unix_milliseconds.cast_signed())
        .map_or_else(|_| String::new(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    let drawings = figures::all(record)?;
    let title = format!("Load on {} – Weighbridge", summary.details.target);
    Ok(whole_page(
        &title,
        &markup! {
            header {
                h1 { "Load on " (summary.details.target) }
                p.lead { (super::table::model(record)) ", started " (started) "." }
            }
            main {
                (verdict(summary))
                (results(summary))
                section aria-labelledby="figures" {
                    h2 id="figures" { "Figures" }
                    @for (title, caption, svg) in &drawings {
                        figure {
                            h3 { (title) }
                            (PreEscaped(svg.inline()))
                            figcaption { (caption) }
                        }
                    }
                }
                (requests(summary))
                (errors(summary))
                (client(summary))
            }
        },
    ))
}

fn verdict(summary: &LoadSummary) -> Markup {
    markup! {
        section aria-labelledby="verdict" {
            h2 id="verdict" { "Verdict" }
            @match &summary.invalid_reason {
                Some(reason) => {
                    p { strong { "INVALID: " (reason) } ". The figures below say nothing about the service." }
                    ul { @for reason in &summary.details.client.limited_by { li { (reason) } } }
                },
                None => p { "Valid: the client carried out what was planned." },
            }
            @if summary.details.interrupted { p { "Stopped before its end: this is what there is so far." } }
            @for result in &summary.details.thresholds {
                p {
                    "Threshold " code { (result.threshold) } " "
                    @if result.passed { "holds" } @else { strong { "does not hold" } }
                    @match result.value {
                        Some(value) => { " (" (format!("{value:.2}")) ")." },
                        None => " (too few samples).",
                    }
                }
            }
            p {
                (summary.requests) " requests, " (format!("{:.1}", summary.rps)) " a second; "
                (summary.failures) " failed; " (summary.dropped_sends) " due and never sent."
            }
        }
    }
}

fn rows(figures: &TimeFigures) -> [(&'static str, Option<f64>); 12] {
    [
        ("mean", figures.mean),
        ("min", figures.min),
        ("p50", figures.p50),
        ("p66", figures.p66),
        ("p75", figures.p75),
        ("p80", figures.p80),
        ("p90", figures.p90),
        ("p95", figures.p95),
        ("p98", figures.p98),
        ("p99", figures.p99),
        ("p99.9", figures.p99_9),
        ("max", figures.max),
    ]
}

fn results(summary: &LoadSummary) -> Markup {
    let columns = [
        ("response", &summary.response_ms),
        ("service", &summary.service_ms),
        ("succeeded", &summary.details.succeeded_ms),
        ("failed", &summary.details.failed_ms),
    ];
    let shown = |figures: &TimeFigures, row: usize| match rows(figures)[row].1 {
        Some(value) => milliseconds(value),
        None if figures.mean.is_none() => "–".to_owned(),
        None => "too few samples".to_owned(),
    };
    markup! {
        section aria-labelledby="times" {
            h2 id="times" { "Times" }
            p { "Response time counts from when a request was due, service time from when it was sent." }
            div.scroll { table {
                thead { tr { th scope="col" {} @for (title, _) in &columns { th.number scope="col" { (title) } } } }
                tbody {
                    @for row in 0..12 {
                        tr {
                            th scope="row" { (rows(&summary.response_ms)[row].0) }
                            @for (_, figures) in &columns { td.number { (shown(figures, row)) } }
                        }
                    }
                }
            } }
        }
    }
}

fn requests(summary: &LoadSummary) -> Markup {
    let time =
        |value: Option<f64>| value.map_or_else(|| "too few samples".to_owned(), milliseconds);
    markup! {
        section aria-labelledby="requests" {
            h2 id="requests" { "Requests" }
            div.scroll { table {
                thead { tr {
                    th scope="col" { "request" } th.number scope="col" { "count" } th.number scope="col" { "failed" }
                    th.number scope="col" { "p50" } th.number scope="col" { "p95" } th.number scope="col" { "mean answer" }
                } }
                tbody { @for request in &summary.details.requests { tr {
                    td { (request.method) " " (request.name) }
                    td.number { (request.requests) } td.number { (request.failures) }
                    td.number { (time(request.response_ms.p50)) } td.number { (time(request.response_ms.p95)) }
                    td.number { (request.mean_body_bytes.map_or_else(|| "–".to_owned(), |mean| bytes(mean as u64))) }
                } } }
            } }
        }
    }
}

fn errors(summary: &LoadSummary) -> Markup {
    markup! {
        section aria-labelledby="errors" {
            h2 id="errors" { "Errors" }
            @if summary.details.errors.is_empty() { p { "No request failed." } } @else {
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "request" } th scope="col" { "error" }
                        th.number scope="col" { "count" } th.number scope="col" { "mean time until then" }
                    } }
                    tbody { @for error in &summary.details.errors { tr {
                        td { (error.method) " " (error.name) } td { (error.error) }
                        td.number { (error.occurrences) } td.number { (milliseconds(error.mean_ms)) }
                    } } }
                } }
            }
        }
    }
}

fn client(summary: &LoadSummary) -> Markup {
    let health = &summary.details.client;
    let percent = |value: Option<f64>| {
        value.map_or_else(|| "not known".to_owned(), |value| format!("{value:.1} %"))
    };
    let lag = |value: Option<f64>| value.map_or_else(|| "too few samples".to_owned(), milliseconds);
    let rows = [
        ("send lag, median", lag(summary.send_lag_ms.p50)),
        ("send lag, 99th percentile", lag(summary.send_lag_ms.p99)),
        ("send lag, longest", lag(summary.send_lag_ms.max)),
        (
            "CPU for each request",
            summary
                .client
                .cpu_us_per_request
                .map_or_else(|| "not known".to_owned(), |cpu| format!("{cpu:.1} µs")),
        ),
        (
            "peak memory",
            summary.client.memory_peak_bytes.map_or_else(|| "not known".to_owned(), bytes),
        ),
        ("sending threads", health.threads.to_string()),
        ("busiest sending thread, of the time", percent(health.busiest_thread_percent)),
        ("ready and waiting for a processor", percent(health.waiting_percent)),
        ("stolen by a hypervisor, of one core", percent(health.steal_percent)),
    ];
    markup! {
        section aria-labelledby="client" {
            h2 id="client" { "The client" }
            div.scroll { table { tbody {
                @for (name, value) in rows { tr { th scope="row" { (name) } td.number { (value) } } }
            } } }
            @for note in &health.notes { p { (note) } }
        }
    }
}
