//! Locust's CSV files: the same columns, line ends and forms of numbers, so that what reads
//! Locust's results reads these.

use jiff::Timestamp;
use weighbridge_experiment::load::{LoadRecord, RequestTally};

use super::files::LoadFile;
use super::times::{LoadTimesError, Times};

const PERCENTILES: [(&str, f64); 11] = [
    ("50%", 50.0),
    ("66%", 66.0),
    ("75%", 75.0),
    ("80%", 80.0),
    ("90%", 90.0),
    ("95%", 95.0),
    ("98%", 98.0),
    ("99%", 99.0),
    ("99.9%", 99.9),
    ("99.99%", 99.99),
    ("100%", 100.0),
];

pub(super) fn files(record: &LoadRecord) -> Result<Vec<LoadFile>, LoadTimesError> {
    let exceptions = vec![words(&["Count", "Message", "Traceback", "Nodes"])];
    Ok(vec![
        LoadFile { suffix: "_stats.csv", bytes: csv(&stats(record)?) },
        LoadFile { suffix: "_stats_history.csv", bytes: csv(&history(record)?) },
        LoadFile { suffix: "_failures.csv", bytes: csv(&failures(record)) },
        // Exceptions are those of a user's Python code, of which there is none.
        LoadFile { suffix: "_exceptions.csv", bytes: csv(&exceptions) },
    ])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn csv(rows: &[Vec<String>]) -> Vec<u8> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        // Memory does not refuse, and all rows have the length of the first.
        let _ = writer.write_record(row);
    }
    writer.into_inner().unwrap_or_default()
}

fn percentile_names() -> Vec<String> {
    PERCENTILES.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// Whole milliseconds, `N/A` where there is nothing.
fn percentiles(times: &Times) -> Vec<String> {
    let whole = |time: Option<f64>| time.map_or("N/A".to_owned(), |time| format!("{time:.0}"));
    PERCENTILES.iter().map(|(_, percentile)| whole(times.milliseconds(*percentile))).collect()
}

/// Median, mean, shortest and longest.
fn middle(times: &Times) -> Vec<String> {
    let or_zero = |time: Option<f64>| time.unwrap_or(0.0);
    vec![
        format!("{:.0}", or_zero(times.milliseconds(50.0))),
        or_zero(times.mean_milliseconds()).to_string(),
        or_zero(times.min_milliseconds()).to_string(),
        or_zero(times.max_milliseconds()).to_string(),
    ]
}

fn mean_bytes(bytes: u64, requests: u64) -> String {
    if requests == 0 { "0".to_owned() } else { (bytes as f64 / requests as f64).to_string() }
}

fn stats(record: &LoadRecord) -> Result<Vec<Vec<String>>, LoadTimesError> {
    let mut header = words(&[
        "Type",
        "Name",
        "Request Count",
        "Failure Count",
        "Median Response Time",
        "Average Response Time",
        "Min Response Time",
        "Max Response Time",
        "Average Content Size",
        "Requests/s",
        "Failures/s",
    ]);
    header.extend(percentile_names());
    let mut rows = vec![header];
    let seconds = record.duration_seconds;
    for tally in &record.requests {
        rows.push(stats_row(
            (&tally.method, &tally.name),
            tally,
            &Times::read(&tally.response)?,
            seconds,
        ));
    }
    let sum = |pick: fn(&RequestTally) -> u64| record.requests.iter().map(pick).sum();
    let all = RequestTally {
        requests: sum(|tally| tally.requests),
        failures: sum(|tally| tally.failures),
        received_bytes: sum(|tally| tally.received_bytes),
        ..RequestTally::default()
    };
    let times = Times::of_all(record, |tally| &tally.response)?;
    rows.push(stats_row(("", "Aggregated"), &all, &times, seconds));
    Ok(rows)
}

fn stats_row(
    (method, name): (&str, &str),
    tally: &RequestTally,
    times: &Times,
    seconds: f64,
) -> Vec<String> {
    let mut row = words(&[method, name]);
    row.extend([tally.requests.to_string(), tally.failures.to_string()]);
    row.extend(middle(times));
    row.push(mean_bytes(tally.received_bytes, tally.requests));
    row.push((tally.requests as f64 / seconds).to_string());
    row.push((tally.failures as f64 / seconds).to_string());
    row.extend(percentiles(times));
    row
}

fn history(record: &LoadRecord) -> Result<Vec<Vec<String>>, LoadTimesError> {
    let mut header =
        words(&["Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s"]);
    header.extend(percentile_names());
    header.extend(words(&[
        "Total Request Count",
        "Total Failure Count",
        "Total Median Response Time",
        "Total Average Response Time",
        "Total Min Response Time",
        "Total Max Response Time",
        "Total Average Content Size",
    ]));
    let mut rows = vec![header];
    let (mut requests, mut failures, mut bytes) = (0, 0, 0);
    let mut total = Times::read(&weighbridge_experiment::load::EncodedHistogram::default())?;
    for interval in &record.intervals {
        let times = Times::read(&interval.response)?;
        requests += interval.requests;
        failures += interval.failures;
        bytes += interval.received_bytes;
        total.add(&times)?;
        let end = record.started_unix_milliseconds as f64 / 1e3
            + interval.from_seconds
            + interval.seconds;
        let mut row = vec![format!("{:.0}", end.floor()), interval.users.to_string()];
        row.extend(words(&["", "Aggregated"]));
        row.push(format!("{:.6}", interval.requests as f64 / interval.seconds));
        row.push(format!("{:.6}", interval.failures as f64 / interval.seconds));
        row.extend(percentiles(&times));
        row.extend([requests.to_string(), failures.to_string()]);
        row.extend(middle(&total));
        row.push(mean_bytes(bytes, requests));
        rows.push(row);
    }
    Ok(rows)
}

fn failures(record: &LoadRecord) -> Vec<Vec<String>> {
    let at = |seconds: f64| {
        let milliseconds = record.started_unix_milliseconds as f64 + seconds * 1e3;
        Timestamp::from_millisecond(milliseconds as i64)
            .map_or_else(|_| String::new(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    };
    let mut rows =
        vec![words(&["Method", "Name", "Error", "Occurrences", "First Seen", "Last Seen"])];
    rows.extend(record.errors.iter().map(|error| {
        vec![
            error.method.clone(),
            error.name.clone(),
            error.error.clone(),
            error.occurrences.to_string(),
            at(error.first_seconds),
            at(error.last_seconds),
        ]
    }));
    rows
}
