//! The same cells in two runs. Unpaired: nothing kept the hosts of two runs the same, so what
//! is found here is a lead, not a verdict on the environments.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weighbridge_experiment::{CellKey, HostFacts, InputFile, RunRecord, TaskPlan, WorkloadPlan};

use super::statistics::{mean, welch_95};
use super::trials::CellTrials;
use super::verdict::verdict;

/// Format of a comparison of two runs.
pub const CROSS_REPORT_FORMAT: &str = "weighbridge.compare/1";

const UNPAIRED: &str =
    "unpaired: the runs were not interleaved; drift between them is not excluded";

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CrossReport {
    /// Always [`CROSS_REPORT_FORMAT`].
    pub format: String,
    /// Id of the first run.
    pub a: String,
    /// Id of the second run.
    pub b: String,
    /// What must be said next to every number.
    pub label: String,
    /// How the intervals were made.
    pub method: String,
    /// Cells that both runs have.
    pub cells: Vec<CrossCell>,
    /// Cells that only one of them has, in words.
    pub only_in_one: Vec<String>,
    /// What differs between the plans and hosts of the two.
    pub differences: Vec<String>,
}

/// One cell in two runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CrossCell {
    /// Name of the environment.
    pub environment: String,
    /// Name of the workload.
    pub workload: String,
    /// What must be said next to every number of it, in either run.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Trials that worked in the first run.
    pub trials_a: usize,
    /// Trials that worked in the second run.
    pub trials_b: usize,
    /// Mean trial in the first run.
    pub mean_seconds_a: Option<f64>,
    /// Mean trial in the second run.
    pub mean_seconds_b: Option<f64>,
    /// b ÷ a, of geometric means.
    pub ratio: Option<f64>,
    /// 95 % interval of the ratio.
    pub ci95: Option<[f64; 2]>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci95_reason: Option<String>,
    /// Whether 1 lies outside the interval.
    pub detected: bool,
    /// In words.
    pub verdict: String,
}

/// Compares cells of the same name in two runs.
#[must_use]
pub fn compare_runs(a: &RunRecord, b: &RunRecord) -> CrossReport {
    let keys = |record: &RunRecord| -> Vec<CellKey> {
        record.header.plan.cells().into_iter().map(|cell| cell.key).collect()
    };
    let (keys_a, keys_b) = (keys(a), keys(b));
    let cells =
        keys_a.iter().filter(|key| keys_b.contains(key)).map(|key| cross_cell(a, b, key)).collect();
    let missing = |keys: &[CellKey], others: &[CellKey], record: &RunRecord| -> Vec<String> {
        let lonely = keys.iter().filter(|key| !others.contains(key));
        lonely.map(|key| format!("{key}: only in {}", record.header.id)).collect()
    };
    let mut only_in_one = missing(&keys_a, &keys_b, a);
    only_in_one.extend(missing(&keys_b, &keys_a, b));
    CrossReport {
        format: CROSS_REPORT_FORMAT.to_owned(),
        a: a.header.id.to_string(),
        b: b.header.id.to_string(),
        label: UNPAIRED.to_owned(),
        method: "Welch's t interval of the difference of mean log trial times, 95 %".to_owned(),
        cells,
        only_in_one,
        differences: differences(a, b),
    }
}

