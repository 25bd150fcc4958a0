//! The load engine against servers that behave in known ways. Nothing here asserts an upper
//! bound of a time: a busy machine may always be slower.

mod distributed;
mod protocols;
mod server;
mod troublesome;

use std::sync::atomic::Ordering;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use server::{Behaviour, Server};
use weighbridge_experiment::load::{Arrival, EncodedHistogram, LoadRecord, LoadSpec, LoadTime};
use weighbridge_measure::load::{LoadControl, LoadError, LoadOptions, merge_records, run_load};

pub(crate) fn time(text: &str) -> Option<LoadTime> {
    Some(text.parse().expect("a time"))
}

pub(crate) fn run(spec: &LoadSpec, url: &str) -> Result<LoadRecord, LoadError> {
    let plan = spec.resolve(url).expect("a plan");
    run_load(&plan, &LoadOptions::default(), &LoadControl::default(), &mut |_| {})
}

pub(crate) fn times(encoded: &EncodedHistogram) -> Histogram<u64> {
    Deserializer::new().deserialize(&mut encoded.0.as_slice()).expect("a histogram")
}

pub(crate) fn milliseconds(encoded: &EncodedHistogram, percentile: f64) -> f64 {
    times(encoded).value_at_percentile(percentile) as f64 / 1e6
}

pub(crate) fn totals(record: &LoadRecord) -> (u64, u64) {
    record.requests.iter().fold((0, 0), |sum, one| (sum.0 + one.requests, sum.1 + one.failures))
}

#[test]
fn a_constant_rate_sends_exactly_what_is_due() {
    let server = Server::start(Behaviour::Delays(vec![10, 30]));
    let spec = LoadSpec {
        rate: Some(200.0),
        arrival: Some(Arrival::Constant),
        duration: time("1s"),
        ..LoadSpec::default()
    };
    let record = run(&spec, &server.url()).expect("a load");
    assert_eq!(totals(&record), (200, 0), "{:?}", record.errors);
    assert_eq!(server.seen.requests.load(Ordering::Relaxed), 200);
    let tally = &record.requests[0];
    assert_eq!(times(&tally.response).len(), 200);
    assert_eq!((times(&tally.service).len(), times(&record.send_lag).len()), (200, 200));
    assert_eq!(tally.received_bytes, 1000);
    assert!(milliseconds(&tally.service, 25.0) >= 9.9, "{}", milliseconds(&tally.service, 25.0));
    assert!(milliseconds(&tally.service, 75.0) >= 29.9);
    // What was due is never later than what was sent.
    assert!(milliseconds(&tally.response, 50.0) >= milliseconds(&tally.service, 50.0) * 0.999);
    let in_intervals: u64 = record.intervals.iter().map(|interval| interval.requests).sum();
    assert_eq!(in_intervals, 200);
    assert!(record.duration_seconds >= 1.0);
}

/// With two connections nearly all requests of a standstill are sent only after it. Their
/// service times are short; the response times are the truth: a second in three, so that 95 %
/// of all are under about 850 ms.
#[test]
fn a_standstill_shows_in_the_response_times() {
    let server = Server::start(Behaviour::Freeze(1000, 2000));
    let spec = LoadSpec {
        rate: Some(200.0),
        arrival: Some(Arrival::Constant),
        users: Some(2),
        duration: time("3s"),
        ..LoadSpec::default()
    };
    let record = run(&spec, &server.url()).expect("a load");
    assert_eq!(totals(&record), (600, 0), "{:?}", record.errors);
    let tally = &record.requests[0];
    assert!(
        milliseconds(&tally.response, 95.0) >= 800.0,
        "{}",
        milliseconds(&tally.response, 95.0)
    );
    assert!(milliseconds(&tally.response, 80.0) >= 350.0);
    assert!(record.waited_sends >= 150, "{}", record.waited_sends);
    // The wait for a connection is the service's doing, not the client's.
    assert!(milliseconds(&record.send_lag, 50.0) < milliseconds(&tally.response, 95.0));
}

#[test]
fn users_keep_their_connections_and_pause() {
    let server = Server::start(Behaviour::Delays(vec![5]));
    let spec = LoadSpec {
        users: Some(10),
        spawn_rate: Some(100.0),
        think: Some("20ms..40ms".parse().expect("a pause")),
        duration: time("1s"),
        ..LoadSpec::default()
    };
    let record = run(&spec, &server.url()).expect("a load");
    let (requests, failures) = totals(&record);
    // At least 25 ms for each request of each user.
    assert!((10..=400).contains(&requests) && failures == 0, "{requests} {:?}", record.errors);
    assert_eq!(record.users, 10);
    // One more was opened to see that the server is there.
    assert_eq!(server.seen.connections.load(Ordering::Relaxed), 11);
}

