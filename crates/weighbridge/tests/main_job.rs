//! The main job through the executable, on the photos that ship: measured for real, native
//! and, where permitted, in a container.

mod through_binary;

use serde_json::Value;
use through_binary::{Home, cgroups_of, checkout, privileged, traces};

fn cell<'r>(report: &'r Value, environment: &str, workload: &str) -> &'r Value {
    report["cells"]
        .as_array()
        .expect("cells")
        .iter()
        .find(|cell| cell["environment"] == environment && cell["workload"] == workload)
        .unwrap_or_else(|| panic!("no cell {workload} in {environment}"))
}

#[test]
fn both_applications_are_weighed_in_both_environments() {
    if !privileged() {
        return;
    }
    let home = Home::new();
    let report = home.json(&["run", "--trials", "6", "--format", "json"]);
    assert_eq!(report["format"], "weighbridge.report/1");
    for environment in ["native", "container"] {
        for workload in ["derain", "traffic-light"] {
            let cell = cell(&report, environment, workload);
            assert_eq!(cell["status"], "ok", "{cell}");
            assert_eq!(cell["trials"], 6);
            let values = cell["trial_seconds"]["values"].as_array().expect("values");
            assert_eq!(values.len(), 6);
            assert!(values.iter().all(|value| value.as_f64().is_some_and(|seconds| seconds > 0.0)));
            let stages = &cell["inference_ms"]["stages"];
            assert!(stages["infer"].as_f64() > stages["interpret"].as_f64(), "{stages}");
            assert!(
                cell["cpu_percent"]["mean_all"].as_f64() > Some(10.0),
                "{}",
                cell["cpu_percent"]
            );
            assert!(cell["memory_peak_bytes"].as_u64() > Some(1 << 20));
            assert!(cell["start_seconds"].as_f64() > Some(0.0));
            assert_eq!(cell["cost_per_1000"], Value::Null, "no price was named");
            assert!(cell["cost_per_1000_reason"].is_string());
            // 24 inferences of derain are too few for a 99th percentile, 960 of traffic-light
            // are not: 459 are needed.
            let p99 = &cell["inference_ms"]["p99"];
            assert_eq!(p99.is_null(), workload == "derain", "{}", cell["inference_ms"]);
            assert_eq!(cell["inference_ms"]["p99_reason"].is_string(), workload == "derain");
            assert!(cell["host"].as_object().is_some_and(|facts| facts.len() >= 30));
        }
    }
    let comparisons = report["comparisons"].as_array().expect("comparisons");
    assert_eq!(comparisons.len(), 2, "both applications computed the same in both: {report:#}");
    for comparison in comparisons {
        assert_eq!((&comparison["a"], &comparison["b"]), (&"native".into(), &"container".into()));
        assert_eq!(comparison["n"], 6);
        let (low, high) = (comparison["ci95"][0].as_f64(), comparison["ci95"][1].as_f64());
        let ratio = comparison["ratio"].as_f64();
        assert!(low <= ratio && ratio <= high, "{comparison}");
        assert!(comparison["verdict"].as_str().is_some_and(|verdict| verdict.contains('%')));
    }
    let run = report["run"]["id"].as_str().expect("an id");
    assert_eq!(cgroups_of(run), Vec::<std::path::PathBuf>::new());
    assert_eq!(traces(&home.data()), Vec::<String>::new());
}

/// A program of ours keeps a core busy, so that every trial is disturbed.
#[test]
fn disturbed_trials_are_repeated_counted_and_kept_in_the_end() {
    let home = Home::new();
    let ended = std::sync::atomic::AtomicBool::new(false);
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let words = ["run", "--env", "native", "--app", "derain", "--trials", "2", "--strict=1"];
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            home.json(&[&words[..], &["--format", "json"]].concat())
        }));
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        done.expect("the run ends")
    });
    assert_eq!(report["cells"][0]["trials"], 2, "the last try of each counts");
    let notes = report["notes"].as_array().expect("notes");
    let note = notes.iter().filter_map(Value::as_str).find(|note| note.contains("disturbed"));
    let note = note.expect("it is said");
    assert!(note.starts_with("2 of 2 trials were disturbed by the host"), "{note}");
    assert!(note.ends_with("2 more were repeated, each once at most"), "{note}");
}