fn cross_cell(a: &RunRecord, b: &RunRecord, key: &CellKey) -> CrossCell {
    let seconds = |record| -> Vec<f64> {
        CellTrials::of(record, key).seconds().into_iter().filter(|seconds| *seconds > 0.0).collect()
    };
    let (in_a, in_b): (Vec<f64>, Vec<f64>) = (seconds(a), seconds(b));
    let logs = |values: &[f64]| -> Vec<f64> { values.iter().map(|value| value.ln()).collect() };
    let (logs_a, logs_b) = (logs(&in_a), logs(&in_b));
    let different = different_work(a, b, key);
    let comparable = different.is_empty();
    let tested = comparable.then(|| welch_95(&logs_a, &logs_b)).flatten();
    let both = mean(&logs_a).zip(mean(&logs_b)).filter(|_| comparable);
    let ratio = both.map(|(in_a, in_b)| (in_b - in_a).exp());
    let ci95 = tested.map(|(_, (low, high))| [low.exp(), high.exp()]);
    let detected = ci95.is_some_and(|[low, high]| low > 1.0 || high < 1.0);
    let why_not = if comparable {
        format!(
            "no verdict: too few trials: {} and {}, two needed in each run",
            in_a.len(),
            in_b.len()
        )
    } else {
        format!("not compared: {}", different.join("; "))
    };
    CrossCell {
        environment: key.environment.clone(),
        workload: key.workload.clone(),
        labels: labels(a, b, key),
        trials_a: in_a.len(),
        trials_b: in_b.len(),
        mean_seconds_a: mean(&in_a),
        mean_seconds_b: mean(&in_b),
        ratio,
        ci95,
        ci95_reason: ci95.is_none().then(|| why_not.clone()),
        detected,
        verdict: match (ratio, ci95) {
            (Some(ratio), Some(interval)) => {
                verdict(b.header.id.as_str(), ratio, interval, detected)
            }
            _ => why_not,
        },
    }
}

/// What makes two cells of one name different work: their times then say nothing of the runs.
fn different_work(a: &RunRecord, b: &RunRecord, key: &CellKey) -> Vec<String> {
    let mut found = Differences(Vec::new());
    let work = |record: &RunRecord| -> Option<[(&'static str, String); 8]> {
        let plan = &record.header.plan;
        let (workload, environment) =
            (plan.workload(&key.workload)?, plan.environment(&key.environment)?);
        let threads = plan.cells().into_iter().find(|cell| cell.key == *key)?.threads;
        let inputs: Vec<&str> = workload.inputs.iter().map(|input| input.sha256.short()).collect();
        // Two builds of one version are told apart by the digest of their library.
        let library = workload.engine.library.as_ref();
        let library = library.map_or_else(String::new, |file| format!(" {}", file.sha256.short()));
        let engine =
            CellTrials::of(record, key).worked.first().map_or_else(String::new, |(_, m)| {
                let engine = &m.engine;
                format!("{} {} {}{library}", engine.name, engine.version, engine.instruction_set)
            });
        let memory =
            environment.limits.memory.map_or_else(|| "unlimited".to_owned(), |m| m.to_string());
        Some([
            ("task", task_words(workload)),
            ("model", model_words(workload)),
            ("inputs", inputs.join(" ")),
            ("inputs per trial", workload.inputs_per_trial.to_string()),
            ("threads", threads.to_string()),
            ("CPUs", environment.limits.cpus.to_string()),
            ("memory", memory),
            ("engine", engine),
        ])
    };
    if let (Some(in_a), Some(in_b)) = (work(a), work(b)) {
        for ((what, in_a), (_, in_b)) in in_a.iter().zip(&in_b) {
            found.note(what, in_a, in_b);
        }
    }
    found.0
}

/// Labels of a cell in either run.
fn labels(a: &RunRecord, b: &RunRecord, key: &CellKey) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for record in [a, b] {
        let workload = record.header.plan.workload(&key.workload);
        for label in workload.iter().flat_map(|workload| &workload.labels) {
            if !found.contains(label) {
                found.push(label.clone());
            }
        }
    }
    found
}

