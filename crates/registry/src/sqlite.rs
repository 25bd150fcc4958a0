//! The registry as one SQLite file. Knows SQL; the rules that hold for any storage are in
//! `format` and `reference`.

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
