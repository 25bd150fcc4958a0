//! What a `[[workload]]` asks, checked: each kind has its own keys, and a key that says nothing
//! to a kind is a mistake, not a decoration.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::asked::Problems;
use super::benchmark::{self, DEFAULT_BENCHMARK_TRIALS};
use super::error::Problem;
use super::keys::nearest;
use super::kinds::{foreign_keys, kind};
use super::written::{TensorTable, WorkloadTable};
use crate::{
    ApplicationName, Benchmark, CommandSpec, EngineWish, ModelSource, ModelSourceProblem, OnnxSpec,
    TaskSpec, TensorElement, TensorSpec, TrialForm, WorkloadSpec,
};

const DEFAULT_TRIALS: u32 = 20;
const DEFAULT_WARMUP: u32 = 1;
/// Ten thousand blocks of one second are three hours: more is a mistake of the keyboard.
const MOST_TRIALS: u32 = 100_000;
const MOST_THREADS: u32 = 4_096;
/// Two engines agree to about this share of the outputs' range in 32-bit arithmetic.
const DEFAULT_TOLERANCE: f64 = 1e-4;
const DEFAULT_TIMEOUT: &str = "60s";
const LONGEST_TIMEOUT_SECONDS: u64 = 24 * 3600;
/// Longest axis of a model, and most values of a tensor: beyond it nothing fits a memory.
const LONGEST_AXIS: u64 = 1 << 31;

