//! The common suite on SQLite, and what only a file has: opening, restarting, refusing.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;
use weighbridge_experiment::{RunEvent, RunEventKind, RunId};
use weighbridge_registry::conformance::{self, example};
use weighbridge_registry::{Journal, RegistryError, Runs, SqliteRegistry};

async fn open(path: &Path) -> SqliteRegistry {
    SqliteRegistry::open(path).await.expect("a registry")
}

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(
        &SqliteConnectOptions::new().filename(path).create_if_missing(true),
    )
    .await
    .expect("a database")
}

async fn execute(path: &Path, sql: &str) -> Result<(), sqlx::Error> {
    let mut connection = raw(path).await;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
    connection.close().await
}

#[tokio::test]
async fn sqlite_passes_the_common_suite() {
    let directory = TempDir::new().expect("a directory");
    let next = AtomicU32::new(0);
    conformance::all(|| async {
        let number = next.fetch_add(1, Ordering::Relaxed);
        open(&directory.path().join(format!("{number}.sqlite"))).await
    })
    .await;
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("registry.sqlite");
    let id = RunId::from_random(1);
    let registry = open(&path).await;
    registry.begin(&example::header(&id, 0)).await.expect("a run");
    registry.append_trial(&id, &example::trial(0, "native", "derain")).await.expect("a trial");
    let entry = registry
        .intend(Some(&id), &example::resource("wb-1"), &example::owner(1))
        .await
        .expect("an entry");
    registry.close().await.expect("closed");
    assert!(!path.with_extension("sqlite-wal").exists(), "the log is folded in when it is closed");
    let registry = open(&path).await;
    assert_eq!(registry.get(&id).await.expect("the run").trials.len(), 1);
    assert_eq!(registry.outstanding().await.expect("the journal")[0].id, entry);
}

#[cfg(unix)]
#[tokio::test]
async fn missing_directories_are_made_for_this_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("a/b/registry.sqlite");
    open(&path).await;
    for made in ["a", "a/b"] {
        let mode =
            std::fs::metadata(directory.path().join(made)).expect("made").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{made}");
    }
}

#[test]
fn many_may_open_a_new_registry_at_the_same_time() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("registry.sqlite");
    let alone =
        || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let path = &path;
            scope.spawn(move || {
                alone().block_on(async {
                    let header = example::header(&RunId::from_random(number), 0);
                    open(path).await.begin(&header).await.expect("a run");
                });
            });
        }
    });
    alone().block_on(async {
        assert_eq!(open(&path).await.list().await.expect("a list").len(), 8);
    });
}

#[tokio::test]
async fn the_database_itself_refuses_changes() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("registry.sqlite");
    let id = RunId::from_random(1);
    let registry = open(&path).await;
    registry.begin(&example::header(&id, 0)).await.expect("a run");
    registry.append_trial(&id, &example::trial(0, "native", "derain")).await.expect("a trial");
    registry
        .append_event(&id, &RunEvent { at: example::time(1), kind: RunEventKind::Finished })
        .await
        .expect("an event");
    let entry = registry
        .intend(None, &example::resource("wb-1"), &example::owner(1))
        .await
        .expect("an entry");
    registry.created(entry).await.expect("a step");
    registry.close().await.expect("closed");
    let changes = [
        ("runs", "name = 'x'"),
        ("trials", "record = '{}'"),
        ("events", "event = 'interrupted'"),
        ("journal", "run = 'x'"),
        ("journal_steps", "step = 'gone'"),
        ("writers", "tool_version = 'x'"),
    ];
    for (table, change) in changes {
        for sql in [format!("UPDATE {table} SET {change}"), format!("DELETE FROM {table}")] {
            let error = execute(&path, &sql).await.expect_err(&sql).to_string();
            assert!(error.contains("append-only"), "{sql}: {error}");
        }
    }
}

