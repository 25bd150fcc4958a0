//! The file's own shape: what may be written, before anything is checked.

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};

use crate::{ByteSize, CpuCount, Restart};

/// An experiment: the same applications weighed in several environments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExperimentFile {
    /// Name of the experiment; `experiment` unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Seed of the order of trials and of every interval; 42 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// When the agent of a cell starts anew: in every "block" (the default), or once a "run".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
    /// Environments to compare; native and container unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<EnvironmentTable>,
    /// Workloads to run in each; every application that ships, unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workload: Vec<WorkloadTable>,
}

/// A place in which the workloads run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentTable {
    /// Its name in tables and figures; its kind unless given. Two of one kind need names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One of "native", "container", "simulated".
    pub kind: String,
    /// Share of CPUs, such as 2 or 0.5; all of the host's unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<CpuCount>,
    /// Memory limit, such as "2GiB"; none unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteSize>,
    /// What the environment costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceTable>,
}

/// What an environment costs: an entry of the price book, or a price per hour.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceTable {
    /// An entry of the price book, such as "aws/us-east-1/c7i.large".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// A price per hour with its currency, such as "0.085 USD".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hourly: Option<String>,
}

/// Something to run in every environment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadTable {
    /// Its name in tables and figures; its application's unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// "application", the only kind of this version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// One of "derain", "traffic-light".
    pub application: String,
    /// Path of an ONNX model, relative to this file; the application's own unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// "auto" (onnxruntime where its library is found, else rten; the default), "rten",
    /// "onnxruntime" or "onnxruntime-cuda". The same in every environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// A photo, or a directory of them, relative to this file; the shipped samples unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// Inputs that make one trial, taken in turn; all of them once unless given, the shipped
    /// traffic lights twenty times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs_per_trial: Option<u32>,
    /// Trials in each environment; 20 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trials: Option<u32>,
    /// Passes over the inputs before the timed one, kept and shown apart; 1 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup: Option<u32>,
    /// Threads of the engine; the environment's CPUs, rounded up, unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// "warm", the only way of this version: the model is loaded before the trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial: Option<String>,
}

/// The JSON Schema of an experiment file, for editors.
#[must_use]
pub fn experiment_schema() -> Schema {
    schema_for!(ExperimentFile)
}
