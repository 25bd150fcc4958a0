//! What a client asks for, made ready: files read and compared, the model in its engine.

use std::collections::BTreeMap;
use std::path::Path;

use weighbridge_inference::application::{
    Application, FixedTensor, OnnxInputs, OnnxModel, application,
};
use weighbridge_inference::engine::Tensor;
use weighbridge_inference::tensor_file::{read_raw, read_tensors};
use weighbridge_inference::{Expected, InferenceError, Input, Labels, Session, tensor_file};

use crate::benchmark::BenchmarkRunner;
use crate::command::CommandRunner;
use crate::engine;
use crate::files::read_verified;
use crate::wire::{Failure, FileToRead, OnnxTask, Prepare, Stage, Task, TensorToMake};

/// A task that can be done again and again.
pub(crate) enum Doable {
    /// A model.
    Inference(Box<Inference>),
    /// A program.
    Command(CommandRunner),
    /// A measurement of the environment itself.
    Benchmark(BenchmarkRunner),
}

/// A model in its engine, with its inputs in memory.
pub(crate) struct Inference {
    pub(crate) session: Session,
    pub(crate) inputs: Vec<Input>,
    /// The outputs that must come, for each input; none at all where nothing is expected.
    pub(crate) expected: Vec<Expected>,
}

pub(crate) fn prepare(base: &Path, request: &Prepare) -> Result<Doable, Failure> {
    let (application, expected): (Box<dyn Application>, _) = match &request.task {
        Task::Command(task) => return CommandRunner::prepare(base, task).map(Doable::Command),
        Task::Benchmark(benchmark) => {
            let runner = BenchmarkRunner::prepare(base, benchmark, request.threads)?;
            return Ok(Doable::Benchmark(runner));
        }
        Task::Transfer(task) => {
            return BenchmarkRunner::transfer(base, task).map(Doable::Benchmark);
        }
        Task::Application { name, labels } => {
            let labels = labels.as_ref().map(|file| class_labels(base, file)).transpose()?;
            (application(*name, labels), Vec::new())
        }
        Task::Onnx(task) => {
            let expected = task.expected.iter().map(|file| expected(base, file, task.tolerance));
            (Box::new(onnx(base, task)?), expected.collect::<Result<_, _>>()?)
        }
    };
    let file = request
        .model
        .as_ref()
        .ok_or_else(|| Failure::new(Stage::Prepare, "no model was given; one is needed"))?;
    let model = read_verified(base, "model", file)?;
    let mut inputs = Vec::with_capacity(request.inputs.len());
    for file in &request.inputs {
        inputs.push(Input::new(&*file.name, read_verified(base, "input", file)?));
    }
    let session = engine::source(base, &request.engine)?
        .load(model, request.threads)
        .map_err(InferenceError::from)
        .and_then(|engine| Session::new(application, engine))
        .map_err(|error| {
            let failure = Failure::from_error(Stage::Prepare, &error);
            Failure {
                reason: format!("cannot load model `{}`: {}", file.name, failure.reason),
                ..failure
            }
        })?;
    Ok(Doable::Inference(Box::new(Inference { session, inputs, expected })))
}

fn class_labels(base: &Path, file: &FileToRead) -> Result<Labels, Failure> {
    let bytes = read_verified(base, "labels", file)?;
    Labels::parse(&bytes, &file.name).map_err(|error| Failure::from_error(Stage::Prepare, &error))
}

fn expected(base: &Path, file: &FileToRead, tolerance: f64) -> Result<Expected, Failure> {
    let bytes = read_verified(base, "expected outputs", file)?;
    Expected::read(&bytes, &file.name, tolerance)
        .map_err(|error| Failure::from_error(Stage::Prepare, &error))
}

fn onnx(base: &Path, task: &OnnxTask) -> Result<OnnxModel, Failure> {
    let mut fixed = BTreeMap::new();
    for (name, tensor) in &task.tensors {
        let tensor = match &tensor.file {
            Some(file) => FixedTensor::Given {
                tensor: given(base, name, file, tensor)?,
                file: file.name.clone(),
            },
            None => FixedTensor::Drawn {
                element: tensor.element,
                shape: tensor.shape.clone(),
                low: tensor.low,
                high: tensor.high,
            },
        };
        fixed.insert(name.clone(), tensor);
    }
    Ok(OnnxModel::new(OnnxInputs { axes: task.axes.clone(), seed: task.seed, fixed }))
}

fn given(
    base: &Path,
    name: &str,
    file: &FileToRead,
    tensor: &TensorToMake,
) -> Result<Tensor, Failure> {
    let bytes = read_verified(base, "tensor", file)?;
    let fail = |error: &dyn std::error::Error| Failure::from_error(Stage::Prepare, error);
    if let (Some(element), Some(shape)) = (tensor.element, &tensor.shape) {
        return read_raw(&bytes, element, shape, &file.name).map_err(|error| fail(&error));
    }
    match read_tensors(&bytes, &file.name).map_err(|error| fail(&error))? {
        tensor_file::TensorFile::One(tensor) => Ok(tensor),
        tensor_file::TensorFile::Named(tensors) => {
            let found = tensors.into_iter().find(|(known, _)| known == name);
            found.map(|(_, tensor)| tensor).ok_or_else(|| {
                let reason = format!("`{}` holds no array `{name}`", file.name);
                Failure::new(Stage::Prepare, reason)
            })
        }
    }
}
