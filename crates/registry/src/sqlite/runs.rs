use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};
use weighbridge_experiment::{
    CellKey, RunEvent, RunHeader, RunId, RunRecord, TrialOutcome, TrialRecord,
};

use super::{SqliteRegistry, summary};
use crate::{RegistryError, RunSummary, Runs, format, reference};

#[async_trait]
impl Runs for SqliteRegistry {
    async fn begin(&self, header: &RunHeader) -> Result<(), RegistryError> {
        format::check(&header.id, &header.format, &header.tool_version)?;
        let record = format::write(header, || format!("the header of run {}", header.id))?;
        let trials: i64 =
            header.plan.workloads.iter().map(|workload| i64::from(workload.trials)).sum();
        let environments: Vec<&str> =
            header.plan.environments.iter().map(|e| e.name.as_str()).collect();
        let workloads: Vec<&str> = header.plan.workloads.iter().map(|w| w.name.as_str()).collect();
        let cells = i64::try_from(environments.len()).unwrap_or(i64::MAX);
        let mut connection = self.connection().await;
        sqlx::query(
            "INSERT INTO runs (id, format, tool_version, name, started, environments, workloads, \
             trials_asked, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(header.id.as_str())
        .bind(&header.format)
        .bind(&header.tool_version)
        .bind(&header.plan.name)
        .bind(header.started.to_string())
        .bind(serde_json::Value::from(environments).to_string())
        .bind(serde_json::Value::from(workloads).to_string())
        .bind(trials.saturating_mul(cells))
        .bind(record)
        .execute(&mut *connection)
        .await
        .map_err(|error| match error {
            error if is_unique_violation(&error) => {
                RegistryError::DuplicateRun { run: header.id.clone() }
            }
            error => self.failed("begin a run")(error),
        })?;
        Ok(())
    }

    async fn append_trial(&self, run: &RunId, trial: &TrialRecord) -> Result<(), RegistryError> {
        let record = format::write(trial, || {
            format!("the trial of {} in block {}", trial.cell, trial.block)
        })?;
        let mut connection = self.connection().await;
        self.check_format(&mut connection, run).await?;
        let status = match trial.outcome {
            TrialOutcome::Ok(_) => "ok",
            TrialOutcome::Failed(_) => "failed",
        };
        sqlx::query(
            "INSERT INTO trials (run, block, environment, workload, status, record) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(run.as_str())
        .bind(i64::from(trial.block))
        .bind(&trial.cell.environment)
        .bind(&trial.cell.workload)
        .bind(status)
        .bind(record)
        .execute(&mut *connection)
        .await
        .map_err(|error| match error {
            error if is_unique_violation(&error) => RegistryError::DuplicateTrial {
                run: run.clone(),
                block: trial.block,
                cell: trial.cell.clone(),
            },
            error => self.failed("append a trial")(error),
        })?;
        Ok(())
    }

    async fn append_event(&self, run: &RunId, event: &RunEvent) -> Result<(), RegistryError> {
        let record =
            format::write(event, || format!("the event `{}`", summary::event_name(&event.kind)))?;
        let mut connection = self.connection().await;
        self.check_format(&mut connection, run).await?;
        sqlx::query("INSERT INTO events (run, at, event, record) VALUES (?, ?, ?, ?)")
            .bind(run.as_str())
            .bind(event.at.to_string())
            .bind(summary::event_name(&event.kind))
            .bind(record)
            .execute(&mut *connection)
            .await
            .map_err(self.failed("append an event"))?;
        Ok(())
    }

    async fn get(&self, run: &RunId) -> Result<RunRecord, RegistryError> {
        let mut connection = self.connection().await;
        // One transaction, one state: a trial added meanwhile does not come without its events.
        let mut snapshot = connection.begin().await.map_err(self.failed("read a run"))?;
        self.check_format(&mut snapshot, run).await?;
        let header: String = sqlx::query_scalar("SELECT record FROM runs WHERE id = ?")
            .bind(run.as_str())
            .fetch_one(&mut *snapshot)
            .await
            .map_err(self.failed("read a run"))?;
        let header = self.read(&header, || format!("the header of run {run}"))?;
        let events =
            sqlx::query("SELECT record, sequence FROM events WHERE run = ? ORDER BY sequence");
        let events = self.records(&mut snapshot, run, "event", events).await?;
        let trials =
            sqlx::query("SELECT record, sequence FROM trials WHERE run = ? ORDER BY sequence");
        let trials = self.records(&mut snapshot, run, "trial", trials).await?;
        Ok(RunRecord { header, events, trials })
    }

    async fn list(&self) -> Result<Vec<RunSummary>, RegistryError> {
        let mut connection = self.connection().await;
        let mut snapshot = connection.begin().await.map_err(self.failed("list the runs"))?;
        summary::list(&mut snapshot, self).await
    }

    async fn find(&self, reference: &str) -> Result<RunId, RegistryError> {
        let mut connection = self.connection().await;
        let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM runs ORDER BY sequence DESC")
            .fetch_all(&mut *connection)
            .await
            .map_err(self.failed("find a run"))?;
        // What is no id was not written by us, and nobody can mean it.
        let ids: Vec<RunId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        reference::resolve(reference, &ids)
    }

    async fn done(&self, run: &RunId) -> Result<BTreeSet<(u32, CellKey)>, RegistryError> {
        let mut connection = self.connection().await;
        self.check_format(&mut connection, run).await?;
        let failed = "read which trials are done";
        let rows = sqlx::query("SELECT block, environment, workload FROM trials WHERE run = ?")
            .bind(run.as_str())
            .fetch_all(&mut *connection)
            .await
            .map_err(self.failed(failed))?;
        rows.iter()
            .map(|row| {
                let key = CellKey { environment: row.try_get(1)?, workload: row.try_get(2)? };
                Ok((row.try_get::<u32, _>(0)?, key))
            })
            .collect::<Result<_, sqlx::Error>>()
            .map_err(self.failed(failed))
    }
}

impl SqliteRegistry {
    /// The run exists, and this version may read and write it.
    async fn check_format(
        &self,
        connection: &mut SqliteConnection,
        run: &RunId,
    ) -> Result<(), RegistryError> {
        let row = sqlx::query_as::<_, (String, String)>(
            "SELECT format, tool_version FROM runs WHERE id = ?",
        )
        .bind(run.as_str())
        .fetch_optional(connection)
        .await
        .map_err(self.failed("look up a run"))?;
        let (format, written_by) =
            row.ok_or_else(|| RegistryError::NoSuchRun { reference: run.to_string() })?;
        format::check(run, &format, &written_by)
    }

    async fn records<'q, T: DeserializeOwned>(
        &self,
        connection: &mut SqliteConnection,
        run: &'q RunId,
        what: &'static str,
        query: sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> Result<Vec<T>, RegistryError> {
        let rows = query
            .bind(run.as_str())
            .fetch_all(connection)
            .await
            .map_err(self.failed("read a run"))?;
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            let text: &str = row.try_get(0).map_err(self.failed("read a run"))?;
            let sequence: i64 = row.try_get(1).map_err(self.failed("read a run"))?;
            records.push(self.read(text, || format!("{what} {sequence} of run {run}"))?);
        }
        Ok(records)
    }

    pub(super) fn read<T: DeserializeOwned>(
        &self,
        text: &str,
        what: impl Fn() -> String,
    ) -> Result<T, RegistryError> {
        serde_json::from_str(text).map_err(|source| self.damaged(what(), source))
    }
}

pub(super) fn is_unique_violation(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}
