//! One workload, resolved on this host: its files found and hashed, its program and libraries
//! looked up. After this nothing of it is decided.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use weighbridge_experiment::{
    Benchmark, CommandPlan, CommandSpec, EngineName, EnginePlan, EngineWish, InputFile, OnnxPlan,
    OnnxSpec, TaskPlan, TaskSpec, TensorPlan, TransferBenchmark, TransferPlan, WorkloadPlan,
    WorkloadSpec,
};
use weighbridge_inference::application::RANDOM_INPUT;
use weighbridge_inference::catalogue;

use super::files::{self, FilesError};
use super::model::{self, Model};
use super::program;
use crate::cli::UsageError;
use crate::data_directory::DataDirectory;

/// What resolving a workload asks of the host.
pub(crate) struct Resolver<'a> {
    pub(crate) seed: u64,
    pub(crate) data: &'a DataDirectory,
    /// Chooses the engine of a workload.
    pub(crate) choose: &'a mut dyn FnMut(EngineWish) -> anyhow::Result<EnginePlan>,
}

/// Resolves one workload.
pub(crate) fn resolve(
    spec: &WorkloadSpec,
    resolver: &mut Resolver<'_>,
) -> anyhow::Result<WorkloadPlan> {
    let cannot = || format!("workload `{}` cannot run", spec.name);
    let parts = match &spec.task {
        TaskSpec::Application(application) => {
            let shipped = catalogue::shipped(*application);
            let inputs = files::inputs(*application, spec.inputs.as_deref())?;
            let rounds = if spec.inputs.is_none() { shipped.rounds_per_trial } else { 1 };
            let model = model::resolve(Some(*application), spec.model.as_ref(), resolver.data)
                .with_context(cannot)?;
            Parts::of(TaskPlan::Application(*application), model, inputs, rounds)
        }
        TaskSpec::Onnx(onnx) => {
            let inputs = onnx_inputs(spec, resolver.seed)?;
            let model =
                model::resolve(None, spec.model.as_ref(), resolver.data).with_context(cannot)?;
            let task = TaskPlan::Onnx(onnx_plan(onnx, &inputs, resolver.seed)?);
            Parts::of(task, model, inputs, 1)
        }
        TaskSpec::Command(command) => {
            let plan: CommandPlan = program::resolve(command).with_context(cannot)?;
            Parts::without_model(TaskPlan::Command(plan))
        }
        TaskSpec::Benchmark(benchmark) => {
            benchmark_parts(benchmark, spec, resolver.data).with_context(cannot)?
        }
    };
    let engine = match &spec.task {
        TaskSpec::Command(_) => no_engine("a command runs on no engine"),
        TaskSpec::Benchmark(benchmark) if benchmark.application().is_none() => {
            no_engine("a benchmark runs on no engine")
        }
        _ => (resolver.choose)(spec.engine).with_context(cannot)?,
    };
    let all = u32::try_from(parts.inputs.len().max(1)).unwrap_or(u32::MAX);
    let seeded = parts.model.as_ref().is_some_and(|model| model.seeded);
    Ok(WorkloadPlan {
        name: spec.name.clone(),
        task: parts.task,
        model: parts.model.map(|model| model.file),
        class_labels: spec.labels.as_deref().map(files::labels).transpose()?,
        labels: seeded.then(|| catalogue::SEEDED.to_owned()).into_iter().collect(),
        inputs_per_trial: spec.inputs_per_trial.unwrap_or(all.saturating_mul(parts.rounds)),
        inputs: parts.inputs,
        trials: spec.trials,
        warmup: spec.warmup,
        trial: spec.trial,
        threads: spec.threads,
        engine,
    })
}

/// A benchmark that loads an application has its model and the first of its samples.
fn benchmark_parts(
    benchmark: &Benchmark,
    spec: &WorkloadSpec,
    data: &DataDirectory,
) -> anyhow::Result<Parts> {
    if let Benchmark::Transfer(transfer) = benchmark {
        return Ok(Parts::without_model(TaskPlan::Transfer(Box::new(transfer_plan(transfer)?))));
    }
    let task = TaskPlan::Benchmark(benchmark.clone());
    let Some(application) = benchmark.application() else { return Ok(Parts::without_model(task)) };
    let mut inputs = files::inputs(application, None)?;
    inputs.truncate(1);
    let model = model::resolve(Some(application), spec.model.as_ref(), data)?;
    Ok(Parts::of(task, model, inputs, 1))
}