/// What a workload does, as far as it is not its model and its inputs.
fn task_words(workload: &WorkloadPlan) -> String {
    match &workload.task {
        TaskPlan::Application(application) => match &workload.class_labels {
            Some(labels) => format!("{application} with labels {}", labels.sha256.short()),
            None => application.to_string(),
        },
        TaskPlan::Onnx(plan) => {
            let axes = plan.axes.iter().map(|(name, length)| format!("{name} = {length}"));
            let tensors = plan.tensors.iter().map(|(name, tensor)| match &tensor.file {
                Some(file) => format!("{name} {}", file.sha256.short()),
                None => format!("{name} {:?} to {:?}", tensor.low, tensor.high),
            });
            let words: Vec<String> = axes.chain(tensors).collect();
            format!("onnx, seed {}, {}", plan.seed, words.join(", "))
        }
        TaskPlan::Benchmark(benchmark) => format!("{benchmark:?}"),
        TaskPlan::Transfer(plan) => format!("{:?}", plan.transfer),
        TaskPlan::Command(plan) => {
            format!("{} ({})", plan.command.join(" "), plan.program.sha256.short())
        }
    }
}

fn model_words(workload: &WorkloadPlan) -> String {
    workload.model.as_ref().map_or_else(|| "none".to_owned(), |model| model.sha256.short().into())
}

/// Collects `what: this in A, that in B` where two values differ.
struct Differences(Vec<String>);

impl Differences {
    fn note(&mut self, what: &str, in_a: &str, in_b: &str) {
        if in_a != in_b {
            self.0.push(format!("{what}: {in_a} → {in_b}"));
        }
    }
}

fn differences(a: &RunRecord, b: &RunRecord) -> Vec<String> {
    let mut found = Differences(Vec::new());
    let (header_a, header_b) = (&a.header, &b.header);
    found.note("version of Weighbridge", &header_a.tool_version, &header_b.tool_version);
    let executable = |record: &RunRecord| record.header.plan.executable_sha256.short().to_owned();
    found.note("executable", &executable(a), &executable(b));
    let restart = |record: &RunRecord| format!("{:?}", record.header.plan.restart).to_lowercase();
    found.note("restart", &restart(a), &restart(b));
    for environment in &header_a.plan.environments {
        let Some(other) = header_b.plan.environment(&environment.name) else { continue };
        let name = &environment.name;
        found.note(&format!("{name}: kind"), environment.kind.as_str(), other.kind.as_str());
        let limits = |limits: weighbridge_experiment::Limits| {
            let memory = limits
                .memory
                .map_or_else(|| "unlimited memory".to_owned(), |size| size.to_string());
            format!("{} CPUs, {memory}", limits.cpus)
        };
        found.note(&format!("{name}: limits"), &limits(environment.limits), &limits(other.limits));
        let version =
            |version: &Option<String>| version.clone().unwrap_or_else(|| "unknown".to_owned());
        found.note(
            &format!("{name}: version"),
            &version(&environment.version),
            &version(&other.version),
        );
    }
    for workload in &header_a.plan.workloads {
        let Some(other) = header_b.plan.workload(&workload.name) else { continue };
        let name = &workload.name;
        found.note(&format!("{name}: model"), &model_words(workload), &model_words(other));
        let inputs = |inputs: &[InputFile]| {
            inputs.iter().map(|input| input.sha256.short()).collect::<Vec<_>>().join(" ")
        };
        found.note(&format!("{name}: inputs"), &inputs(&workload.inputs), &inputs(&other.inputs));
        let per_trial = (workload.inputs_per_trial.to_string(), other.inputs_per_trial.to_string());
        found.note(&format!("{name}: inputs per trial"), &per_trial.0, &per_trial.1);
    }
    host_differences(&header_a.host, &header_b.host, &mut found);
    found.0
}

fn host_differences(a: &HostFacts, b: &HostFacts, found: &mut Differences) {
    let of_b: BTreeMap<&str, &Option<String>> =
        b.0.iter().map(|fact| (fact.name.as_str(), &fact.value)).collect();
    for fact in &a.0 {
        if let Some(other) = of_b.get(fact.name.as_str()) {
            let words =
                |value: &Option<String>| value.clone().unwrap_or_else(|| "missing".to_owned());
            found.note(&format!("host: {}", fact.name), &words(&fact.value), &words(other));
        }
    }
}
