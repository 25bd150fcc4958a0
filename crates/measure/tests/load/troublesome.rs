//! Servers that do what they should not: each failure is a result, in words, with its time.

use weighbridge_experiment::load::{LoadRecord, LoadSpec};
use weighbridge_measure::load::LoadError;

use super::server::{Behaviour, Server};
use super::{milliseconds, run, time, totals};

/// A load on a server that behaves so; every request has to fail.
fn all_fail(behaviour: Behaviour) -> LoadRecord {
    let server = Server::start(behaviour);
    let spec = LoadSpec {
        users: Some(2),
        duration: time("300ms"),
        timeout: time("150ms"),
        ..LoadSpec::default()
    };
    let record = run(&spec, &server.url()).expect("failures are results");
    let (requests, failures) = totals(&record);
    assert!(requests >= 2 && failures == requests, "{requests} {failures}");
    let counted: u64 = record.errors.iter().map(|error| error.occurrences).sum();
    assert_eq!(counted, failures);
    record
}

fn words(record: &LoadRecord) -> Vec<&str> {
    record.errors.iter().map(|error| error.error.as_str()).collect()
}

#[test]
fn a_server_that_hangs_or_drips_is_given_up_after_the_timeout() {
    for behaviour in [
        Behaviour::Hang,
        Behaviour::Drip,
        Behaviour::SayAndWait("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal"),
    ] {
        let record = all_fail(behaviour);
        assert_eq!(words(&record), ["timeout"]);
        assert!(milliseconds(&record.requests[0].failed, 0.0) >= 149.0);
    }
}

#[test]
fn a_server_that_resets_or_closes_is_named() {
    assert_eq!(words(&all_fail(Behaviour::Reset)), ["connection reset"]);
    let cut = all_fail(Behaviour::SayAndClose("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel"));
    assert_eq!(words(&cut), ["connection closed before the answer was complete"]);
}

#[test]
fn a_server_that_speaks_something_else_is_named() {
    let record = all_fail(Behaviour::Say("SSH-2.0-OpenSSH_9.2\r\n\r\n"));
    assert!(words(&record)[0].starts_with("not HTTP: "), "{:?}", words(&record));
}

#[test]
fn statuses_and_endless_redirects_are_failures() {
    let busy = all_fail(Behaviour::Say("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"));
    assert_eq!(words(&busy), ["status 503"]);
    let around = all_fail(Behaviour::Say(
        "HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n",
    ));
    assert_eq!(words(&around), ["redirected more than 10 times"]);
    let away = all_fail(Behaviour::Say(
        "HTTP/1.1 301 Moved\r\nlocation: http://other.invalid/\r\ncontent-length: 0\r\n\r\n",
    ));
    assert_eq!(words(&away), ["redirected to another service, other.invalid"]);
}

#[test]
fn a_connection_that_was_closed_while_idle_is_opened_again() {
    let server = Server::start(Behaviour::CloseAfterwards);
    let spec = LoadSpec {
        users: Some(1),
        think: Some("20ms".parse().expect("a pause")),
        duration: time("300ms"),
        ..LoadSpec::default()
    };
    let record = run(&spec, &server.url()).expect("a load");
    let (requests, failures) = totals(&record);
    assert!(requests >= 2 && failures == 0, "{requests} {:?}", record.errors);
}

#[test]
fn a_target_that_is_not_there_is_said_before_the_load() {
    let spec = LoadSpec { users: Some(1), ..LoadSpec::default() };
    let refused = {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        gone.local_addr().expect("an address")
    };
    let error = run(&spec, &format!("http://{refused}/")).expect_err("nobody listens");
    assert!(matches!(&error, LoadError::Connect { .. }), "{error}");
    assert!(error.to_string().contains("connection refused"), "{error}");
    let error = run(&spec, "http://no-such-host.invalid/").expect_err("no such name");
    assert!(matches!(error, LoadError::Resolve { .. }), "{error}");
    let body = LoadSpec { body: vec!["gone.png".into()], ..spec };
    let error = run(&body, "http://127.0.0.1:1/").expect_err("no such file");
    assert!(error.to_string().contains("gone.png"), "{error}");
}
