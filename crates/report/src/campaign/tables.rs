//! `cloud.table1` to `cloud.table3`, with the column names of their JSON and CSV.

use super::model::{CampaignReport, Platform, PlatformCost, Responses};
use crate::figure::{Column, Entry, Figure, FigureBody, FigureError, Table};
use crate::quantity::{bytes, milliseconds, money, seconds, significant};

/// A table from a report.
type Build = fn(&CampaignReport) -> Table;

const TABLES: [(&str, &str, Build); 3] = [
    ("cloud.table1", "Specification of every platform, read from itself", specification),
    ("cloud.table2", "Response times by platform, over all slots", responses),
    ("cloud.table3", "Cost by platform and day", costs),
];

/// The ids of everything that a campaign gives.
#[must_use]
pub fn ids() -> Vec<&'static str> {
    let mut ids: Vec<&str> = TABLES.iter().map(|(id, ..)| *id).collect();
    ids.push("cloud.fig2");
    ids
}

/// One table of a campaign.
///
/// # Errors
///
/// No table has this id, or no slot has been run.
pub fn table(id: &str, report: &CampaignReport) -> Result<Figure, FigureError> {
    let Some((id, title, build)) = TABLES.iter().find(|(known, ..)| *known == id) else {
        let hint = format!("a campaign gives: {}", ids().join(", "));
        return Err(FigureError::Unknown { id: id.to_owned(), hint });
    };
    if report.platforms.is_empty() {
        let reason = "no slot of the campaign has been run".to_owned();
        return Err(FigureError::NotInRun { id, run: report.id.clone(), reason });
    }
    let run = report.slots.iter().filter(|slot| slot.state == "finished").count();
    Ok(Figure {
        id,
        title: (*title).to_owned(),
        caption: format!(
            "Campaign {} of {}, {}; {run} of {} slots finished.",
            report.id,
            report.started.strftime("%Y-%m-%d"),
            report.schedule,
            report.slots.len()
        ),
        body: FigureBody::Table(build(report)),
    })
}

fn columns(of: &[(&str, &str)]) -> Vec<Column> {
    let column =
        |(key, title): &(&str, &str)| Column { key: (*key).to_owned(), title: (*title).to_owned() };
    of.iter().map(column).collect()
}

fn text(value: impl Into<String>) -> Entry {
    Entry::Text(value.into())
}

fn number(value: f64, shown: String) -> Entry {
    Entry::Number { value, shown }
}

fn specification(report: &CampaignReport) -> Table {
    let fact = |platform: &Platform, name: &str| match platform.facts.get(name) {
        Some(fact) => match (&fact.value, &fact.reason) {
            (Some(value), _) => text(value.clone()),
            (None, reason) => Entry::Missing(format!(
                "{name} of {}: {}",
                platform.environment,
                reason.as_deref().unwrap_or("no reason was recorded")
            )),
        },
        None => Entry::Missing(format!("{name} of {}: not read", platform.environment)),
    };
    let row = |platform: &Platform| {
        let emulated = if platform.emulated { " (emulated)" } else { "" };
        vec![
            text(platform.environment.clone()),
            text(format!("{}{emulated}", platform.kind.as_str())),
            fact(platform, "cpu_model"),
            number(platform.cpus, significant(platform.cpus, 2).trim_end_matches(".0").to_owned()),
            platform
                .memory_bytes
                .map_or_else(|| text("the host's"), |memory| number(memory as f64, bytes(memory))),
            fact(platform, "operating_system"),
            fact(platform, "kernel_release"),
            platform.price.clone().map_or_else(
                || Entry::Missing(format!("price of {}: none given", platform.environment)),
                text,
            ),
        ]
    };
    Table {
        columns: columns(&[
            ("platform", "platform"),
            ("kind", "kind"),
            ("cpu_model", "processor"),
            ("cpus", "CPUs"),
            ("memory_bytes", "memory"),
            ("operating_system", "operating system"),
            ("kernel_release", "kernel"),
            ("price_source", "price"),
        ]),
        rows: report.platforms.iter().map(row).collect(),
    }
}

