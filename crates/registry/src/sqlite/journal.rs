use async_trait::async_trait;
use serde::de::Error;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use weighbridge_experiment::{Resource, RunId};

use super::SqliteRegistry;
use crate::{Journal, JournalEntry, JournalId, Owner, RegistryError, format};

#[async_trait]
impl Journal for SqliteRegistry {
    async fn intend(
        &self,
        run: Option<&RunId>,
        resource: &Resource,
        owner: &Owner,
    ) -> Result<JournalId, RegistryError> {
        let what = || format!("the journal entry of {}", resource.instance);
        let resource = format::write(resource, what)?;
        let owner = format::write(owner, what)?;
        let mut connection = self.connection().await;
        let inserted = sqlx::query("INSERT INTO journal (run, resource, owner) VALUES (?, ?, ?)")
            .bind(run.map(RunId::as_str))
            .bind(resource)
            .bind(owner)
            .execute(&mut *connection)
            .await
            .map_err(self.failed("write the journal"))?;
        Ok(JournalId(inserted.last_insert_rowid()))
    }

    async fn created(&self, id: JournalId) -> Result<(), RegistryError> {
        self.step(id, "created").await
    }

    async fn gone(&self, id: JournalId) -> Result<(), RegistryError> {
        self.step(id, "gone").await
    }

    async fn outstanding(&self) -> Result<Vec<JournalEntry>, RegistryError> {
        let mut connection = self.connection().await;
        let rows = sqlx::query(
            "SELECT id, run, resource, owner, \
             EXISTS (SELECT 1 FROM journal_steps WHERE entry = id AND step = 'created') \
             FROM journal \
             WHERE NOT EXISTS (SELECT 1 FROM journal_steps WHERE entry = id AND step = 'gone') \
             ORDER BY id",
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(self.failed("read the journal"))?;
        rows.iter().map(|row| self.entry(row)).collect()
    }
}

impl SqliteRegistry {
    async fn step(&self, id: JournalId, step: &'static str) -> Result<(), RegistryError> {
        let mut connection = self.connection().await;
        sqlx::query("INSERT INTO journal_steps (entry, step) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(id.0)
            .bind(step)
            .execute(&mut *connection)
            .await
            .map_err(|error| match error {
                error
                    if error
                        .as_database_error()
                        .is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation) =>
                {
                    RegistryError::NoSuchJournalEntry { id }
                }
                error => self.failed("write the journal")(error),
            })?;
        Ok(())
    }

    fn entry(&self, row: &SqliteRow) -> Result<JournalEntry, RegistryError> {
        let failed = || self.failed("read the journal");
        let id: i64 = row.try_get(0).map_err(failed())?;
        let run: Option<&str> = row.try_get(1).map_err(failed())?;
        let resource: &str = row.try_get(2).map_err(failed())?;
        let owner: &str = row.try_get(3).map_err(failed())?;
        let created: bool = row.try_get(4).map_err(failed())?;
        let damaged = |source| self.damaged(format!("journal entry {id}"), source);
        Ok(JournalEntry {
            id: JournalId(id),
            run: run
                .map(str::parse)
                .transpose()
                .map_err(|error| damaged(serde_json::Error::custom(error)))?,
            resource: serde_json::from_str(resource).map_err(damaged)?,
            owner: serde_json::from_str(owner).map_err(damaged)?,
            created,
        })
    }
}
