//! The measured parts of a cell, as they stand in the JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Times of whole trials, by the agent's clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialSeconds {
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n − 1).
    pub std: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub std_reason: Option<String>,
    /// The shortest.
    pub min: f64,
    /// The longest.
    pub max: f64,
    /// The middle one: a description of this sample, so shown for any number of trials.
    pub p50: f64,
    /// 95 % interval of the mean, by Student's t over trials.
    pub ci95: Option<[f64; 2]>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci95_reason: Option<String>,
    /// Sample standard deviation of the first 10, 20, 30, … trials.
    pub std_by_ten: Vec<f64>,
    /// Every trial, in block order.
    pub values: Vec<f64>,
    /// The block of each value.
    pub blocks: Vec<u32>,
}

/// Times of single inferences, all stages together unless said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InferenceMilliseconds {
    /// Arithmetic mean.
    pub mean: f64,
    /// Median of the histogram.
    pub p50: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_reason: Option<String>,
    /// 90th percentile of the histogram.
    pub p90: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_reason: Option<String>,
    /// 99th percentile of the histogram.
    pub p99: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_reason: Option<String>,
    /// The longest.
    pub max: f64,
    /// Mean of each stage.
    pub stages: StageMilliseconds,
}

/// Mean times of the stages of an inference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageMilliseconds {
    /// Input bytes to pixels, samples or arrays.
    pub decode: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decode_reason: Option<String>,
    /// Those to tensors.
    pub prepare: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepare_reason: Option<String>,
    /// The engine; of a command, all of it.
    pub infer: f64,
    /// Tensors to a result.
    pub interpret: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpret_reason: Option<String>,
}

/// The warm-up, which no other number contains.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarmupSeconds {
    /// Inferences of all warm-ups.
    pub inferences: usize,
    /// Mean time of the very first inference after a start, milliseconds.
    pub first_inference_ms: f64,
    /// Mean time of a warm-up inference, milliseconds.
    pub mean_inference_ms: f64,
}

/// Processor use; 100 is one core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CpuPercent {
    /// Mean of all intervals of at least 100 %: the way of the edge paper. Leaves out all
    /// time in which the application waited.
    pub mean_active: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_active_reason: Option<String>,
    /// Processor time over time, whole trials, mean over trials.
    pub mean_all: f64,
    /// The trial whose time is the median, as `[end of interval in seconds, per cent]`.
    pub trace: Vec<[f64; 2]>,
    /// The block of that trial.
    pub trace_block: u32,
    /// Half of the allotted CPU, per cent of one core.
    pub half_allotment: f64,
    /// When an interval first reached half of the allotment, seconds from the trial's start,
    /// mean over the trials that did.
    pub half_reached_seconds: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_reached_seconds_reason: Option<String>,
    /// Trials that reached it.
    pub half_reached_trials: usize,
    /// The same as the edge paper's tool for the environment showed it, where that was asked
    /// for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<PaperCpuPercent>,
}

/// Processor use as the edge paper's tool for a kind of environment showed it, a figure a
/// second; 100 is one core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaperCpuPercent {
    /// The tool, or why there is none.
    pub instrument: String,
    /// Mean of all figures of at least 100 %: what the paper printed.
    pub mean_active: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_active_reason: Option<String>,
    /// Mean of all figures.
    pub mean_all: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_all_reason: Option<String>,
    /// Figures of all trials.
    pub figures: usize,
}

/// The start of instances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StartSeconds {
    /// Mean time from asking to ready.
    pub mean: f64,
    /// Sample standard deviation (n − 1); `null` for one trial.
    pub std: Option<f64>,
    /// The shortest.
    pub min: f64,
    /// The longest.
    pub max: f64,
    /// Every trial, in block order.
    pub values: Vec<f64>,
    /// Mean time from ready to a loaded model.
    pub load_mean: f64,
}

/// A cost with its interval. Amounts are decimal strings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// The amount.
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
    /// From the ends of the 95 % interval of the mean trial.
    pub ci95: Option<[String; 2]>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci95_reason: Option<String>,
}