fn responses(report: &CampaignReport) -> Table {
    let row = |found: &Responses| {
        let times = found.times.as_ref();
        let none =
            || format!("{} on {}: no request was answered", found.workload, found.environment);
        let time = |value: Option<f64>, name: &str| match value {
            Some(value) => number(value, milliseconds(value)),
            None => Entry::Missing(
                times
                    .and_then(|times| times.reasons.get(name))
                    .map_or_else(none, |reason| format!("{name}: {reason}")),
            ),
        };
        let labels = if found.labels.is_empty() {
            String::new()
        } else {
            format!(" ({})", found.labels.join(", "))
        };
        vec![
            text(found.workload.clone()),
            text(format!("{}{labels}", found.environment)),
            number(found.slots as f64, found.slots.to_string()),
            number(found.requests as f64, found.requests.to_string()),
            number(found.failed_trials as f64, found.failed_trials.to_string()),
            time(times.map(|times| times.mean_ms), "mean_ms"),
            time(times.map(|times| times.min_ms), "min_ms"),
            time(times.map(|times| times.max_ms), "max_ms"),
            found.per_second.map_or_else(
                || Entry::Missing(none()),
                |rate| number(rate, format!("{} /s", significant(rate, 3))),
            ),
            time(times.and_then(|times| times.p50_ms), "p50_ms"),
            time(times.and_then(|times| times.p90_ms), "p90_ms"),
            time(times.and_then(|times| times.p99_ms), "p99_ms"),
        ]
    };
    Table {
        columns: columns(&[
            ("workload", "workload"),
            ("platform", "platform"),
            ("slots", "slots"),
            ("requests", "requests"),
            ("failed_trials", "failed trials"),
            ("mean_ms", "mean"),
            ("min_ms", "min"),
            ("max_ms", "max, p100"),
            ("requests_per_second", "rate"),
            ("p50_ms", "p50"),
            ("p90_ms", "p90"),
            ("p99_ms", "p99"),
        ]),
        rows: report.responses.iter().map(row).collect(),
    }
}

fn costs(report: &CampaignReport) -> Table {
    let mut rows = Vec::new();
    for platform in &report.costs {
        for day in &platform.days {
            rows.push(vec![
                text(platform.environment.clone()),
                text(format!("day {}", day.day)),
                number(day.slots as f64, day.slots.to_string()),
                number(day.in_use_seconds, seconds(day.in_use_seconds)),
                cost(day.rented.as_deref(), platform),
                cost(day.in_use.as_deref(), platform),
            ]);
        }
        let slots: usize = platform.days.iter().map(|day| day.slots).sum();
        let in_use: f64 = platform.days.iter().map(|day| day.in_use_seconds).sum();
        rows.push(vec![
            text(platform.environment.clone()),
            text("total"),
            number(slots as f64, slots.to_string()),
            number(in_use, seconds(in_use)),
            cost(platform.rented.as_deref(), platform),
            cost(platform.in_use.as_deref(), platform),
        ]);
    }
    Table {
        columns: columns(&[
            ("platform", "platform"),
            ("day", "day"),
            ("slots", "slots"),
            ("in_use_seconds", "at work"),
            ("rented_24h", "rented, 24 h a day"),
            ("in_use_cost", "while at work"),
        ]),
        rows,
    }
}

/// Money is exact in the report; a table shows three significant digits of it.
fn cost(exact: Option<&str>, platform: &PlatformCost) -> Entry {
    let missing = || {
        let reason = platform.reason.as_deref().unwrap_or("it could not be priced");
        Entry::Missing(format!("{}: {reason}", platform.environment))
    };
    let Some((amount, currency)) = exact.and_then(|exact| exact.split_once(' ')) else {
        return missing();
    };
    amount.parse().map_or_else(|_| missing(), |value| number(value, money(amount, currency)))
}