/// The application of this name.
///
/// # Errors
///
/// A problem that names the nearest known application.
pub fn application(name: &str) -> Result<ApplicationName, Problem> {
    let known = ApplicationName::ALL.map(ApplicationName::as_str);
    ApplicationName::from_name(name).ok_or_else(|| {
        let help = nearest(name, &known).map_or_else(
            || format!("this version has: {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        Problem::at("", format!("unknown application `{name}`"), help)
    })
}

/// A workload of which only the application was named.
#[must_use]
pub fn default_workload(application: ApplicationName) -> WorkloadSpec {
    WorkloadSpec {
        name: application.to_string(),
        task: TaskSpec::Application(application),
        model: None,
        labels: None,
        inputs: None,
        inputs_per_trial: None,
        trials: DEFAULT_TRIALS,
        warmup: DEFAULT_WARMUP,
        trial: TrialForm::Warm,
        threads: None,
        engine: EngineWish::Auto,
    }
}

pub(super) fn workloads(tables: Vec<WorkloadTable>, problems: &mut Problems) -> Vec<WorkloadSpec> {
    if tables.is_empty() {
        return ApplicationName::MAIN_JOB.map(default_workload).to_vec();
    }
    let indexed = tables.into_iter().enumerate();
    indexed
        .filter_map(|(index, table)| workload(&format!("workload.{index}"), table, problems))
        .collect()
}

fn workload(path: &str, table: WorkloadTable, problems: &mut Problems) -> Option<WorkloadSpec> {
    let kind = kind(path, &table, problems)?;
    foreign_keys(path, kind, &table, problems);
    let model = model(path, &table, problems);
    let task = match kind {
        "onnx" => TaskSpec::Onnx(onnx(path, &table, problems)?),
        "command" => TaskSpec::Command(command(path, &table, problems)?),
        kind if Benchmark::KINDS.contains(&kind) => {
            TaskSpec::Benchmark(benchmark::check(path, kind, &table, problems)?)
        }
        _ => TaskSpec::Application(named_application(path, &table, problems)?),
    };
    let name = table.name.unwrap_or_else(|| task.name().to_owned());
    problems.name(path, "a workload", &name);
    problems.supported(path, "engine", table.engine.as_deref(), &EngineWish::NAMES);
    let trial = trial_form(path, &task, table.trial.as_deref(), problems);
    let is_benchmark = matches!(task, TaskSpec::Benchmark(_));
    let (default_trials, default_warmup) =
        if is_benchmark { (DEFAULT_BENCHMARK_TRIALS, 0) } else { (DEFAULT_TRIALS, DEFAULT_WARMUP) };
    let trials = table.trials.unwrap_or(default_trials);
    problems.within(path, "trials", trials, 1, MOST_TRIALS);
    let key = if kind == "command" { "runs_per_trial" } else { "inputs_per_trial" };
    let inputs_per_trial = table.inputs_per_trial.or(table.runs_per_trial);
    problems.within(path, key, inputs_per_trial.unwrap_or(1), 1, MOST_TRIALS);
    problems.within(path, "threads", table.threads.unwrap_or(1), 1, MOST_THREADS);
    let warmup = table.warmup.unwrap_or(default_warmup);
    problems.within(path, "warmup", warmup, 0, MOST_TRIALS);
    let threads = table.threads.or_else(|| benchmark::default_threads(&task));
    Some(WorkloadSpec {
        name,
        task,
        model,
        labels: table.labels,
        inputs: table.inputs,
        inputs_per_trial,
        trials,
        warmup,
        trial,
        threads,
        engine: table.engine.as_deref().and_then(EngineWish::from_name).unwrap_or_default(),
    })
}

/// Only a model can be held in memory between trials or not: the others start anew anyway.
fn trial_form(
    path: &str,
    task: &TaskSpec,
    written: Option<&str>,
    problems: &mut Problems,
) -> TrialForm {
    problems.supported(path, "trial", written, &TrialForm::NAMES);
    let form = written.and_then(TrialForm::from_name).unwrap_or_default();
    let is_model = matches!(task, TaskSpec::Application(_) | TaskSpec::Onnx(_));
    if form == TrialForm::Process && !is_model {
        problems.add(
            &format!("{path}.trial"),
            format!("`trial = \"process\"` is for a model, not for kind \"{}\"", task.kind()),
            "remove `trial`",
        );
    }
    form
}

fn named_application(
    path: &str,
    table: &WorkloadTable,
    problems: &mut Problems,
) -> Option<ApplicationName> {
    let Some(name) = &table.application else {
        let known = ApplicationName::ALL.map(ApplicationName::as_str).join(", ");
        problems.add(
            path,
            "a workload of kind \"application\" needs `application`".to_owned(),
            format!("give one of: {known}; or another `kind`"),
        );
        return None;
    };
    application(name)
        .map_err(|problem| problems.0.push(problem.under(&format!("{path}.application"))))
        .ok()
}

/// What `model` and `sha256` mean together.
fn model(path: &str, table: &WorkloadTable, problems: &mut Problems) -> Option<ModelSource> {
    let Some(written) = table.model.as_deref() else {
        if table.sha256.is_some() {
            let problem = ModelSourceProblem::digest_without_address();
            problems.add(&format!("{path}.sha256"), problem.message, problem.help);
        }
        return None;
    };
    match ModelSource::read(written, table.sha256.as_deref()) {
        Ok(source) => Some(source),
        Err(ModelSourceProblem { of_digest, message, help }) => {
            let key = if of_digest { "sha256" } else { "model" };
            problems.add(&format!("{path}.{key}"), message, help);
            None
        }
    }
}

fn onnx(path: &str, table: &WorkloadTable, problems: &mut Problems) -> Option<OnnxSpec> {
    let before = problems.0.len();
    if table.model.is_none() {
        problems.add(
            path,
            "a workload of kind \"onnx\" needs `model`".to_owned(),
            "give the path of an ONNX model",
        );
    }
    let axes = table.axes.clone().unwrap_or_default();
    for (name, length) in &axes {
        if !(1..=LONGEST_AXIS).contains(length) {
            problems.add(
                &format!("{path}.axes.{name}"),
                format!("axis `{name}` of length {length} is out of range"),
                format!("give a number from 1 to {LONGEST_AXIS}"),
            );
        }
    }
    let mut tensors = BTreeMap::new();
    for (name, written) in table.tensors.iter().flatten() {
        let spec = tensor(&format!("{path}.tensors.{name}"), name, written, problems);
        tensors.insert(name.clone(), spec);
    }
    let tolerance = table.tolerance.unwrap_or(DEFAULT_TOLERANCE);
    if !(tolerance >= 0.0 && tolerance.is_finite()) {
        problems.add(
            &format!("{path}.tolerance"),
            format!("`tolerance = {tolerance}` is out of range"),
            "give a number from 0",
        );
    }
    if let (Some(_), None) = (table.tolerance, &table.expected) {
        problems.add(
            &format!("{path}.tolerance"),
            "`tolerance` compares with `expected`, which is not given".to_owned(),
            "give `expected`, or remove `tolerance`",
        );
    }
    let expected = table.expected.clone();
    (problems.0.len() == before).then_some(OnnxSpec { axes, tensors, expected, tolerance })
}

fn tensor(path: &str, name: &str, table: &TensorTable, problems: &mut Problems) -> TensorSpec {
    let element = table.dtype.as_deref().and_then(|dtype| {
        let known = TensorElement::ALL.map(TensorElement::as_str);
        let element = TensorElement::from_name(dtype);
        if element.is_none() {
            let half = ["f16", "float16", "bf16", "bfloat16"].contains(&dtype);
            let help = match nearest(dtype, &known).filter(|_| !half) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("use one of: {}", known.join(", ")),
            };
            let message = format!("`{dtype}` elements are not supported for tensor `{name}`");
            problems.add(&format!("{path}.dtype"), message, help);
        }
        element
    });
    for length in table.shape.iter().flatten() {
        if !(1..=LONGEST_AXIS).contains(length) {
            problems.add(
                &format!("{path}.shape"),
                format!("an axis of length {length} is out of range"),
                format!("give numbers from 1 to {LONGEST_AXIS}"),
            );
        }
    }
    let drawn = table.low.or(table.high);
    if let (Some(_), Some(_)) = (&table.file, drawn) {
        problems.add(
            path,
            format!("tensor `{name}` has a `file` and a range to draw from"),
            "give either `file` or `low` and `high`",
        );
    }
    let least = table.low.unwrap_or(0.0);
    let most = table.high.unwrap_or(f64::INFINITY);
    if least.is_nan() || most.is_nan() || least >= most || !least.is_finite() {
        problems.add(
            path,
            format!("tensor `{name}`: nothing lies between {least} and {most}"),
            "give a `low` that is less than `high`",
        );
    }
    let TensorTable { file, shape, low, high, .. } = table.clone();
    TensorSpec { file, element, shape, low, high }
}

fn command(path: &str, table: &WorkloadTable, problems: &mut Problems) -> Option<CommandSpec> {
    let words = table.command.clone().unwrap_or_default();
    if words.first().is_none_or(String::is_empty) {
        problems.add(
            &if table.command.is_some() { format!("{path}.command") } else { path.to_owned() },
            "a workload of kind \"command\" needs `command`".to_owned(),
            "give the program and its arguments, such as [\"gzip\", \"-9\", \"data.bin\"]",
        );
        return None;
    }
    if words.iter().any(|word| word.contains('\0')) {
        problems.add(
            &format!("{path}.command"),
            "a program and its arguments hold no zero byte".to_owned(),
            "remove it",
        );
        return None;
    }
    let written = table.timeout.as_deref().unwrap_or(DEFAULT_TIMEOUT);
    let seconds = written.parse::<SignedDuration>().ok().map(|time| time.as_secs());
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    let Some(timeout_seconds) =
        seconds.filter(|seconds| (1..=LONGEST_TIMEOUT_SECONDS).contains(seconds))
    else {
        problems.add(
            &format!("{path}.timeout"),
            format!("`timeout = \"{written}\"` is not a time from 1s to 24h"),
            "write a number and a unit, such as \"90s\" or \"10m\"",
        );
        return None;
    };
    let files = table.files.clone().unwrap_or_default();
    Some(CommandSpec { command: words, files, timeout_seconds })
}
