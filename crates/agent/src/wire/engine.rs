use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FileToRead;

/// Which engine is to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EngineChoice {
    /// The embedded one.
    #[default]
    Auto,
    /// The embedded one, by name.
    Rten,
    /// ONNX Runtime, from these files and no others.
    Onnxruntime(SharedLibrary),
}

/// A shared library in reach of the agent, with what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SharedLibrary {
    /// The library.
    pub library: FileToRead,
    /// What it needs. Those that the agent has loaded already are left alone.
    pub dependencies: Vec<FileToRead>,
    /// Whether it is to compute on an NVIDIA GPU.
    pub cuda: bool,
}