/// The ssh client of this host with all that it needs, and the files that it is given.
fn transfer_plan(transfer: &TransferBenchmark) -> anyhow::Result<TransferPlan> {
    let ssh =
        CommandSpec { command: vec!["ssh".to_owned()], files: Vec::new(), timeout_seconds: 0 };
    let described = |path: &str| files::describe_any(Path::new(path));
    Ok(TransferPlan {
        transfer: transfer.clone(),
        client: program::resolve(&ssh)?,
        identity: transfer.identity.as_deref().map(described).transpose()?,
        known_hosts: described(&transfer.known_hosts)?,
    })
}

/// What differs from kind to kind.
struct Parts {
    task: TaskPlan,
    model: Option<Model>,
    inputs: Vec<InputFile>,
    rounds: u32,
}

fn no_engine(reason: &str) -> EnginePlan {
    EnginePlan { name: EngineName::Rten, reason: reason.to_owned(), ..EnginePlan::default() }
}

impl Parts {
    fn without_model(task: TaskPlan) -> Self {
        Self { task, model: None, inputs: Vec::new(), rounds: 1 }
    }

    fn of(task: TaskPlan, model: Model, inputs: Vec<InputFile>, rounds: u32) -> Self {
        Self { task, model: Some(model), inputs, rounds }
    }
}

/// The input files of a model, or the one that stands for drawing everything.
fn onnx_inputs(spec: &WorkloadSpec, seed: u64) -> Result<Vec<InputFile>, FilesError> {
    match &spec.inputs {
        Some(path) => files::below(Path::new(path)),
        None => Ok(vec![files::shipped(&format!("random, seed {seed}"), &random_input(seed))]),
    }
}

/// The content that stands for values drawn from a seed; another seed is another content, so
/// that two runs which drew differently are not taken for the same work.
pub(crate) fn random_input(seed: u64) -> Vec<u8> {
    [RANDOM_INPUT, seed.to_string().as_bytes()].concat()
}

fn onnx_plan(spec: &OnnxSpec, inputs: &[InputFile], seed: u64) -> anyhow::Result<OnnxPlan> {
    let mut tensors = BTreeMap::new();
    for (name, tensor) in &spec.tensors {
        let file = tensor.file.as_deref().map(|path| files::describe(Path::new(path)));
        let file = file.transpose()?;
        let known = file.as_ref().is_none_or(|file| is_numpy(&file.name));
        if !known && (tensor.element.is_none() || tensor.shape.is_none()) {
            return Err(UsageError(format!(
                "tensor `{name}`: `{}` is neither .npy nor .npz, so it is read as raw little-endian \
                 values; give their `dtype` and `shape`",
                file.map_or_else(String::new, |file| file.name)
            ))
            .into());
        }
        let plan = TensorPlan {
            // What NumPy wrote says its own type and shape.
            element: tensor.element.filter(|_| !known || file.is_none()),
            shape: tensor.shape.clone().filter(|_| !known || file.is_none()),
            low: tensor.low,
            high: tensor.high,
            file,
        };
        tensors.insert(name.clone(), plan);
    }
    Ok(OnnxPlan {
        axes: spec.axes.clone(),
        seed,
        tensors,
        expected: spec
            .expected
            .as_deref()
            .map_or_else(|| Ok(Vec::new()), |path| expected(Path::new(path), inputs))?,
        tolerance: spec.tolerance,
    })
}

fn is_numpy(name: &str) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|e| e.eq_ignore_ascii_case("npy") || e.eq_ignore_ascii_case("npz"))
}

/// One file of expected outputs for each input, by the name without its extension.
fn expected(path: &Path, inputs: &[InputFile]) -> anyhow::Result<Vec<InputFile>> {
    if !path.is_dir() {
        if inputs.len() != 1 {
            return Err(UsageError(format!(
                "`expected` is the one file {}, and there are {} inputs; give a directory with a \
                 file for each under the same name",
                path.display(),
                inputs.len()
            ))
            .into());
        }
        return Ok(vec![files::describe(path)?]);
    }
    let stem = |name: &str| Path::new(name).file_stem().map(std::ffi::OsStr::to_owned);
    let there = files::below(path)?;
    let of = |input: &InputFile| {
        let found = there.iter().find(|file| stem(&file.name) == stem(&input.name));
        found.cloned().ok_or_else(|| {
            let directory = path.display();
            UsageError(format!("{directory} holds no expected outputs for `{}`", input.name)).into()
        })
    };
    inputs.iter().map(of).collect()
}
