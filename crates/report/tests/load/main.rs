//! What a load is written as, read back by readers that share no code with the writers.

mod fixture;
mod interval_log;

use fixture::{mlperf, record, text};
use weighbridge_report::load::{LoadFormat, files, summarise, table};

#[test]
fn the_summary_shows_what_has_samples_enough() {
    let summary = summarise(&record()).expect("a summary");
    assert_eq!((summary.requests, summary.failures), (1200, 20));
    assert!((summary.rps - 120.0).abs() < 1e-9);
    let shown = &summary.response_ms;
    // 1,000 requests of 10 ms, 180 of 50 ms, 20 failed ones of 200 ms.
    for (value, expected) in
        [(shown.p50, 10.0), (shown.p80, 10.0), (shown.p90, 50.0), (shown.p99, 200.0)]
    {
        let value = value.expect("samples enough");
        assert!((value - expected).abs() <= expected * 0.001, "{value} for {expected}");
    }
    assert_eq!(shown.p99_9, None, "1,200 of 4,603 samples");
    assert!(summary.details.missing.iter().any(|missing| missing.figure == "response_ms.p99_9"
        && missing.reason == "too few samples: 1200 of at least 4603"));
    assert_eq!(summary.details.failed_ms.p90, None);
    assert!(summary.details.succeeded_ms.max < Some(51.0));
    assert_eq!(summary.invalid_reason, None);
    let passed: Vec<bool> = summary.details.thresholds.iter().map(|result| result.passed).collect();
    assert_eq!(passed, [true, false, false], "{:?}", summary.details.thresholds);
}

#[test]
fn a_client_that_limits_makes_the_load_invalid() {
    let mut record = record();
    record.client.limited_by = vec!["requests left late".to_owned()];
    let summary = summarise(&record).expect("a summary");
    assert_eq!((summary.valid, summary.invalid_reason.as_deref()), (false, Some("client-limited")));
    let shown = table(&record, &summary);
    assert!(shown.contains("INVALID: client-limited\n  requests left late"), "{shown}");
}

#[test]
fn the_table_fits_80_columns() {
    let summary = summarise(&record()).expect("a summary");
    let shown = table(&record(), &summary);
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(shown.contains("too few samples") && shown.contains("20 × status 503"), "{shown}");
}

#[test]
fn locust_files_have_its_columns_line_ends_and_totals() {
    let record = record();
    let stats = text(&record, LoadFormat::Locust, "_stats.csv");
    assert!(stats.ends_with("\r\n") && !stats.replace("\r\n", "").contains('\n'));
    let lines: Vec<Vec<&str>> =
        stats.lines().map(|line| line.split(',').map(str::trim).collect()).collect();
    assert_eq!(
        lines[0].join(","),
        "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,\
         Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%"
    );
    assert_eq!(&lines[1][..5], ["GET", "/photos", "1200", "20", "10"]);
    let last = lines.last().expect("a row");
    assert_eq!(&last[..2], ["", "Aggregated"]);
    assert_eq!(&last[11..16], ["10", "10", "10", "10", "50"]);
    assert_eq!((last[9], last[10]), ("120", "2"));

    let history = text(&record, LoadFormat::Locust, "_stats_history.csv");
    let rows: Vec<Vec<&str>> =
        history.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 2);
    // Five seconds into the load, which began at second 1,700,000,000.
    assert_eq!(&rows[0][..6], ["1700000005", "3", "", "Aggregated", "120.000000", "0.000000"]);
    assert_eq!(&rows[1][17..19], ["1200", "20"]);
    let empty = history.lines().next().expect("a header");
    assert_eq!(empty.split(',').count(), rows[0].len());

    let failures = text(&record, LoadFormat::Locust, "_failures.csv");
    assert_eq!(
        failures,
        "Method,Name,Error,Occurrences,First Seen,Last Seen\r\n\
         GET,/photos,status 503,20,2023-11-14T22:13:26Z,2023-11-14T22:13:29Z\r\n"
    );
    let exceptions = text(&record, LoadFormat::Locust, "_exceptions.csv");
    assert_eq!(exceptions, "Count,Message,Traceback,Nodes\r\n");
}

#[test]
fn k6s_summary_says_true_where_a_threshold_failed() {
    let text = text(&record(), LoadFormat::K6, "_summary.json");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let duration = &value["metrics"]["http_req_duration"];
    for key in ["avg", "min", "med", "max", "p(90)", "p(95)"] {
        assert!(duration[key].is_number(), "{key}");
    }
    assert_eq!(duration["thresholds"]["p(95)<100"], false);
    assert_eq!(duration["thresholds"]["p(99.9)<1000"], true, "it was not decided");
    assert_eq!(value["metrics"]["http_req_failed"]["passes"], 20);
    assert_eq!(value["metrics"]["http_req_failed"]["thresholds"]["rate<0.01"], true);
    assert!(value["root_group"]["checks"].is_object());
}

