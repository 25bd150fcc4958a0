//! The registry as one SQLite file. Knows SQL; the rules that hold for any storage are in
//! `format` and `reference`.

mod campaigns;
mod failure;
mod journal;
mod open;
mod runs;
mod summary;

use std::path::{Path, PathBuf};

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{Mutex, MutexGuard};

use crate::RegistryError;

/// The registry in a file.
///
/// One connection, since SQLite has one writer at a time anyway: calls from several tasks
/// wait for one another, other processes may read and write at the same time.
#[derive(Debug)]
pub struct SqliteRegistry {
    path: PathBuf,
    connection: Mutex<SqliteConnection>,
}

impl SqliteRegistry {
    /// Opens the database at `path`, and makes it, its directories (for this user only) and
    /// its tables where they are missing.
    ///
    /// Needs a tokio runtime whose timer is on.
    ///
    /// # Errors
    ///
    /// [`RegistryError::CreateDirectory`], [`RegistryError::ReadOnly`],
    /// [`RegistryError::Full`], [`RegistryError::Busy`], [`RegistryError::NotARegistry`],
    /// [`RegistryError::NewerDatabase`], [`RegistryError::Migrate`], [`RegistryError::Open`].
    pub async fn open(path: &Path) -> Result<Self, RegistryError> {
        open::create_parents(path)?;
        let connection = open::connect(path).await?;
        Ok(Self { path: path.to_owned(), connection: Mutex::new(connection) })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Folds the write-ahead log into the file and closes it. What is written is safe
    /// without it; the file alone is complete only after it.
    ///
    /// # Errors
    ///
    /// What SQLite gives.
    pub async fn close(self) -> Result<(), RegistryError> {
        let Self { path, connection } = self;
        connection.into_inner().close().await.map_err(|error| failure::of(error, "close", &path))
    }

    async fn connection(&self) -> MutexGuard<'_, SqliteConnection> {
        self.connection.lock().await
    }

    fn failed(&self, step: &'static str) -> impl FnOnce(sqlx::Error) -> RegistryError {
        let path = self.path.clone();
        move |error| failure::of(error, step, &path)
    }

    fn damaged(&self, what: impl Into<String>, source: serde_json::Error) -> RegistryError {
        RegistryError::Damaged { what: what.into(), path: self.path.clone(), source }
    }
}

#[cfg(all(test, feature = "conformance"))]
mod tests {
    use weighbridge_experiment::RunId;

    use super::*;
    use crate::Runs;
    use crate::conformance::example;

    /// A full file system, played by SQLite's own limit on the pages of a file.
    #[tokio::test]
    async fn a_full_disk_is_said_and_what_was_acknowledged_is_kept() {
        let directory = tempfile::TempDir::new().expect("a directory");
        let registry =
            SqliteRegistry::open(&directory.path().join("registry.sqlite")).await.expect("opened");
        let id = RunId::from_random(1);
        registry.begin(&example::header(&id, 0)).await.expect("a run");
        let limit = sqlx::query("PRAGMA max_page_count = 40");
        limit.execute(&mut *registry.connection().await).await.expect("limited");
        let mut acknowledged = 0;
        let error = loop {
            match registry
                .append_trial(&id, &example::trial(acknowledged, "native", "derain"))
                .await
            {
                Ok(()) => acknowledged += 1,
                Err(error) => break error,
            }
            assert!(acknowledged < 1_000, "the limit was never met");
        };
        assert!(matches!(error, RegistryError::Full { .. }), "{error:?}");
        assert!(error.to_string().contains("no space is left"), "{error}");
        let record = registry.get(&id).await.expect("it can still be read");
        assert_eq!(record.trials.len(), acknowledged as usize);
        let unlimited = sqlx::query("PRAGMA max_page_count = 1000000");
        unlimited.execute(&mut *registry.connection().await).await.expect("space again");
        registry
            .append_trial(&id, &example::trial(acknowledged, "native", "derain"))
            .await
            .expect("it goes on");
    }
}
