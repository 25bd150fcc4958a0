//! A record made by hand: 1,200 requests in ten seconds.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2Serializer};
use weighbridge_experiment::load::{
    ClientHealth, EncodedHistogram, ErrorTally, IntervalTally, LoadRecord, LoadSpec, RequestTally,
};
use weighbridge_report::load::{LoadFormat, files};

/// Values in milliseconds, each with its count.
fn histogram(values: &[(u64, u64)]) -> EncodedHistogram {
    let mut histogram = Histogram::<u64>::new_with_bounds(128, 1 << 40, 3).expect("bounds");
    for (milliseconds, count) in values {
        histogram.record_n(milliseconds * 1_000_000, *count).expect("in range");
    }
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(&histogram, &mut bytes).expect("encoded");
    EncodedHistogram(bytes)
}

pub(crate) fn record() -> LoadRecord {
    of(&LoadSpec {
        users: Some(3),
        thresholds: ["p95<100ms", "p99.9<1s", "failures<1%"].map(str::to_owned).to_vec(),
        ..LoadSpec::default()
    })
}

/// A run of `SingleStream` with least numbers of queries and of seconds.
pub(crate) fn mlperf(queries: u64, seconds: f64) -> LoadRecord {
    let text = format!("mlperf = \"singlestream\"\nqueries = {queries}\nduration = \"{seconds}s\"");
    of(&LoadSpec::from_toml(&text).expect("valid"))
}

fn of(spec: &LoadSpec) -> LoadRecord {
    let interval = |from_seconds, failures, values: &[(u64, u64)]| IntervalTally {
        from_seconds,
        seconds: 5.0,
        users: 3,
        requests: 600,
        failures,
        received_bytes: 60_000,
        response: histogram(values),
    };
    let all = [(10, 1000), (50, 180), (200, 20)];
    LoadRecord {
        plan: spec.resolve("http://127.0.0.1:8080/photos").expect("a plan"),
        started_unix_milliseconds: 1_700_000_000_000,
        duration_seconds: 10.0,
        interrupted: false,
        users: 3,
        requests: vec![RequestTally {
            name: "/photos".to_owned(),
            method: "GET".to_owned(),
            requests: 1200,
            failures: 20,
            received_bytes: 120_000,
            response: histogram(&all),
            service: histogram(&all),
            failed: histogram(&[(200, 20)]),
        }],
        errors: vec![ErrorTally {
            method: "GET".to_owned(),
            name: "/photos".to_owned(),
            error: "status 503".to_owned(),
            occurrences: 20,
            first_seconds: 6.0,
            last_seconds: 9.5,
            total_nanoseconds: 4_000_000_000,
        }],
        intervals: vec![
            interval(0.0, 0, &[(10, 600)]),
            interval(5.0, 20, &[(10, 400), (50, 180), (200, 20)]),
        ],
        send_lag: histogram(&[(1, 1200)]),
        dropped_sends: 0,
        waited_sends: 0,
        unfinished: 0,
        queries: None,
        client: ClientHealth {
            cpu_nanoseconds: Some(12_000_000),
            memory_peak_bytes: Some(20 << 20),
            threads: 1,
            ..ClientHealth::default()
        },
    }
}

/// One file of a format as text.
pub(crate) fn text(record: &LoadRecord, format: LoadFormat, suffix: &str) -> String {
    let files = files(record, format).expect("files");
    let file = files.into_iter().find(|file| file.suffix == suffix);
    String::from_utf8(file.expect("the file").bytes).expect("UTF-8")
}