/// The form of Java's `outputPercentileDistribution`, line by line.
#[test]
fn the_percentile_distribution_is_read_back() {
    let text = text(&record(), LoadFormat::Hgrm, ".hgrm");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("       Value     Percentile TotalCount 1/(1-Percentile)"));
    assert_eq!(lines.next(), Some(""));
    let (mut last_count, mut last_value, mut rows) = (0, 0.0, 0);
    let mut footers = Vec::new();
    for line in lines {
        if line.starts_with('#') {
            footers.push(line);
            continue;
        }
        let fields: Vec<&str> = line.split_whitespace().collect();
        let value: f64 = fields[0].parse().expect("a value");
        let share: f64 = fields[1].parse().expect("a share");
        let count: u64 = fields[2].parse().expect("a count");
        assert!(
            value >= last_value && count >= last_count && (0.0..=1.0).contains(&share),
            "{line}"
        );
        assert_eq!(fields.len(), if share < 1.0 { 4 } else { 3 }, "{line}");
        assert_eq!(line.find(fields[0]).map(|at| at + fields[0].len()), Some(12), "{line}");
        (last_count, last_value, rows) = (count, value, rows + 1);
    }
    assert_eq!(last_count, 1200);
    assert!((last_value - 200.0).abs() < 0.2 && rows > 5);
    assert_eq!(footers.len(), 3);
    assert!(footers[0].starts_with("#[Mean    = ") && footers[0].contains(", StdDeviation   = "));
    assert!(footers[1].ends_with("Total count    =         1200]"), "{}", footers[1]);
    assert!(footers[2].ends_with("SubBuckets     =         2048]"), "{}", footers[2]);
}

#[test]
fn the_interval_log_is_read_back() {
    let text = text(&record(), LoadFormat::Hlog, ".hlog");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "#[Histogram log format version 1.2]");
    assert!(
        lines[1].starts_with("#[StartTime: 1700000000.000 (seconds since epoch), "),
        "{}",
        lines[1]
    );
    assert_eq!(
        lines[2],
        "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\""
    );
    let intervals: Vec<_> = lines[3..].iter().map(|line| interval_log::read(line)).collect();
    assert_eq!(intervals.len(), 2);
    assert_eq!((intervals[0].start, intervals[0].length, intervals[1].start), (0.0, 5.0, 5.0));
    assert!((intervals[0].max - 10.0).abs() < 0.01, "{}", intervals[0].max);
    let counts = |index: usize| intervals[index].values.iter().map(|(_, count)| count).sum::<u64>();
    assert_eq!((counts(0), counts(1)), (600, 600));
    for (interval, expected) in [(0, vec![(10, 600)]), (1, vec![(10, 400), (50, 180), (200, 20)])] {
        let values: Vec<(u64, u64)> = intervals[interval]
            .values
            .iter()
            .map(|(nanoseconds, count)| ((*nanoseconds as f64 / 1e6).round() as u64, *count))
            .collect();
        assert_eq!(values, expected);
    }
}

#[test]
fn mlperf_logs_have_its_form_and_are_marked() {
    assert!(files(&record(), LoadFormat::Mlperf).expect("files").is_empty(), "no scenario, no log");
    let record = mlperf(1200, 5.0);
    let log = text(&record, LoadFormat::Mlperf, "_mlperf_log_summary.txt");
    assert!(
        log.starts_with(
            "================================================\nMLPerf Results Summary\n"
        ),
        "{log}"
    );
    for line in [
        "SUT name : weighbridge (not an MLPerf result)",
        "Scenario : SingleStream",
        "Mode     : PerformanceOnly",
        "Result is : VALID",
        "  Min duration satisfied : Yes",
        "  Min queries satisfied : Yes",
        "  Early stopping satisfied: Yes",
        "Additional Stats",
        "Test Parameters Used",
    ] {
        assert!(log.lines().any(|known| known == line), "{line}: {log}");
    }
    assert!(log.contains("90.0th percentile latency (ns) : "));
    let short = text(&mlperf(1200, 60.0), LoadFormat::Mlperf, "_mlperf_log_summary.txt");
    assert!(short.contains("Result is : INVALID") && short.contains("Min duration satisfied : NO"));
    let detail = text(&record, LoadFormat::Mlperf, "_mlperf_log_detail.txt");
    for line in detail.lines() {
        let json = line.strip_prefix(":::MLLOG ").expect("the mark of MLPerf's logging");
        let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
        assert!(value["key"].is_string() && value["metadata"].is_object());
    }
}

#[test]
fn the_page_stands_alone_and_shows_every_figure() {
    let page = text(&record(), LoadFormat::Html, ".html");
    assert!(!page.contains("http://www") || page.contains("http://www.w3.org/2000/svg"));
    assert!(!page.contains("<script") && !page.contains("<link"));
    for title in [
        "Response time over time",
        "Throughput and errors",
        "Users",
        "Percentile curve",
        "status 503",
    ] {
        assert!(page.contains(title), "{title}");
    }
    assert_eq!(page.matches("<svg").count(), 4);
    if let Some(path) = std::env::var_os("LOAD_PAGE") {
        std::fs::write(path, page).expect("written");
    }
}
