//! A report on a campaign, for a terminal and as one HTML page.

use maud::{Markup, html as markup};
use weighbridge_experiment::CampaignRecord;

use super::grid::{Align, Grid};
use super::html::{list, one_figure, page};
use super::terminal::section;
use crate::analysis::Comparison;
use crate::campaign::{CampaignReport, PlatformCost, SlotRow, SlotRun, ids, table, trace};
use crate::figure::{Figure, FigureError};
use crate::quantity::{milliseconds, money, significant};

/// The report in at most `width` columns. Ends with a line feed.
#[must_use]
pub fn campaign_table(report: &CampaignReport, width: usize, colour: bool) -> String {
    let width = width.max(40);
    let mut out = format!("{}\n\n", lead(report));
    out.push_str(&responses(report).render(width, colour));
    section(&mut out, "Verdicts", &verdicts(report), width, colour);
    section(&mut out, "Cost", &costs(report), width, colour);
    section(&mut out, "Slots", &trouble(report), width, colour);
    section(&mut out, "Notes", &report.notes, width, colour);
    out
}

fn lead(report: &CampaignReport) -> String {
    let finished = report.slots.iter().filter(|slot| slot.state == "finished").count();
    format!(
        "campaign {} of {}, {}, from {}: {finished} of {} slots finished",
        report.id,
        report.name,
        report.schedule,
        report.started.strftime("%Y-%m-%d %H:%MZ"),
        report.slots.len()
    )
}

fn responses(report: &CampaignReport) -> Grid {
    use Align::{Left, Right};
    let mut grid = Grid::new(&[
        ("platform", Left),
        ("slots", Right),
        ("requests", Right),
        ("mean", Right),
        ("p50", Right),
        ("p90", Right),
        ("max", Right),
        ("rate", Right),
    ]);
    let missing = || "–".to_owned();
    let mut workload = "";
    for found in &report.responses {
        if found.workload != workload {
            workload = &found.workload;
            grid.heading(workload);
        }
        let times = found.times.as_ref();
        let time = |value: Option<f64>| value.map_or_else(missing, milliseconds);
        grid.row(vec![
            found.environment.clone(),
            found.slots.to_string(),
            found.requests.to_string(),
            time(times.map(|times| times.mean_ms)),
            time(times.and_then(|times| times.p50_ms)),
            time(times.and_then(|times| times.p90_ms)),
            time(times.map(|times| times.max_ms)),
            found.per_second.map_or_else(missing, |rate| format!("{}/s", significant(rate, 3))),
        ]);
        if !found.labels.is_empty() {
            grid.remark(found.labels.join(", "));
        }
        if found.failed_trials > 0 {
            grid.remark(format!("{} trials failed", found.failed_trials));
        }
        for (name, reason) in times.iter().flat_map(|times| &times.reasons) {
            if name != "p99_ms" {
                grid.remark(format!("{}: {reason}", name.trim_end_matches("_ms")));
            }
        }
    }
    grid
}

fn verdicts(report: &CampaignReport) -> Vec<String> {
    let line = |comparison: &Comparison| {
        let labels = if comparison.labels.is_empty() {
            String::new()
        } else {
            format!(" ({})", comparison.labels.join(", "))
        };
        format!(
            "{}: {} against {}: {}; n = {} slots{labels}",
            comparison.workload, comparison.b, comparison.a, comparison.verdict, comparison.n
        )
    };
    let refused = report.not_compared.iter().map(|pair| {
        format!("{}: {} against {}: not compared; {}", pair.workload, pair.b, pair.a, pair.reason())
    });
    report.comparisons.iter().map(line).chain(refused).collect()
}

fn costs(report: &CampaignReport) -> Vec<String> {
    let shown = |exact: &Option<String>| {
        let (amount, currency) = exact.as_deref()?.split_once(' ')?;
        Some(money(amount, currency))
    };
    let line = |cost: &PlatformCost| match (shown(&cost.rented), shown(&cost.in_use)) {
        (Some(rented), Some(in_use)) => format!(
            "{}: {rented} rented for {} {}, {in_use} for the time at work; {}",
            cost.environment,
            cost.days.len(),
            if cost.days.len() == 1 { "day" } else { "days" },
            cost.price_source.as_deref().unwrap_or("price of unknown source")
        ),
        _ => format!(
            "{}: –, {}",
            cost.environment,
            cost.reason.as_deref().unwrap_or("it could not be priced")
        ),
    };
    report.costs.iter().map(line).collect()
}

/// Slots that are not simply finished or to come.
fn trouble(report: &CampaignReport) -> Vec<String> {
    let line = |slot: &SlotRow| {
        let reason = slot.reason.as_ref()?;
        let due = slot.due.strftime("%Y-%m-%d %H:%MZ");
        Some(format!("slot {} of {due} {}: {reason}", slot.slot, slot.state))
    };
    report.slots.iter().filter_map(line).collect()
}

/// The report as a self-contained HTML page. `runs` as for the report itself.
#[must_use]
pub fn campaign_html(
    report: &CampaignReport,
    campaign: &CampaignRecord,
    runs: &[SlotRun<'_>],
) -> String {
    let finished = |run: &&SlotRun<'_>| {
        let slot = report.slots.get(run.slot as usize);
        slot.is_some_and(|slot| slot.state == "finished")
    };
    let last = runs.iter().rev().find(finished).map(|run| trace(campaign, run));
    let title = format!("{} – Weighbridge campaign {}", report.name, report.id);
    page(
        &title,
        &markup! {
            header {
                h1 { (report.name) }
                p.lead { (lead(report)) ". Weighbridge " (report.tool_version) "." }
            }
            main {
                (list("Verdicts", "verdicts", &verdicts(report)))
                section aria-labelledby="figures" {
                    h2 id="figures" { "Tables and figures" }
                    @for id in ids().into_iter().filter(|id| id.starts_with("cloud.table")) {
                        (shown(table(id, report)))
                    }
                    @match last {
                        Some(figure) => (shown(figure)),
                        None => p.missing { "No slot has finished: there is no trace to draw." },
                    }
                }
                (slots(report))
                (list("Notes", "notes", &report.notes))
            }
        },
    )
}

fn shown(figure: Result<Figure, FigureError>) -> Markup {
    match figure {
        Ok(figure) => one_figure(&figure),
        Err(error) => markup! { p.missing { (error) } },
    }
}

fn slots(report: &CampaignReport) -> Markup {
    markup! {
        section aria-labelledby="slots" {
            h2 id="slots" { "Slots" }
            div.scroll { table {
                thead { tr {
                    th.number scope="col" { "slot" } th scope="col" { "due" } th scope="col" { "state" }
                    th scope="col" { "run" } th scope="col" { "why" }
                } }
                tbody {
                    @for slot in &report.slots {
                        tr {
                            td.number { (slot.slot) }
                            td { (slot.due.strftime("%Y-%m-%d %H:%MZ")) }
                            td { (slot.state) }
                            td { @if let Some(run) = &slot.run { code { (run) } } @else { "–" } }
                            td { (slot.reason.as_deref().unwrap_or_default()) }
                        }
                    }
                }
            } }
        }
    }
}
