//! What other programs and people may rely on: the JSON, the verdicts, what is never said.

use serde_json::{Value, json};
use weighbridge_experiment::*;
use weighbridge_report::analysis::{CellStatus, cross_report_schema, report_schema};
use weighbridge_report::{compare_runs, render};

use crate::fixture::*;

pub(crate) fn as_json(record: &RunRecord) -> Value {
    serde_json::from_str(&render::json(&report(record)).expect("json")).expect("json")
}

pub(crate) fn two(second: Place) -> RunRecord {
    let native = Place::new("native", EnvironmentKind::Native, 1.0);
    run(&[native, second], &[Work::new("derain", ApplicationName::Derain, 1.2, 4)], 20)
}

#[test]
fn the_json_is_what_its_schema_says() {
    let schema = serde_json::to_value(report_schema()).expect("a schema");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    for record in [mixed(), two(Place::new("container", EnvironmentKind::Container, 1.0))] {
        let report = as_json(&record);
        let errors: Vec<String> =
            validator.iter_errors(&report).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
    assert!(!validator.is_valid(&json!({"format": "weighbridge.report/1"})));
}

#[test]
fn the_json_has_the_promised_names() {
    let report = as_json(&mixed());
    assert_eq!(report["format"], "weighbridge.report/1");
    for name in ["id", "started", "finished", "seed", "restart", "status", "resumed", "host"] {
        assert!(report["run"].get(name).is_some(), "run.{name}");
    }
    let cell = &report["cells"][0];
    for path in [
        "/environment",
        "/kind",
        "/workload",
        "/application",
        "/status",
        "/labels",
        "/engine/name",
        "/engine/version",
        "/engine/instruction_set",
        "/engine/threads",
        "/instruments/cpu",
        "/instruments/memory",
        "/instruments/time",
        "/host",
        "/price_source",
        "/trials",
        "/inferences",
        "/trial_seconds/mean",
        "/trial_seconds/std",
        "/trial_seconds/min",
        "/trial_seconds/max",
        "/trial_seconds/p50",
        "/trial_seconds/ci95/1",
        "/trial_seconds/std_by_ten/1",
        "/trial_seconds/values/19",
        "/inference_ms/mean",
        "/inference_ms/p50",
        "/inference_ms/p90",
        "/inference_ms/p99",
        "/inference_ms/p99_reason",
        "/inference_ms/stages/decode",
        "/inference_ms/stages/prepare",
        "/inference_ms/stages/infer",
        "/inference_ms/stages/interpret",
        "/cpu_percent/mean_active",
        "/cpu_percent/mean_all",
        "/cpu_percent/trace/0/1",
        "/memory_peak_bytes",
        "/start_seconds",
        "/cost_per_1000/amount",
        "/cost_per_1000/currency",
        "/cost_per_1000/ci95/1",
    ] {
        assert!(cell.pointer(path).is_some(), "cells[0]{path}");
    }
    assert!(cell["start_seconds"].is_f64() && cell["cost_per_1000"]["amount"].is_string());
    assert_eq!(cell["trial_seconds"]["std_by_ten"].as_array().map(Vec::len), Some(2));
    assert_eq!(cell["inference_ms"]["p99"], Value::Null);
    assert_eq!(cell["inference_ms"]["p99_reason"], "too few samples: 80 of the 459 needed");
    let comparison = &report["comparisons"][0];
    for name in ["workload", "metric", "a", "b", "n", "ratio", "ci95", "detected", "verdict"] {
        assert!(comparison.get(name).is_some(), "comparison.{name}");
    }
    for name in ["environment", "reason", "enable"] {
        assert!(report["unavailable"][0].get(name).is_some(), "unavailable.{name}");
    }
}

#[test]
fn a_real_difference_is_found_and_put_in_words() {
    let found = report(&two(Place::new("container", EnvironmentKind::Container, 1.04)));
    let comparison = &found.comparisons[0];
    assert!(comparison.detected && comparison.n == 20);
    assert!(
        comparison.verdict.starts_with("container is ")
            && comparison.verdict.contains(" % slower (")
    );
    let [low, high] = comparison.ci95.expect("an interval");
    assert!(low < 1.04 && 1.04 < high, "{low} to {high}");
    let same = report(&two(Place::new("container", EnvironmentKind::Container, 1.0)));
    assert!(
        same.comparisons[0].verdict.starts_with("no difference detected ("),
        "{:?}",
        same.comparisons
    );
}

#[test]
fn trials_are_paired_by_block_and_only_where_both_worked() {
    let mut record = two(Place::new("container", EnvironmentKind::Container, 1.0));
    let failed = TrialOutcome::Failed(TrialFailure {
        reason: "killed".into(),
        ended: None,
        command_exit_code: None,
    });
    for trial in &mut record.trials {
        if trial.block < 3 && trial.cell.environment == "container" {
            trial.outcome = failed.clone();
        }
    }
    record.trials.reverse();
    let partial = report(&record);
    assert_eq!(partial.comparisons[0].n, 17);
    assert_eq!(partial.cells[1].status, CellStatus::Partial);
    assert_eq!(
        partial.cells[1].failures.iter().map(|failure| failure.block).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    record.trials.retain(|trial| trial.block < 8);
    let few = report(&record);
    assert_eq!(few.comparisons[0].ci95, None);
    assert_eq!(
        few.comparisons[0].verdict,
        "no verdict: too few blocks: 5 in which both worked, 6 needed"
    );
    assert!(!few.comparisons[0].detected);
}

#[test]
fn cells_that_differ_in_more_than_the_environment_are_not_compared() {
    let mut small = Place::new("container", EnvironmentKind::Container, 1.0);
    small.cpus = 1.0;
    let limits = report(&two(small));
    assert!(limits.comparisons.is_empty());
    assert_eq!(
        limits.not_compared[0].differences,
        ["threads: 2 in native, 1 in container", "CPUs: 2 in native, 1 in container"]
    );
    assert_eq!(limits.not_compared[0].allowable, [Difference::Threads, Difference::Cpus]);
    let mut record = two(Place::new("qemu", EnvironmentKind::Qemu, 1.0));
    assert_eq!(report(&record).comparisons.len(), 1, "a guest on the host's processor");
    record.header.plan.environments[1].emulated = true;
    let emulated = report(&record);
    assert!(emulated.comparisons.is_empty());
    assert_eq!(
        emulated.not_compared[0].differences,
        ["processor: real in native, emulated in qemu"]
    );
    assert_eq!(emulated.cells[1].labels, ["emulated"]);
    let simulated = report(&two(Place::new("simulated", EnvironmentKind::Simulated, 1.0)));
    assert_eq!(
        simulated.not_compared[0].differences[0],
        "times: measured in native, simulated in simulated"
    );
    assert_eq!(simulated.cells[1].labels, ["simulated"]);
    let mut record = two(Place::new("container", EnvironmentKind::Container, 1.0));
    if let TrialOutcome::Ok(measurement) = &mut record.trials[1].outcome {
        measurement.output_sha256 = Sha256Digest::of(b"another result");
    }
    assert_eq!(
        report(&record).not_compared[0].differences,
        ["results: they differ in 1 of 20 blocks, by digest"]
    );
}

#[test]
fn what_may_differ_is_said_beside_the_comparison() {
    let small = |allowed: &[Difference]| {
        let mut small = Place::new("container", EnvironmentKind::Container, 1.0);
        small.cpus = 1.0;
        let mut record = two(small);
        record.header.plan.allow_differences = allowed.to_vec();
        report(&record)
    };
    let partly = small(&[Difference::Cpus]);
    assert!(partly.comparisons.is_empty());
    assert_eq!(partly.not_compared[0].differences, ["threads: 2 in native, 1 in container"]);
    let both = small(&[Difference::Cpus, Difference::Threads]);
    assert_eq!(
        both.comparisons[0].labels,
        [
            "although differing in threads: 2 in native, 1 in container",
            "although differing in CPUs: 2 in native, 1 in container"
        ]
    );
    let simulated = |allowed: Vec<Difference>| {
        let mut record = two(Place::new("simulated", EnvironmentKind::Simulated, 1.0));
        record.header.plan.allow_differences = allowed;
        report(&record)
    };
    let simulated = simulated(Difference::ALL.to_vec());
    assert!(simulated.comparisons.is_empty(), "what was drawn is never held against a measurement");
    assert_eq!(simulated.not_compared[0].allowable, []);
}

#[test]
fn emulated_and_real_processors_are_not_compared() {
    let mut record = two(Place::new("container", EnvironmentKind::Container, 1.0));
    record.header.plan.environments[1].emulated = true;
    let found = report(&record);
    assert_eq!(
        found.not_compared[0].differences,
        ["processor: real in native, emulated in container"]
    );
    assert_eq!(found.cells[1].labels, ["emulated"]);
    record.header.plan.allow_differences = vec![Difference::Accelerator];
    let found = report(&record);
    assert!(found.comparisons[0].labels.iter().any(|label| label.contains("processor: real")));
}

#[test]
fn a_label_of_a_workload_stands_in_every_render() {
    const LABEL: &str = "seeded weights: speed only";
    let mut record = mixed();
    for workload in &mut record.header.plan.workloads {
        workload.labels = vec![LABEL.to_owned()];
    }
    let report = report(&record);
    assert!(report.cells.iter().all(|cell| cell.labels.iter().any(|label| label == LABEL)));
    let rows = report.cells.len();
    let holds = |name: &str, text: &str, times: usize| {
        let found = text.matches(LABEL).count();
        assert!(found >= times, "{name}: {found} of {times}\n{text}");
    };
    // The table may break the label over two lines of a remark.
    let table = render::table(&report, 100, false);
    assert!(table.matches("seeded weights").count() >= rows, "{table}");
    holds("markdown", &render::markdown(&report), rows);
    holds("csv", &render::csv(&report).expect("CSV"), rows);
    holds("json", &render::json(&report).expect("JSON"), rows);
    holds("html", &render::html(&report, &record), rows);
    let shown = ["edge.fig1", "edge.fig2", "edge.fig3", "edge.fig4", "edge.fig5", "edge.appendix1"];
    for id in shown {
        let figure = weighbridge_report::figure::draw(id, &record, &report).expect(id);
        holds(id, &figure.caption, 1);
        let text = match &figure.body {
            weighbridge_report::figure::FigureBody::Drawing(svg) => svg.standalone(),
            weighbridge_report::figure::FigureBody::Table(table) => table.csv().expect("CSV"),
        };
        assert!(text.contains("seeded weights"), "{id}: {text}");
    }
    let across = compare_runs(&record, &record);
    assert!(across.cells.iter().all(|cell| cell.labels == [LABEL]));
    assert!(render::across_table(&across, 100, false).contains("seeded weights"));
}

#[test]
fn a_command_has_no_stages_and_none_of_them_is_printed_as_zero() {
    let mut record = two(Place::new("container", EnvironmentKind::Container, 1.0));
    let plan = CommandPlan {
        command: vec!["gzip".into(), "-9".into()],
        program: InputFile {
            name: "gzip".into(),
            path: None,
            sha256: Sha256Digest::of(b"gzip"),
            bytes: 4,
        },
        arguments: vec!["-9".into()],
        linker: None,
        libraries: Vec::new(),
        files: Vec::new(),
        timeout_seconds: 60,
    };
    record.header.plan.workloads[0].task = TaskPlan::Command(plan);
    record.header.plan.workloads[0].model = None;
    for trial in &mut record.trials {
        if let TrialOutcome::Ok(measurement) = &mut trial.outcome {
            for timing in &mut measurement.inferences {
                let infer_nanoseconds = timing.total_nanoseconds();
                *timing = InferenceTiming { infer_nanoseconds, ..InferenceTiming::default() };
            }
        }
    }
    let json = as_json(&record);
    let cell = &json["cells"][0];
    for stage in ["decode", "prepare", "interpret"] {
        let stages = &cell["inference_ms"]["stages"];
        assert_eq!(stages[stage], Value::Null);
        assert!(stages[format!("{stage}_reason")].is_string(), "{stages}");
    }
    assert_eq!(cell["engine"], Value::Null);
    assert_eq!(cell["engine_reason"], "a command runs on no engine");
    let html = render::html(&report(&record), &record);
    assert!(html.contains("only its whole time is measured"), "{html}");
}

#[test]
fn agents_that_were_not_restarted_are_labelled() {
    let mut record = two(Place::new("container", EnvironmentKind::Container, 1.0));
    record.header.plan.restart = Restart::Run;
    let labelled = report(&record);
    assert_eq!(labelled.run.labels, ["within one instance"]);
    assert_eq!(labelled.comparisons[0].labels, ["within one instance"]);
    assert!(render::table(&labelled, 200, false).contains("[within one instance]"));
}

#[test]
fn hand_computed_numbers_of_a_small_record() {
    let mut record = two(Place::new("container", EnvironmentKind::Container, 1.0));
    record.trials.retain(|trial| trial.block < 2 && trial.cell.environment == "native");
    for (trial, nanoseconds) in record.trials.iter_mut().zip([1_000_000_000, 2_000_000_000]) {
        let TrialOutcome::Ok(measurement) = &mut trial.outcome else { panic!("it worked") };
        measurement.total_nanoseconds = nanoseconds;
        measurement.inferences.truncate(2);
    }
    record.header.plan.environments[0].price = Some(ResolvedPrice {
        hourly: "3.6 USD".parse().expect("a price"),
        source: PriceSource::User,
    });
    let found = report(&record);
    let times = found.cells[0].trial_seconds.as_ref().expect("times");
    assert!((times.mean - 1.5).abs() < 1e-12 && (times.p50 - 1.5).abs() < 1e-12);
    assert!((times.std.expect("a deviation") - 0.5_f64.sqrt()).abs() < 1e-12);
    assert!(times.std_by_ten.is_empty());
    // 1.5 s for 2 inferences at 0.001 USD a second: 0.75 USD for 1,000.
    assert_eq!(
        found.cells[0].cost_per_1000.as_ref().map(|cost| cost.amount.as_str()),
        Some("0.75")
    );
    assert_eq!(found.cells[1].trial_seconds_reason.as_deref(), Some("no trial has been run"));
    assert_eq!(found.cells[1].cost_per_1000_reason.as_deref(), Some("no price named"));
}

#[test]
fn instruments_that_disagree_are_named() {
    let mut record = two(Place::new("container", EnvironmentKind::Container, 1.0));
    let TrialOutcome::Ok(measurement) = &mut record.trials[0].outcome else { panic!("it worked") };
    measurement.agent_usage.cpu_nanoseconds =
        measurement.agent_usage.cpu_nanoseconds.map(|cpu| cpu * 9 / 10);
    measurement.host_total_nanoseconds += 50_000_000;
    let found = &report(&record).cells[0].disagreements;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0]
            .starts_with("processor time: the meter outside and the agent's own getrusage differ")
    );
    assert!(found[1].starts_with("time of a trial: the host's clock and the agent's differ"));
    assert!(report(&mixed()).cells[0].disagreements.is_empty());
}