#[tokio::test]
async fn what_is_no_registry_is_refused_and_left_alone() {
    let directory = TempDir::new().expect("a directory");
    let refusal = async |path: &Path| match SqliteRegistry::open(path).await {
        Err(error @ RegistryError::NotARegistry { .. }) => error.to_string(),
        other => panic!("{}: {other:?}", path.display()),
    };
    let text = directory.path().join("notes.txt");
    let written = "these are notes, not a database; ".repeat(200);
    std::fs::write(&text, &written).expect("written");
    assert!(refusal(&text).await.contains("it is not a SQLite database; move it away"));
    assert_eq!(std::fs::read_to_string(&text).expect("still there"), written);
    assert!(refusal(directory.path()).await.contains("it is a directory"));
    let foreign = directory.path().join("foreign.sqlite");
    execute(&foreign, "CREATE TABLE recipes (name TEXT)").await.expect("a foreign database");
    assert!(refusal(&foreign).await.contains("the SQLite database of another program"));
}

#[tokio::test]
async fn a_newer_database_is_refused_with_who_wrote_it() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("registry.sqlite");
    open(&path).await.close().await.expect("closed");
    execute(&path, "INSERT INTO writers VALUES ('9.9.9', 77); PRAGMA user_version = 77;")
        .await
        .expect("changed");
    let error = SqliteRegistry::open(&path).await.expect_err("newer");
    let RegistryError::NewerDatabase { found, written_by, .. } = &error else { panic!("{error}") };
    assert_eq!((*found, written_by.as_str()), (77, "weighbridge 9.9.9"));
    assert!(error.to_string().contains("install that version or a later one"), "{error}");
}

#[tokio::test]
async fn a_run_of_a_newer_format_is_listed_but_not_read() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("registry.sqlite");
    open(&path).await.close().await.expect("closed");
    execute(
        &path,
        "INSERT INTO runs (id, format, tool_version, name, started, environments, workloads, trials_asked, record) \
         VALUES ('00000000000a', 'weighbridge.run/2', '9.9.9', 'later', '2030-01-01T00:00:00Z', '[]', '[]', 1, '{}')",
    )
    .await
    .expect("a later run");
    let registry = open(&path).await;
    let id = registry.find("latest").await.expect("it is there");
    assert_eq!(registry.list().await.expect("a list")[0].tool_version, "9.9.9");
    let errors = [
        registry.get(&id).await.err(),
        registry.done(&id).await.err(),
        registry.append_trial(&id, &example::trial(0, "native", "derain")).await.err(),
    ];
    for error in errors {
        let Some(RegistryError::NewerRecord { written_by, .. }) = error else {
            panic!("{error:?}")
        };
        assert_eq!(written_by, "9.9.9");
    }
}

#[tokio::test]
async fn a_damaged_record_is_named() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("registry.sqlite");
    let id = RunId::from_random(1);
    let registry = open(&path).await;
    registry.begin(&example::header(&id, 0)).await.expect("a run");
    registry.close().await.expect("closed");
    execute(
        &path,
        "INSERT INTO trials (run, block, environment, workload, status, record) \
         VALUES ('000000000001', 0, 'native', 'derain', 'ok', '{\"block\": 0}')",
    )
    .await
    .expect("a damaged trial");
    let error = open(&path).await.get(&id).await.expect_err("damaged");
    assert!(
        error.to_string().starts_with("trial 1 of run 000000000001 in the registry `"),
        "{error}"
    );
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    // Nobody, root included, makes files here.
    let error = SqliteRegistry::open(Path::new("/sys/kernel/registry.sqlite"))
        .await
        .expect_err("read-only");
    assert!(matches!(error, RegistryError::ReadOnly { .. }), "{error:?}");
    let error = SqliteRegistry::open(Path::new("/sys/kernel/weighbridge/registry.sqlite"))
        .await
        .expect_err("read-only");
    assert!(matches!(error, RegistryError::CreateDirectory { .. }), "{error:?}");
    assert!(error.to_string().contains("set WEIGHBRIDGE_HOME to another"), "{error}");
}
