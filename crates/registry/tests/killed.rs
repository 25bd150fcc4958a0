//! A process that is killed while it writes loses nothing that it had acknowledged.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;
use weighbridge_experiment::RunId;
use weighbridge_registry::conformance::example;
use weighbridge_registry::{RegistryError, Runs, SqliteRegistry};

const CHILD: &str = "WEIGHBRIDGE_TEST_APPEND_UNTIL_KILLED";
/// Acknowledged trials after which each child is killed: before the first one, and after
/// few and many.
const KILLS: [usize; 10] = [0, 1, 2, 3, 5, 8, 13, 1, 0, 21];

fn id() -> RunId {
    RunId::from_random(1)
}

/// Not a test by itself: the child of the test below, which runs this executable again.
#[tokio::test]
async fn child_appends_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let registry = SqliteRegistry::open(Path::new(&path)).await.expect("a registry");
    match registry.begin(&example::header(&id(), 0)).await {
        Ok(()) | Err(RegistryError::DuplicateRun { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    let mut block =
        registry.done(&id()).await.expect("what is done").last().map_or(0, |(block, _)| block + 1);
    let mut output = std::io::stdout();
    loop {
        registry
            .append_trial(&id(), &example::trial(block, "native", "derain"))
            .await
            .expect("a trial");
        writeln!(output, "acknowledged {block}").expect("the parent listens");
        output.flush().expect("the parent listens");
        block += 1;
    }
}

/// Starts a child on `path`, kills it after `count` acknowledgements, and gives all blocks
/// that it had acknowledged by then.
fn kill_after(path: &Path, count: usize) -> Vec<u32> {
    let mut child = Command::new(std::env::current_exe().expect("this executable"))
        .args(["--exact", "child_appends_until_it_is_killed", "--nocapture", "--test-threads=1"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut acknowledged = Vec::new();
    let mut killed = count == 0;
    if killed {
        child.kill().expect("killed");
    }
    for line in lines.map_while(Result::ok) {
        // The test harness prints lines of its own.
        if let Some((_, block)) = line.split_once("acknowledged ") {
            acknowledged.push(block.parse().expect("a block"));
        }
        if !killed && acknowledged.len() >= count {
            child.kill().expect("killed");
            killed = true;
        }
    }
    let status = child.wait().expect("its end");
    assert!(killed && !status.success(), "the child ended by itself: {status}");
    acknowledged
}

#[tokio::test]
async fn ten_kills_lose_nothing_that_was_acknowledged() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("registry.sqlite");
    let mut acknowledged = Vec::new();
    for (kill, count) in KILLS.into_iter().enumerate() {
        acknowledged.extend(kill_after(&path, count));
        if acknowledged.is_empty() {
            continue;
        }
        let registry = SqliteRegistry::open(&path).await.expect("it opens after a kill");
        let record = registry.get(&id()).await.expect("the run");
        for block in &acknowledged {
            let expected = example::trial(*block, "native", "derain");
            assert!(record.trials.contains(&expected), "block {block} is lost after kill {kill}");
        }
        // Each child may have died between writing a trial and saying so, once.
        assert!(record.trials.len() <= acknowledged.len() + kill + 1);
        registry.close().await.expect("closed");
        let mut connection =
            SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path))
                .await
                .expect("a database");
        let check: String = sqlx::query_scalar("PRAGMA integrity_check")
            .fetch_one(&mut connection)
            .await
            .expect("a check");
        assert_eq!(check, "ok");
    }
    assert!(acknowledged.len() >= KILLS.iter().sum());
}
