//! The summary and detail logs of MLPerf's LoadGen for its four scenarios. They have its form
//! and its early stopping, and say that they are no result of MLPerf.

mod judgement;

use std::fmt::Write as _;

use serde_json::{Value, json};
use weighbridge_experiment::load::{LoadModel, LoadRecord, MlperfPlan, MlperfScenario};

use super::files::LoadFile;
use super::times::{LoadTimesError, Times};
use judgement::Judgement;

const RULE: &str = "================================================";
const SUT: &str = "weighbridge (not an MLPerf result)";

pub(super) fn files(record: &LoadRecord) -> Result<Vec<LoadFile>, LoadTimesError> {
    // A load of another kind has neither a scenario nor its limits.
    let LoadModel::Mlperf(plan) = &record.plan.model else { return Ok(Vec::new()) };
    let times = match &record.queries {
        Some(queries) => Times::read(queries)?,
        None => Times::of_all(record, |tally| &tally.response)?,
    };
    let judgement = Judgement::of(plan, record, &times);
    Ok(vec![
        LoadFile::text("_mlperf_log_summary.txt", summary(plan, record, &times, &judgement)),
        LoadFile::text("_mlperf_log_detail.txt", detail(plan, record, &judgement)),
    ])
}

fn nanoseconds(times: &Times, percentile: f64) -> u64 {
    times.0.value_at_percentile(percentile)
}

fn yes(met: bool) -> &'static str {
    if met { "Yes" } else { "NO" }
}

// Writing into a string cannot fail: its results are not looked at here and below.
fn summary(plan: &MlperfPlan, record: &LoadRecord, times: &Times, judgement: &Judgement) -> String {
    let mut out = format!("{RULE}\nMLPerf Results Summary\n{RULE}\n");
    let _ = writeln!(out, "SUT name : {SUT}");
    let _ = writeln!(out, "Scenario : {}", plan.scenario.as_str());
    out.push_str("Mode     : PerformanceOnly\n");
    let per_second = judgement.completed_per_second;
    let _ = match plan.scenario {
        MlperfScenario::SingleStream => {
            writeln!(out, "90.0th percentile latency (ns) : {}", nanoseconds(times, 90.0))
        }
        MlperfScenario::MultiStream => {
            writeln!(out, "99.0th percentile latency (ns) : {}", nanoseconds(times, 99.0))
        }
        MlperfScenario::Server => {
            writeln!(out, "Completed samples per second    : {per_second:.2}")
        }
        MlperfScenario::Offline => writeln!(out, "Samples per second: {per_second:.6}"),
    };
    let _ = writeln!(out, "Result is : {}", if judgement.valid() { "VALID" } else { "INVALID" });
    let _ = writeln!(out, "  Min duration satisfied : {}", yes(judgement.long_enough));
    let _ = writeln!(out, "  Min queries satisfied : {}", yes(judgement.queries_enough));
    let _ = writeln!(out, "  Early stopping satisfied: {}", yes(judgement.early_stopping));
    if !judgement.recommendations.is_empty() {
        out.push_str("Recommendations:\n");
        for line in &judgement.recommendations {
            let _ = writeln!(out, " * {line}");
        }
    }
    if !judgement.early_stopping_words.is_empty() {
        out.push_str("Early Stopping Result:\n");
        for line in &judgement.early_stopping_words {
            let _ = writeln!(out, " * {line}");
        }
    }
    additional(&mut out, plan, record, times, judgement);
    parameters(&mut out, plan, record);
    out.push_str("\nThis is not an MLPerf result: it was neither reviewed nor submitted, and inputs\nand accuracy are not those of MLPerf.\n");
    out
}