#[test]
fn two_runs_are_compared_and_labelled_unpaired() {
    let a = two(Place::new("container", EnvironmentKind::Container, 1.0));
    let mut b = two(Place::new("other", EnvironmentKind::Container, 1.0));
    b.header.id = "ba9876543210".parse().expect("an id");
    b.header.host.0[2].value = Some("6.2.0".into());
    let crossed = compare_runs(&a, &b);
    assert_eq!(crossed.cells.len(), 1);
    assert!(!crossed.cells[0].detected && crossed.label.starts_with("unpaired"));
    assert_eq!(crossed.differences, ["host: kernel_release: 6.1.0-18-amd64 → 6.2.0"]);
    assert_eq!(
        crossed.only_in_one,
        ["derain in container: only in 0123456789ab", "derain in other: only in ba9876543210"]
    );
    let schema = serde_json::to_value(cross_report_schema()).expect("a schema");
    let value = serde_json::to_value(&crossed).expect("json");
    assert!(jsonschema::is_valid(&schema, &value));
    insta::assert_snapshot!("two_runs", render::across_table(&crossed, 80, false));
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    let record = mixed();
    let (one, other) = (report(&record), report(&record));
    assert_eq!(render::html(&one, &record), render::html(&other, &record));
    assert_eq!(render::json(&one).expect("json"), render::json(&other).expect("json"));
}