/// The simulated environment goes the whole way in no time, so everything that is not a
/// measurement is tried on it.
#[test]
fn every_form_of_a_report_comes_out_of_one_run() {
    let home = Home::new();
    let table = home.run(&["run", "--env", "simulated", "--trials", "20"]);
    assert_eq!(table.code, Some(0), "{}", table.stderr);
    assert!(table.stdout.contains("simulated"), "{}", table.stdout);
    for line in table.stdout.lines().filter(|line| !line.starts_with("report: ")) {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
    assert!(!table.stdout.contains('\u{1b}'), "no colours in a pipe");
    let page = table.stdout.lines().find_map(|line| line.strip_prefix("report: ")).expect("a path");
    let html = std::fs::read_to_string(page).expect("the page");
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("simulated"));

    let json = home.json(&["report", "latest", "--format", "json"]);
    let schema = home.json(&["schema", "report"]);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<_> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    assert!(json["cells"][0]["labels"].as_array().is_some_and(|l| l.contains(&"simulated".into())));

    for format in ["html", "md", "csv", "table"] {
        let done = home.run(&["report", "latest", "--format", format]);
        assert_eq!(done.code, Some(0), "{format}: {}", done.stderr);
        assert!(done.stdout.contains("derain"), "{format}");
    }
    for figure in ["edge.fig1", "edge.fig2", "edge.fig3", "edge.fig4"] {
        let svg = home.run(&["figure", figure, "--run", "latest"]);
        // A simulated run has no outside samples: a figure of them says so instead.
        if svg.code == Some(0) {
            assert!(svg.stdout.starts_with("<svg") || svg.stdout.starts_with("<?xml"), "{figure}");
            let png = home.path("figure.png");
            let png_text = png.to_str().expect("UTF-8");
            assert_eq!(
                home.run(&["figure", figure, "--run", "latest", "--out", png_text]).code,
                Some(0)
            );
            assert!(std::fs::read(&png).expect("the picture").starts_with(b"\x89PNG\r\n\x1a\n"));
        } else {
            assert!(svg.stderr.contains("does not give"), "{figure}: {}", svg.stderr);
        }
    }
    let csv = home.path("appendix1.csv");
    let done = home.run(&[
        "figure",
        "edge.appendix1",
        "--run",
        "latest",
        "--out",
        csv.to_str().expect("UTF-8"),
    ]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(csv.exists());
}

#[test]
fn the_registry_lists_compares_and_finds_by_prefix() {
    let home = Home::new();
    assert!(home.run(&["runs"]).stdout.contains("no runs yet"));
    for seed in ["1", "2"] {
        home.json(&[
            "run",
            "--env",
            "simulated",
            "--app",
            "traffic-light",
            "--trials",
            "8",
            "--seed",
            seed,
            "--format",
            "json",
        ]);
    }
    let runs = home.json(&["runs", "--format", "json"]);
    let ids: Vec<&str> = runs["runs"]
        .as_array()
        .expect("runs")
        .iter()
        .map(|run| run["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(ids.len(), 2);
    let unique =
        &ids[1][..ids[1].chars().zip(ids[0].chars()).take_while(|(a, b)| a == b).count() + 1];
    assert_eq!(home.json(&["report", unique, "--format", "json"])["run"]["id"], ids[1]);
    assert_eq!(home.json(&["report", "latest", "--format", "json"])["run"]["id"], ids[0]);
    let comparison = home.run(&["compare", ids[1], ids[0]]);
    assert_eq!(comparison.code, Some(0), "{}", comparison.stderr);
    assert!(comparison.stdout.contains("not interleaved"), "{}", comparison.stdout);
    home.json(&[
        "run",
        "--env",
        "simulated",
        "--app",
        "traffic-light",
        "--trials",
        "8",
        "--inputs",
        checkout().join("examples/inputs/traffic-light").to_str().expect("UTF-8"),
        "--format",
        "json",
    ]);
    let other_work = home.json(&["compare", ids[1], "latest", "--format", "json"]);
    assert_eq!(other_work["cells"][0]["ratio"], Value::Null, "160 inferences a trial against 8");
    assert!(
        other_work["cells"][0]["verdict"]
            .as_str()
            .is_some_and(|v| v.contains("inputs per trial: 160 → 8"))
    );
    let none = home.run(&["report", "ffffffffffff"]);
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("ffffffffffff"), "{}", none.stderr);
}

#[test]
fn a_run_within_one_instance_says_so_and_keeps_its_instances() {
    if !privileged() {
        return;
    }
    let home = Home::new();
    let file = home.file(
        "run.toml",
        "restart = \"run\"\n[[environment]]\nkind = \"native\"\n[[environment]]\nkind = \"container\"\n\
         [[workload]]\napplication = \"traffic-light\"\ntrials = 6\n",
    );
    let report = home.json(&["run", file.to_str().expect("UTF-8"), "--format", "json"]);
    assert_eq!(report["run"]["restart"], "run");
    assert!(report.to_string().contains("within one instance"));
    let starts = cell(&report, "native", "traffic-light")["start"].clone();
    assert!(starts.is_object(), "{starts}");
    assert_eq!(traces(&home.data()), Vec::<String>::new());
}

#[test]
fn what_an_hour_costs_becomes_what_inferences_cost() {
    let home = Home::new();
    let file = home.file(
        "price.toml",
        "[[environment]]\nname = \"a\"\nkind = \"simulated\"\nprice = { hourly = \"3.60 USD\" }\n\
         [[environment]]\nname = \"b\"\nkind = \"simulated\"\nprice = { entry = \"aws/us-east-1/c7i.large\" }\n\
         [[workload]]\napplication = \"derain\"\ntrials = 10\ninputs_per_trial = 4\n",
    );
    let report = home.json(&["run", file.to_str().expect("UTF-8"), "--format", "json"]);
    let a = cell(&report, "a", "derain");
    // 3.60 USD an hour is 0.001 USD a second: 1,000 inferences cost what one takes in seconds.
    let seconds = a["trial_seconds"]["mean"].as_f64().expect("a mean") / 4.0;
    let amount: f64 =
        a["cost_per_1000"]["amount"].as_str().expect("an amount").parse().expect("a number");
    assert!((amount / seconds - 1.0).abs() < 1e-6, "{amount} USD for {seconds} s");
    assert_eq!(a["cost_per_1000"]["currency"], "USD");
    let source =
        cell(&report, "b", "derain")["price_source"].as_str().expect("a source").to_owned();
    assert!(source.contains("aws/us-east-1/c7i.large") && source.contains("20"), "{source}");
}