fn additional(
    out: &mut String,
    plan: &MlperfPlan,
    record: &LoadRecord,
    times: &Times,
    judgement: &Judgement,
) {
    let _ = writeln!(out, "\n{RULE}\nAdditional Stats\n{RULE}");
    match plan.scenario {
        MlperfScenario::Server => {
            let scheduled = judgement.queries as f64 / record.plan.seconds().max(1e-9);
            let _ = writeln!(out, "Scheduled samples per second    : {scheduled:.2}");
        }
        MlperfScenario::SingleStream => {
            let _ = writeln!(
                out,
                "QPS w/ loadgen overhead         : {:.2}",
                judgement.completed_per_second
            );
            let without = if times.count() == 0 { 0.0 } else { 1e9 / times.0.mean() };
            let _ = writeln!(out, "QPS w/o loadgen overhead        : {without:.2}");
        }
        MlperfScenario::MultiStream => {
            let rate = judgement.queries as f64 / record.duration_seconds;
            let _ = writeln!(out, "Per-query latency; queries a second : {rate:.2}");
        }
        MlperfScenario::Offline => {}
    }
    let (min, max, mean) = if times.count() == 0 {
        (0, 0, 0.0)
    } else {
        (times.0.min(), times.0.max(), times.0.mean())
    };
    let _ = writeln!(out, "\nMin latency (ns)                : {min}");
    let _ = writeln!(out, "Max latency (ns)                : {max}");
    let _ = writeln!(out, "Mean latency (ns)               : {mean:.0}");
    for percentile in [50.0, 90.0, 95.0, 97.0, 99.0, 99.9] {
        let _ = writeln!(
            out,
            "{percentile:.2} percentile latency (ns)   : {}",
            nanoseconds(times, percentile)
        );
    }
    let failures: u64 = record.requests.iter().map(|tally| tally.failures).sum();
    let _ = writeln!(out, "\nFailed samples                  : {failures}");
}

fn parameters(out: &mut String, plan: &MlperfPlan, record: &LoadRecord) {
    let _ = writeln!(out, "\n{RULE}\nTest Parameters Used\n{RULE}");
    let bound = plan.latency_bound_milliseconds.map_or(0.0, |bound| bound * 1e6);
    let _ = writeln!(out, "samples_per_query : {}", plan.samples_per_query);
    let _ = writeln!(out, "target_qps : {}", plan.rate);
    let _ = writeln!(out, "target_latency (ns): {bound:.0}");
    let _ = writeln!(out, "max_async_queries : {}", plan.connections);
    let _ = writeln!(out, "min_duration (ms): {:.0}", plan.seconds * 1e3);
    let _ = writeln!(out, "max_duration (ms): 0");
    let _ = writeln!(out, "min_query_count : {}", plan.queries);
    let _ = writeln!(out, "max_query_count : 0");
    let _ = writeln!(out, "schedule_rng_seed : {}", record.plan.seed);
}

fn detail(plan: &MlperfPlan, record: &LoadRecord, judgement: &Judgement) -> String {
    let end = record.duration_seconds * 1e3;
    let verdict = if judgement.valid() { "VALID" } else { "INVALID" };
    let entries: [(&str, Value, f64); 12] = [
        (
            "loadgen_version",
            json!(format!("weighbridge {} (not an MLPerf result)", env!("CARGO_PKG_VERSION"))),
            0.0,
        ),
        ("requested_scenario", json!(plan.scenario.as_str()), 0.0),
        ("requested_test_mode", json!("PerformanceOnly"), 0.0),
        ("effective_scenario", json!(plan.scenario.as_str()), 0.0),
        ("effective_samples_per_query", json!(plan.samples_per_query), 0.0),
        ("effective_min_duration_ms", json!(plan.seconds * 1e3), 0.0),
        ("effective_min_query_count", json!(plan.queries), 0.0),
        ("effective_schedule_rng_seed", json!(record.plan.seed), 0.0),
        ("generated_query_count", json!(judgement.queries), end),
        ("result_validity", json!(verdict), end),
        ("result_min_duration_met", json!(judgement.long_enough), end),
        ("result_min_queries_met", json!(judgement.queries_enough), end),
    ];
    let mut out = String::new();
    for (key, value, milliseconds) in entries {
        let line = json!({
            "key": key,
            "value": value,
            "time_ms": milliseconds,
            "namespace": "mlperf::logging",
            "event_type": "POINT_IN_TIME",
            "metadata": {"is_error": false, "is_warning": false, "file": "weighbridge", "line_no": 0, "pid": 0, "tid": 0},
        });
        let _ = writeln!(out, ":::MLLOG {line}");
    }
    out
}