#[test]
fn a_load_that_is_stopped_gives_what_there_is() {
    let server = Server::start(Behaviour::Delays(vec![1, 1, 1, 60_000]));
    let spec = LoadSpec { users: Some(1), duration: time("60s"), ..LoadSpec::default() };
    let plan = spec.resolve(&server.url()).expect("a plan");
    let control = LoadControl::default();
    let stopping = control.clone();
    let mut seen = Vec::new();
    let record = run_load(&plan, &LoadOptions::default(), &control, &mut |snapshot| {
        seen.push(snapshot.clone());
        stopping.stop();
    });
    let record = record.expect("a record");
    assert!(record.interrupted);
    assert_eq!((totals(&record), record.unfinished), ((3, 0), 1));
    assert_eq!((seen[0].requests, seen[0].under_way, seen[0].users), (3, 1, 1));
    assert!(record.duration_seconds < 60.0);
}

#[test]
fn bodies_cookies_and_weights_reach_the_server() {
    let answer = "HTTP/1.1 200 OK\r\nset-cookie: session=7; Path=/\r\ncontent-length: 0\r\n\r\n";
    let server = Server::start(Behaviour::Say(answer));
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("a.png"), "first photo").expect("a file");
    std::fs::write(directory.path().join("b.png"), "second photo").expect("a file");
    let text = format!(
        "users = 1\nthink = \"5ms\"\nduration = \"400ms\"\n[headers]\nx-own = \"yes\"\n\
         [[request]]\nname = \"upload\"\npath = \"/up\"\nbody = [{:?}]\n\
         [[request]]\npath = \"/look?x=1\"\n[[request]]\npath = \"/never\"\nweight = 0.0\n",
        directory.path()
    );
    let spec = LoadSpec::from_toml(&text).expect("valid");
    let record = run(&spec, &server.url()).expect("a load");
    let texts = server.seen.texts.lock().expect("no panic");
    let sent = |what: &str| texts.iter().filter(|text| text.contains(what)).count() as u64;
    assert_eq!(record.requests[0].requests, sent("POST /up "));
    assert_eq!(record.requests[1].requests, sent("GET /look?x=1 "));
    assert_eq!((record.requests[2].requests, sent("/never")), (0, 0));
    assert!(sent("first photo") > 0 && sent("first photo").abs_diff(sent("second photo")) <= 1);
    assert_eq!(sent("x-own: yes"), texts.len() as u64);
    // All but the first one bring the cookie back.
    assert_eq!(sent("cookie: session=7"), texts.len() as u64 - 1);
}

#[test]
fn records_of_workers_are_merged_without_loss() {
    let server = Server::start(Behaviour::Delays(vec![2, 8]));
    let spec = LoadSpec { rate: Some(100.0), duration: time("500ms"), ..LoadSpec::default() };
    let first = run(&spec, &server.url()).expect("a load");
    let second = run(&LoadSpec { seed: Some(2), ..spec }, &server.url()).expect("a load");
    let whole = merge_records(&[first.clone(), second.clone()]).expect("merged");
    assert_eq!(totals(&whole).0, totals(&first).0 + totals(&second).0);
    let mut sum = times(&first.requests[0].response);
    sum.auto(true);
    sum.add(times(&second.requests[0].response)).expect("one resolution");
    assert_eq!(times(&whole.requests[0].response), sum);
    let in_intervals: u64 = whole.intervals.iter().map(|interval| interval.requests).sum();
    assert_eq!(in_intervals, totals(&whole).0);
}

#[test]
fn mlperf_scenarios_reach_their_least_numbers() {
    let server = Server::start(Behaviour::Delays(vec![1]));
    let with = |text: &str| LoadSpec::from_toml(text).expect("valid");
    let stream =
        run(&with("mlperf = \"singlestream\"\nqueries = 50\nduration = \"10ms\""), &server.url());
    assert_eq!(totals(&stream.expect("a load")), (50, 0));
    let multi =
        run(&with("mlperf = \"multistream\"\nqueries = 20\nduration = \"10ms\""), &server.url());
    let multi = multi.expect("a load");
    assert_eq!(totals(&multi), (160, 0));
    assert_eq!(times(&multi.queries.expect("queries")).len(), 20);
    let offline = run(
        &with("mlperf = \"offline\"\nqueries = 300\nduration = \"10ms\"\nusers = 7"),
        &server.url(),
    );
    assert_eq!(totals(&offline.expect("a load")), (300, 0));
    let spec = with("mlperf = \"server\"\nqueries = 40\nduration = \"100ms\"\nrate = 200.0");
    assert!(totals(&run(&spec, &server.url()).expect("a load")).0 >= 20);
}
