//! Talking to the stand-in of the agent, and waiting for what must happen.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use weighbridge_environment::{Environment, Port};
use weighbridge_experiment::{Endpoint, Resource};

/// Waits for what must happen; the bound only ends a test that would hang.
pub(crate) fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn connect(environment: &dyn Environment, resource: &Resource) -> UnixStream {
    let Ok(Endpoint::UnixSocket(path)) = environment.endpoint(resource, Port::Agent) else {
        panic!("the agent's endpoint is a unix socket");
    };
    let mut stream = None;
    eventually("the agent answers", || {
        stream = UnixStream::connect(&path).ok();
        stream.is_some()
    });
    stream.unwrap()
}

pub(crate) fn ask(stream: &UnixStream, question: &str) -> String {
    writeln!(&mut &*stream, "{question}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer.trim_end().to_owned()
}
