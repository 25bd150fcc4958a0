//! `weighbridge serve` as a user starts and stops it; what it serves is tested in its crate.

mod through_binary;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use through_binary::Home;

const TOKEN: &str = "0123456789abcdef-a-token";

/// Starts a service, and gives its address by the line that it prints.
fn start(home: &Home, arguments: &[&str], token: Option<&str>) -> (Child, String) {
    let mut command = home.command(&["serve", "--app", "traffic-light", "--listen", "127.0.0.1:0"]);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(token) = token {
        command.env("WEIGHBRIDGE_SERVE_TOKEN", token);
    }
    let mut child = command.spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let address = line.trim().rsplit("http://").next().expect("an address");
    (child, address.split(',').next().expect("an address").to_owned())
}

fn get(address: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer of text");
    answer
}

#[test]
fn it_serves_until_it_is_told_to_stop_and_logs_no_token() {
    let home = Home::new();
    let (child, address) = start(&home, &["--engine", "rten"], Some(TOKEN));
    assert!(get(&address, "/health/ready", "").starts_with("HTTP/1.1 200"));
    assert!(get(&address, "/v2", "").starts_with("HTTP/1.1 401"));
    let bearer = format!("authorization: Bearer {TOKEN}\r\n");
    assert!(get(&address, "/v2/models/traffic-light", &bearer).contains("\"onnx_rten\""));
    kill_process(Pid::from_child(&child), Signal::TERM).expect("told");
    let done = child.wait_with_output().expect("it ends");
    let log = String::from_utf8(done.stderr).expect("text");
    assert_eq!(done.status.code(), Some(0), "{log}");
    assert!(!log.contains(TOKEN), "{log}");
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let asked = lines.iter().find(|line| line["route"] == "/v2/models/{model}").expect("a line");
    assert_eq!((&asked["status"], &asked["level"]), (&200.into(), &"INFO".into()));
    assert_eq!(asked["trace_id"].as_str().expect("a trace").len(), 32);
}

#[test]
fn what_cannot_be_served_is_said_before_anything_listens() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let short = home.file("short", "secret\n");
    let short = short.to_str().expect("a path");
    let light = ["--app", "traffic-light"];
    for (arguments, code, needles) in [
        (&["--app", "paint"][..], 2, &["paint", "derain"][..]),
        (&[&light[..], &["--listen", "0.0.0.0:0"]].concat(), 2, &["--token-file", "--open"]),
        (&[&light[..], &["--token-file", short]].concat(), 2, &["short", "openssl rand"]),
        (&[&light[..], &["--listen", &taken]].concat(), 1, &["--listen", taken.as_str()]),
        (&[&light[..], &["--deadline", "soon"]].concat(), 2, &["30s"]),
        (&[&light[..], &["--tls-key", short]].concat(), 2, &["--tls-certificate"]),
        (&[&light[..], &["--model", "nothing.onnx"]].concat(), 1, &["nothing.onnx"]),
        (&[&light[..], &["--app", "derain", "--model", "a.onnx"]].concat(), 2, &["one --app"]),
    ] {
        let done = home.run(&[&["serve"], arguments].concat());
        assert_eq!(done.code, Some(code), "{arguments:?}: {}", done.stderr);
        for needle in needles {
            assert!(done.stderr.contains(needle), "{arguments:?}: {}", done.stderr);
        }
        assert!(!done.stderr.contains("secret"), "{}", done.stderr);
    }
}
