use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, Row};

use super::failure;
use crate::RegistryError;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// `WBRG`: says in the file's header whose database it is.
const APPLICATION_ID: i64 = 0x5742_5247;
const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");
/// A writer holds the lock for milliseconds; a machine under load may stretch them.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// SQLite does not wait by itself while another process turns the same new file to
/// write-ahead logging.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(25);

/// Makes the directories that are missing, readable by this user only.
pub(super) fn create_parents(path: &Path) -> Result<(), RegistryError> {
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
        return Ok(());
    };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(parent)
        .map_err(|source| RegistryError::CreateDirectory { path: parent.to_owned(), source })
}

pub(super) async fn connect(path: &Path) -> Result<SqliteConnection, RegistryError> {
    for _ in 1..TRIES {
        match try_connect(path).await {
            Err(error) if failure::is_busy(&error) => tokio::time::sleep(PAUSE).await,
            result => return result,
        }
    }
    try_connect(path).await
}

async fn try_connect(path: &Path) -> Result<SqliteConnection, RegistryError> {
    let failed = |source| match failure::of(source, "open", path) {
        RegistryError::Query { path, source, .. } => RegistryError::Open { path, source },
        error => error,
    };
    let mut connection = SqliteConnection::connect_with(&options(path)).await.map_err(failed)?;
    let known = known_version();
    let found = inspect(&mut connection, path).await.map_err(failed)??;
    if found > known {
        return Err(newer(&mut connection, path, found, known).await);
    }
    // Taking the write lock shows now, not after the first trial, that the file is writable.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    if found < known {
        migrate(&mut transaction, path, known).await?;
    }
    sqlx::query(
        "INSERT INTO writers (tool_version, database_version) VALUES (?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(TOOL_VERSION)
    .bind(known)
    .execute(&mut *transaction)
    .await
    .map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok(connection)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .journal_mode(SqliteJournalMode::Wal)
        // With a write-ahead log NORMAL survives the death of the process, FULL that of the
        // machine too. One sync a trial is lost in the time that a trial takes.
        .synchronous(SqliteSynchronous::Full)
}

fn known_version() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// The version of the database, 0 of a new one, or why it is none of ours.
async fn inspect(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<Result<i64, RegistryError>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) \
         FROM pragma_application_id, pragma_user_version",
    )
    .fetch_one(&mut *connection)
    .await?;
    let (application, version, objects): (i64, i64, i64) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    if application == APPLICATION_ID || objects == 0 {
        return Ok(Ok(version));
    }
    let reason = "it is the SQLite database of another program".to_owned();
    Ok(Err(RegistryError::NotARegistry { path: path.to_owned(), reason }))
}

async fn newer(
    connection: &mut SqliteConnection,
    path: &Path,
    found: i64,
    known: i64,
) -> RegistryError {
    // A newer version may have renamed even this table: its number is then all there is to say.
    let writer: Option<String> = sqlx::query_scalar(
        "SELECT tool_version FROM writers WHERE database_version = ? ORDER BY rowid LIMIT 1",
    )
    .bind(found)
    .fetch_optional(&mut *connection)
    .await
    .unwrap_or(None);
    RegistryError::NewerDatabase {
        path: path.to_owned(),
        found,
        known,
        written_by: writer.map_or_else(
            || "a newer version".to_owned(),
            |version| format!("weighbridge {version}"),
        ),
        this: TOOL_VERSION.to_owned(),
    }
}

/// Inside one transaction with the write lock held: another process that opens the same new
/// file waits, then finds nothing left to do.
async fn migrate(
    connection: &mut SqliteConnection,
    path: &Path,
    known: i64,
) -> Result<(), RegistryError> {
    MIGRATIONS.run(&mut *connection).await.map_err(|error| migration_failed(error, path))?;
    // A pragma takes no bound values; both are numbers of ours.
    let mark = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {known}");
    sqlx::raw_sql(AssertSqlSafe(mark))
        .execute(connection)
        .await
        .map_err(|source| failure::of(source, "mark the version", path))?;
    Ok(())
}

fn migration_failed(error: MigrateError, path: &Path) -> RegistryError {
    let as_failure = |source| match failure::of(source, "migrate", path) {
        RegistryError::Query { path, source, .. } => {
            RegistryError::Migrate { path, source: MigrateError::Execute(source) }
        }
        error => error,
    };
    match error {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
            as_failure(source)
        }
        source => RegistryError::Migrate { path: path.to_owned(), source },
    }
}
