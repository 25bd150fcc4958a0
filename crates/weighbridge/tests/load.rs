//! `weighbridge load` through the executable: what it prints, writes, refuses, and exits with.

mod through_binary;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use through_binary::{Home, done};

/// A server that answers every request after so long, with a thread for each connection.
fn server(delay: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                // Requests here are small enough to come in one piece.
                while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
                    std::thread::sleep(delay);
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    if stream.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn a_load_is_printed_as_a_table_and_as_json_of_the_published_schema() {
    let home = Home::new();
    let url = format!("http://{}/", server(Duration::from_millis(2)));
    let done = home.run(&["load", &url, "--users", "2", "--duration", "500ms"]);
    // A busy machine may make a client late: then it says so.
    assert!(matches!(done.code, Some(0 | 3)), "{done:?}");
    assert!(
        done.stdout.contains("response") && done.stdout.contains("too few samples"),
        "{}",
        done.stdout
    );
    assert!(done.stdout.lines().all(|line| line.chars().count() <= 80), "{}", done.stdout);
    assert_eq!(done.stderr, "");

    let schema = home.json(&["schema", "load"]);
    let asked = [
        "load",
        &url,
        "--rate",
        "100",
        "--duration",
        "500ms",
        "--format",
        "json",
        "--threshold",
        "p50>1us",
    ];
    let done = home.run(&asked);
    let value: serde_json::Value = serde_json::from_str(&done.stdout).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(validator.is_valid(&value), "{value}");
    assert_eq!(value["format"], "weighbridge.load/1");
    for key in [
        "valid",
        "invalid_reason",
        "requests",
        "failures",
        "rps",
        "duration_seconds",
        "users",
        "response_ms",
        "service_ms",
        "send_lag_ms",
        "dropped_sends",
        "client",
    ] {
        assert!(value.get(key).is_some(), "{key}");
    }
    assert!(value["response_ms"]["p50"].as_f64() >= Some(2.0), "{value}");
    assert!(value["response_ms"]["p99_9"].is_null());
    assert!(value["details"]["missing"].as_array().is_some_and(|missing| !missing.is_empty()));
    assert_eq!(value["details"]["thresholds"][0]["passed"], true);
    assert_eq!(value["valid"], done.code == Some(0));
}

#[test]
fn what_cannot_be_done_is_said_with_its_exit_status() {
    let home = Home::new();
    let url = format!("http://{}/", server(Duration::ZERO));
    let refused =
        TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let refused = format!("http://{refused}/");
    let wrong: [(&[&str], i32, &str); 11] = [
        (&["load"], 2, "URL"),
        (&["load", &url, "--users", "0"], 2, "from 1 to"),
        (&["load", &url, "--think", "soon"], 2, "is not a time"),
        (&["load", &url, "--rate", "10", "--think", "1s"], 2, "cannot be used with"),
        (&["load", &url, "--threshold", "fast"], 2, "is not a threshold"),
        (&["load", &url, "--format", "k6"], 2, "--out PREFIX"),
        (&["load", &url, "--header", "secret"], 2, "no colon"),
        (&["load", "localhost:80"], 2, "http://"),
        (&["load", &refused], 1, "connection refused"),
        (&["load", "http://no-such-host.invalid/"], 1, "cannot resolve"),
        (&["load", &url, "--body", "gone.png"], 1, "gone.png"),
    ];
    for (arguments, code, words) in wrong {
        let done = home.run(arguments);
        assert_eq!(done.code, Some(code), "{arguments:?}: {done:?}");
        assert!(done.stderr.contains(words), "{arguments:?}: {}", done.stderr);
        assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
    }
}

#[test]
fn a_threshold_that_does_not_hold_fails_the_load() {
    let home = Home::new();
    let url = format!("http://{}/", server(Duration::from_millis(5)));
    let done = home.run(&["load", &url, "--duration", "300ms", "--threshold", "p50<1ms"]);
    assert!(done.stdout.contains("FAILED"), "{}", done.stdout);
    assert!(
        done.code == Some(3)
            || (done.code == Some(1) && done.stderr.contains("1 of 1 thresholds do not hold")),
        "{done:?}"
    );
}

#[test]
fn files_of_every_format_are_written_where_they_are_asked_for() {
    let home = Home::new();
    let url = format!("http://{}/", server(Duration::from_millis(1)));
    let arguments = [
        "load",
        &url,
        "--users",
        "2",
        "--duration",
        "300ms",
        "--out",
        "out/a",
        "--format",
        "locust,k6,hgrm,hlog,html,json",
    ];
    let done = home.run(&arguments);
    assert!(matches!(done.code, Some(0 | 3)), "{done:?}");
    for suffix in [
        "_stats.csv",
        "_stats_history.csv",
        "_failures.csv",
        "_exceptions.csv",
        "_summary.json",
        ".hgrm",
        "_service.hgrm",
        ".hlog",
        ".html",
        ".json",
    ] {
        let path = home.path(&format!("out/a{suffix}"));
        assert!(std::fs::metadata(&path).is_ok_and(|file| file.len() > 0), "{}", path.display());
    }
}

#[test]
fn ctrl_c_gives_the_report_so_far() {
    let home = Home::new();
    let url = format!("http://{}/", server(Duration::from_millis(1)));
    let mut command = home.command(&["load", &url, "--duration", "60s", "--format", "json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    std::thread::sleep(Duration::from_millis(1500));
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).expect("a signal");
    let done = done(child.wait_with_output().expect("it ends"));
    assert_eq!(done.code, Some(1), "{done:?}");
    let value: serde_json::Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!(value["details"]["interrupted"], true);
    assert!(
        value["requests"].as_u64() > Some(0) && value["duration_seconds"].as_f64() < Some(60.0)
    );
}

/// A coordinator and its workers as processes, as a user has them.
#[test]
fn workers_share_a_load() {
    let home = Home::new();
    let url = format!("http://{}/", server(Duration::from_millis(1)));
    let token = home.file("token", "a secret of sixteen characters or more");
    let token = token.to_str().expect("UTF-8");
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let here = port.to_string();
    let coordinator = home.start(&[
        "load",
        &url,
        "--rate",
        "100",
        "--arrival",
        "constant",
        "--duration",
        "1s",
        "--workers",
        "2",
        "--listen",
        &here,
        "--token-file",
        token,
        "--format",
        "json",
    ]);
    let mut workers = Vec::new();
    while std::net::TcpStream::connect(port).is_err() {
        std::thread::sleep(Duration::from_millis(50));
    }
    for _ in 0..2 {
        workers.push(home.start(&["load", "worker", &here, "--token-file", token]));
    }
    let done = done(coordinator.wait_with_output().expect("it ends"));
    assert!(matches!(done.code, Some(0 | 3)), "{done:?}");
    let value: serde_json::Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!(value["requests"], 100, "{value}");
    assert!(!done.stderr.contains("a secret"), "{}", done.stderr);
    for worker in workers {
        let output = worker.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let open =
        home.run(&["load", &url, "--workers", "1", "--listen", "0.0.0.0:0", "--token-file", token]);
    assert!(open.code == Some(2) && open.stderr.contains("in the clear"), "{open:?}");
}
