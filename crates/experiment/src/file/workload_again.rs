//! A checked workload as the table that it would be written as: what a record keeps of an
//! experiment that options changed.

use std::collections::BTreeMap;

use super::benchmark;
use super::written::{TensorTable, WorkloadTable};
use crate::{ModelSource, TaskSpec, TensorSpec, WorkloadSpec};

/// The workload written as a table again.
pub(super) fn table(spec: &WorkloadSpec) -> WorkloadTable {
    let (model, sha256) = match &spec.model {
        None => (None, None),
        Some(ModelSource::File(path)) => (Some(path.clone()), None),
        Some(ModelSource::Address { url, sha256 }) => (Some(url.clone()), Some(sha256.to_string())),
        Some(ModelSource::Seeded(family)) => (Some(format!("seeded:{family}")), None),
    };
    let common = WorkloadTable {
        name: Some(spec.name.clone()),
        kind: Some(spec.task.kind().to_owned()),
        trials: Some(spec.trials),
        warmup: Some(spec.warmup),
        trial: (!spec.trial.is_warm()).then(|| spec.trial.as_str().to_owned()),
        ..WorkloadTable::default()
    };
    if let TaskSpec::Command(command) = &spec.task {
        return WorkloadTable {
            command: Some(command.command.clone()),
            files: Some(command.files.clone()).filter(|files| !files.is_empty()),
            runs_per_trial: spec.inputs_per_trial,
            timeout: Some(format!("{}s", command.timeout_seconds)),
            ..common
        };
    }
    if let TaskSpec::Benchmark(asked) = &spec.task {
        let engine = asked.application().map(|_| spec.engine.to_string());
        let (threads, common) = (spec.threads, WorkloadTable { engine, ..common });
        return benchmark::table(asked, WorkloadTable { threads, ..common });
    }
    let engine = Some(spec.engine.to_string());
    let (inputs, inputs_per_trial, threads) =
        (spec.inputs.clone(), spec.inputs_per_trial, spec.threads);
    let with_model =
        WorkloadTable { model, sha256, engine, inputs, inputs_per_trial, threads, ..common };
    match &spec.task {
        TaskSpec::Onnx(onnx) => {
            let tensors = onnx.tensors.iter();
            let tensors: BTreeMap<String, TensorTable> =
                tensors.map(|(name, spec)| (name.clone(), tensor_table(spec))).collect();
            WorkloadTable {
                axes: Some(onnx.axes.clone()).filter(|axes| !axes.is_empty()),
                tensors: Some(tensors).filter(|tensors| !tensors.is_empty()),
                tolerance: onnx.expected.is_some().then_some(onnx.tolerance),
                expected: onnx.expected.clone(),
                ..with_model
            }
        }
        task => WorkloadTable {
            application: Some(task.name().to_owned()),
            labels: spec.labels.clone(),
            ..with_model
        },
    }
}

fn tensor_table(spec: &TensorSpec) -> TensorTable {
    TensorTable {
        file: spec.file.clone(),
        dtype: spec.element.map(|element| element.to_string()),
        shape: spec.shape.clone(),
        low: spec.low,
        high: spec.high,
    }
}
