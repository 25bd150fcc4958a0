//! The summary that `k6 run --summary-export` writes.

use serde_json::{Map, Value, json};
use weighbridge_experiment::load::{LoadRecord, ThresholdMetric};

use super::files::LoadFile;
use super::summary::summarise;
use super::times::{LoadTimesError, Times};

pub(super) fn file(record: &LoadRecord) -> Result<LoadFile, LoadTimesError> {
    let summary = summarise(record)?;
    let response = Times::of_all(record, |tally| &tally.response)?;
    let failed = Times::of_all(record, |tally| &tally.failed)?;
    let seconds = record.duration_seconds;
    let counted = |count: u64| json!({"count": count, "rate": count as f64 / seconds});
    let received: u64 = record.requests.iter().map(|tally| tally.received_bytes).sum();
    let share = summary.failures as f64 / summary.requests.max(1) as f64;
    let mut metrics = Map::new();
    metrics.insert("data_received".into(), counted(received));
    metrics.insert("http_req_duration".into(), trend(&response));
    let expected = "http_req_duration{expected_response:true}";
    metrics.insert(expected.into(), trend(&response.without(&failed)?));
    // Of this rate a "pass" is a request that failed.
    metrics.insert(
        "http_req_failed".into(),
        json!({"value": share, "passes": summary.failures, "fails": summary.requests - summary.failures}),
    );
    metrics.insert("http_reqs".into(), counted(summary.requests));
    metrics.insert("iterations".into(), counted(summary.requests));
    let least = record.intervals.iter().map(|interval| interval.users).min().unwrap_or(0);
    let last = record.intervals.last().map_or(0, |interval| interval.users);
    metrics.insert("vus".into(), json!({"value": last, "min": least, "max": summary.users}));
    metrics.insert(
        "vus_max".into(),
        json!({"value": summary.users, "min": summary.users, "max": summary.users}),
    );
    if summary.dropped_sends > 0 {
        metrics.insert("dropped_iterations".into(), counted(summary.dropped_sends));
    }
    add_thresholds(record, &summary.details.thresholds, &mut metrics);
    let document = json!({
        "root_group": {
            "name": "",
            "path": "",
            // The MD5 of nothing, which is k6's id of the root.
            "id": "d41d8cd98f00b204e9800998ecf8427e",
            "groups": {},
            "checks": {},
        },
        "metrics": metrics,
    });
    Ok(LoadFile::text("_summary.json", format!("{document:#}\n")))
}

fn trend(times: &Times) -> Value {
    let or_zero = |time: Option<f64>| time.unwrap_or(0.0);
    json!({
        "avg": or_zero(times.mean_milliseconds()),
        "min": or_zero(times.min_milliseconds()),
        "med": or_zero(times.milliseconds(50.0)),
        "max": or_zero(times.max_milliseconds()),
        "p(90)": or_zero(times.milliseconds(90.0)),
        "p(95)": or_zero(times.milliseconds(95.0)),
    })
}

/// Thresholds in k6's words, `true` where one **failed**.
fn add_thresholds(
    record: &LoadRecord,
    results: &[super::ThresholdResult],
    metrics: &mut Map<String, Value>,
) {
    for (threshold, result) in record.plan.thresholds.iter().zip(results) {
        let sign = match (threshold.below, threshold.inclusive) {
            (true, true) => "<=",
            (true, false) => "<",
            (false, true) => ">=",
            (false, false) => ">",
        };
        let (metric, name, limit) = match threshold.metric {
            ThresholdMetric::Percentile(percentile) => {
                ("http_req_duration", format!("p({percentile})"), threshold.limit)
            }
            ThresholdMetric::Mean => ("http_req_duration", "avg".to_owned(), threshold.limit),
            ThresholdMetric::Max => ("http_req_duration", "max".to_owned(), threshold.limit),
            ThresholdMetric::Failures => {
                ("http_req_failed", "rate".to_owned(), threshold.limit / 100.0)
            }
            ThresholdMetric::Rps => ("http_reqs", "rate".to_owned(), threshold.limit),
        };
        let Some(entry) = metrics.get_mut(metric).and_then(Value::as_object_mut) else { continue };
        let thresholds = entry.entry("thresholds").or_insert_with(|| json!({}));
        thresholds[format!("{name}{sign}{limit}")] = json!(!result.passed);
    }
}
