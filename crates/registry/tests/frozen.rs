//! What earlier versions wrote is read by this one. The fixtures are frozen: where one of
//! these tests fails, the code is wrong, not the fixture.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;
use weighbridge_experiment::{EnvironmentKind, RunId, RunStatus, TrialOutcome};
use weighbridge_registry::{Journal, Runs, SqliteRegistry};

const VERSION_2: &str = include_str!("fixtures/database-2-run-1.sql");

async fn restore(path: &Path, sql: &str) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("a database");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect("restored");
    connection.close().await.expect("closed");
}

#[tokio::test]
async fn a_registry_of_0_1_0_is_read() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("registry.sqlite");
    restore(&path, VERSION_2).await;
    let registry = SqliteRegistry::open(&path).await.expect("it opens");
    let list = registry.list().await.expect("a list");
    let ids: Vec<&str> = list.iter().map(|summary| summary.id.as_str()).collect();
    assert_eq!(ids, ["fedcba987654", "0123456789ab"]);
    assert_eq!((list[0].status, list[0].trials_done), (RunStatus::Unfinished, 1));
    assert_eq!((list[1].trials_done, list[1].trials_failed, list[1].trials_asked), (4, 2, 50));
    assert_eq!((list[1].status, list[1].resumed), (RunStatus::Finished, true));

    let run: RunId = "0123456789ab".parse().expect("an id");
    let record = registry.get(&run).await.expect("the run");
    assert_eq!(record.header.plan.name, "edge");
    assert_eq!(record.header.plan.environments[1].kind, EnvironmentKind::Container);
    assert_eq!(record.header.started.to_string(), "2024-10-04T00:00:00.123456789Z");
    assert_eq!(record.events.len(), 4);
    assert!(record.environment_facts("small").is_some());
    let TrialOutcome::Ok(measured) = &record.trials[0].outcome else { panic!("it was measured") };
    assert_eq!(measured.total_nanoseconds, 987_654_321);
    assert_eq!(measured.start.ready_seconds.to_bits(), (1.0_f64 / 3.0).to_bits());
    assert_eq!(measured.outside[0].usage.cpu_nanoseconds, Some(u64::MAX));
    assert_eq!(measured.outside[0].usage.memory_peak_bytes, None);
    let TrialOutcome::Failed(failure) = &record.trials[1].outcome else { panic!("it failed") };
    assert_eq!(failure.ended.as_ref().and_then(|ended| ended.signal), Some(9));

    let left = registry.outstanding().await.expect("the journal");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].resource.instance.0, "wb-left");
    assert_eq!(left[0].run.as_ref().map(RunId::as_str), Some("fedcba987654"));
    assert!(left[0].created);
}

#[tokio::test]
async fn migrations_that_have_shipped_were_not_edited() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("registry.sqlite");
    // An older version number makes the migrator compare the digests of what was applied.
    restore(&path, &format!("{VERSION_2}\nPRAGMA user_version = 1;")).await;
    SqliteRegistry::open(&path).await.expect("the same migrations as were applied");
}
