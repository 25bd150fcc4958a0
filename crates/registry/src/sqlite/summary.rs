use std::collections::HashMap;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, Error};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use weighbridge_experiment::{RunEventKind, RunStatus};

use super::SqliteRegistry;
use crate::{RegistryError, RunSummary};

const STEP: &str = "list the runs";

/// The word that stands for an event in its column, the same as in its record.
pub(super) const fn event_name(kind: &RunEventKind) -> &'static str {
    match kind {
        RunEventKind::Described(_) => "described",
        RunEventKind::Repeated(_) => "repeated",
        RunEventKind::Interrupted => "interrupted",
        RunEventKind::Resumed => "resumed",
        RunEventKind::Finished => "finished",
    }
}

/// The event of a word. What carries data or is not known says nothing about how far a run
/// came.
fn event_of_name(name: &str) -> Option<RunEventKind> {
    [RunEventKind::Interrupted, RunEventKind::Resumed, RunEventKind::Finished]
        .into_iter()
        .find(|kind| event_name(kind) == name)
}

/// All runs from the columns alone: no record is parsed, so a list stays quick, and a run of
/// a newer format can be listed though it cannot be read.
pub(super) async fn list(
    connection: &mut SqliteConnection,
    registry: &SqliteRegistry,
) -> Result<Vec<RunSummary>, RegistryError> {
    let events: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT run, event, at FROM events WHERE event <> 'described' ORDER BY sequence",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(registry.failed(STEP))?;
    let mut events_of: HashMap<String, Vec<(RunEventKind, String)>> = HashMap::new();
    for (run, event, at) in events {
        if let Some(kind) = event_of_name(&event) {
            events_of.entry(run).or_default().push((kind, at));
        }
    }
    let rows = sqlx::query(
        "SELECT id, name, started, tool_version, environments, workloads, trials_asked, \
         (SELECT count(*) FROM trials WHERE trials.run = runs.id), \
         (SELECT count(*) FROM trials WHERE trials.run = runs.id AND trials.status = 'failed') \
         FROM runs ORDER BY sequence DESC",
    )
    .fetch_all(connection)
    .await
    .map_err(registry.failed(STEP))?;
    rows.iter()
        .map(|row| {
            let id: String = row.try_get(0).map_err(registry.failed(STEP))?;
            summary(row, &id, events_of.get(&id).map_or(&[], Vec::as_slice), registry)
        })
        .collect()
}

fn summary(
    row: &SqliteRow,
    id: &str,
    events: &[(RunEventKind, String)],
    registry: &SqliteRegistry,
) -> Result<RunSummary, RegistryError> {
    let text = |column: usize| row.try_get::<&str, _>(column).map_err(registry.failed(STEP));
    let count = |column: usize| row.try_get::<u64, _>(column).map_err(registry.failed(STEP));
    let damaged = |source| registry.damaged(format!("the row of run {id}"), source);
    let time = |text: &str| {
        text.parse::<Timestamp>().map_err(|error| damaged(serde_json::Error::custom(error)))
    };
    let finished = events.iter().rev().find(|(kind, _)| *kind == RunEventKind::Finished);
    Ok(RunSummary {
        id: id.parse().map_err(|error| damaged(serde_json::Error::custom(error)))?,
        name: text(1)?.to_owned(),
        started: time(text(2)?)?,
        tool_version: text(3)?.to_owned(),
        environments: names(text(4)?).map_err(damaged)?,
        workloads: names(text(5)?).map_err(damaged)?,
        trials_asked: count(6)?,
        trials_done: count(7)?,
        trials_failed: count(8)?,
        status: RunStatus::after(events.iter().map(|(kind, _)| kind)),
        finished: finished.map(|(_, at)| time(at)).transpose()?,
        resumed: events.iter().any(|(kind, _)| *kind == RunEventKind::Resumed),
    })
}

fn names<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, serde_json::Error> {
    serde_json::from_str(text)
}
