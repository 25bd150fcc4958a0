//! `trial = "process"`: each trial a process that starts, loads the model, infers and exits.

mod through_binary;

use serde_json::Value;
use through_binary::{Home, privileged};

const FILE: &str = r#"
name = "processes"

[[environment]]
kind = "native"

[[environment]]
kind = "container"

[[workload]]
name = "warm"
kind = "application"
application = "traffic-light"
engine = "rten"
inputs_per_trial = 2
trials = 2

[[workload]]
name = "whole"
kind = "application"
application = "traffic-light"
engine = "rten"
inputs_per_trial = 2
trials = 2
trial = "process"
"#;

fn cell<'r>(report: &'r Value, environment: &str, workload: &str) -> &'r Value {
    let mut cells = report["cells"].as_array().expect("cells").iter();
    cells
        .find(|cell| cell["environment"] == environment && cell["workload"] == workload)
        .unwrap_or_else(|| panic!("no cell {workload} in {environment}"))
}

#[test]
fn a_process_is_timed_from_its_start_to_its_end_and_computes_the_same() {
    if !privileged() {
        return;
    }
    let home = Home::new();
    let file = home.file("processes.toml", FILE);
    let file = file.to_str().expect("UTF-8");
    let report = home.json(&["run", file, "--format", "json"]);
    for environment in ["native", "container"] {
        let (warm, whole) =
            (cell(&report, environment, "warm"), cell(&report, environment, "whole"));
        assert_eq!(whole["status"], "ok", "{whole}");
        let label = whole["labels"][0].as_str().expect("a label");
        assert_eq!(label, "process trials: start, load, infer, exit");
        assert_eq!(warm["labels"], serde_json::json!([]));
        // Two inferences take a millisecond, loading the model many: what is timed holds both.
        let (mean_warm, mean_whole) =
            (warm["trial_seconds"]["mean"].as_f64(), whole["trial_seconds"]["mean"].as_f64());
        assert!(mean_whole > mean_warm.map(|seconds| seconds * 2.0), "{whole}");
        let inferences = whole["inference_ms"]["mean"].as_f64().expect("inferences");
        assert!(mean_whole > Some(inferences * 2.0 / 1e3), "{whole}");
    }
    let record = home.json(&["report", "latest", "--format", "record"]);
    let digests = |workload: &str| -> Vec<String> {
        let of = record["trials"].as_array().expect("trials").iter();
        let of = of.filter(|trial| trial["cell"]["workload"] == workload);
        let digest = |trial: &Value| {
            let found = trial.pointer("/output_sha256").and_then(Value::as_str);
            format!("{} {}", trial["block"], found.unwrap_or_else(|| panic!("{trial}")))
        };
        let mut digests: Vec<String> = of.map(digest).collect();
        digests.sort();
        digests
    };
    assert_eq!(digests("whole").len(), 4);
    assert_eq!(digests("whole"), digests("warm"), "a process computes what a warm agent does");
}

#[test]
fn only_a_model_can_be_a_process_of_its_own() {
    let home = Home::new();
    let text = "[[workload]]\nkind = \"command\"\ncommand = [\"true\"]\ntrial = \"process\"\n";
    let file = home.file("command.toml", text);
    let done = home.run(&["check", file.to_str().expect("UTF-8")]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("is for a model, not for kind \"command\""), "{}", done.stderr);
}
