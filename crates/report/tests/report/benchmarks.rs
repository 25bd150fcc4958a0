//! Runs of system benchmarks, in every render.

use weighbridge_experiment::*;
use weighbridge_report::figure::{self, FigureBody};
use weighbridge_report::render;

use crate::fixture::*;
use crate::promises::{as_json, two};
use serde_json::Value;

/// A run whose workload is a benchmark of two parts; the second has no figure in `container`.
fn benchmark_run() -> RunRecord {
    let mut record = two(Place::new("container", EnvironmentKind::Container, 1.0));
    let work = &mut record.header.plan.workloads[0];
    work.task = TaskPlan::Benchmark(Benchmark::Cpu(CpuBenchmark::default()));
    work.model = None;
    let mut draw = Draw::new(3);
    for trial in &mut record.trials {
        let here = trial.cell.environment == "container";
        let TrialOutcome::Ok(measurement) = &mut trial.outcome else { continue };
        measurement.total_nanoseconds = 10_000_000_000;
        let factor = if here { 0.8 } else { 1.0 };
        let value = 1000.0 * factor * (0.01 * draw.normal()).exp();
        let measured = |unit, value| {
            BenchmarkOutcome::Measured(Measured {
                quantities: vec![Quantity { unit, value }],
                operations: 10_000,
                seconds: 10.0,
                latency_nanoseconds: vec![[1_000_000, 9_000], [2_000_000, 1_000]],
            })
        };
        let row = |mode: &str, outcome| BenchmarkRow {
            mode: mode.into(),
            instrument: "an instrument".into(),
            labels: Vec::new(),
            outcome,
        };
        let absent = Absence { kind: AbsenceKind::DirectRefused, reason: "refused here".into() };
        let second = match here {
            true => BenchmarkOutcome::Missing(absent),
            false => measured(BenchmarkUnit::MegabytesPerSecond, 5.0),
        };
        measurement.benchmark = vec![
            row("events", measured(BenchmarkUnit::EventsPerSecond, value)),
            row("second <part>", second),
        ];
    }
    record
}

#[test]
fn a_benchmark_is_compared_by_its_figures_and_never_by_its_time() {
    let record = benchmark_run();
    let built = report(&record);
    let events = &built.comparisons[0];
    assert_eq!((events.metric.as_str(), events.mode.as_deref()), ("events/s", Some("events")));
    assert!(events.detected && events.verdict.contains("% less"), "{events:?}");
    let ratio = events.ratio.expect("a ratio");
    assert!((0.79..0.81).contains(&ratio), "{ratio}");
    assert_eq!(built.comparisons[1].n, 0, "one side has no figure of the second part");
    let json = as_json(&record);
    let rows = &json["cells"][1]["system"];
    assert_eq!(rows[0]["operations"], 200_000, "{rows}");
    assert!((rows[0]["latency_us"]["p50"].as_f64().expect("p50") - 1000.0).abs() < 10.0);
    assert_eq!(rows[1]["quantities"], serde_json::json!([]));
    assert_eq!(rows[1]["quantities_reason"], "refused here");
    assert_eq!(json["cells"][1]["cost_per_1000"], Value::Null);
    let text = render::table(&built, 80, false);
    for part in ["events/s", "refused here", "an instrument", "200000", "gives"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let table = figure::draw("edge.table2", &record, &built).expect("drawn");
    let FigureBody::Table(table) = table.body else { panic!("a table") };
    let text = table.text();
    assert!(text.contains("mean, events/s") && text.contains("refused here"), "{text}");
    let html = render::html(&built, &record);
    assert!(html.contains("second &lt;part&gt;") && !html.contains("second <part>"));
    let csv = render::csv(&built).expect("csv");
    assert_eq!(csv.lines().count(), 5, "a row for each part in each environment: {csv}");
}

#[test]
fn files_are_drawn_by_operation_with_a_row_for_each_block_and_environment() {
    let record = files_run(2);
    let drawn = figure::draw("edge.fig8", &record, &report(&record)).expect("drawn");
    let FigureBody::Drawing(svg) = drawn.body else { panic!("a drawing") };
    let words = svg.standalone();
    for part in ["files: sequential-read<", "files: sequential-write<", "4 KiB, ", "1 MiB, "] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert!(!words.contains("random"), "{words}");
}

#[test]
fn files_through_the_hosts_cache_are_not_compared_with_files_past_it() {
    let mut record = files_run(2);
    let caches = [DiskCache::None, DiskCache::Writeback];
    for (environment, cache) in record.header.plan.environments.iter_mut().zip(caches) {
        let disk = Some(DiskSettings { size: ByteSize(1 << 30), cache });
        environment.settings =
            EnvironmentSettings::Qemu(QemuSettings { disk, ..QemuSettings::default() });
    }
    let built = report(&record);
    assert!(built.comparisons.is_empty());
    let differences = &built.not_compared[0].differences;
    assert!(differences[0].contains("through the host's page cache in"), "{differences:?}");
    assert_eq!(built.not_compared[0].allowable, [Difference::DiskCache]);
    record.header.plan.allow_differences = vec![Difference::DiskCache];
    assert!(!report(&record).comparisons.is_empty());
}
