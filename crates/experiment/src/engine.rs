//! What executes a model: as asked, and as resolved once on the host.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::InputFile;

/// The engines of this version.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum EngineName {
    /// Linked into the executable: always there.
    Rten,
    /// ONNX Runtime on the CPU, by a shared library of the host.
    Onnxruntime,
    /// ONNX Runtime on an NVIDIA GPU, by a shared library of the host that was built for it.
    OnnxruntimeCuda,
}

impl EngineName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rten, Self::Onnxruntime, Self::OnnxruntimeCuda];

    /// The name as it is written in files, commands and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rten => "rten",
            Self::Onnxruntime => "onnxruntime",
            Self::OnnxruntimeCuda => "onnxruntime-cuda",
        }
    }

    /// The engine of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.as_str() == name)
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Which engine a workload asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub enum EngineWish {
    /// The fastest that is there: `onnxruntime` where its library is found, else `rten`.
    #[default]
    Auto,
    /// This one or none.
    Only(EngineName),
}

impl EngineWish {
    /// What can be written.
    pub const NAMES: [&str; 4] = ["auto", "rten", "onnxruntime", "onnxruntime-cuda"];

    /// The wish of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "auto" { Some(Self::Auto) } else { EngineName::from_name(name).map(Self::Only) }
    }

    /// The name as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Only(name) => name.as_str(),
        }
    }
}

impl From<EngineWish> for String {
    fn from(wish: EngineWish) -> Self {
        wish.as_str().to_owned()
    }
}

impl From<String> for EngineWish {
    /// A record of another version may hold a name that this one does not know; what was
    /// resolved stands beside it.
    fn from(name: String) -> Self {
        Self::from_name(&name).unwrap_or_default()
    }
}

impl fmt::Display for EngineWish {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The engine of a workload as resolved on this host: the same one, by the digest of its
/// library, in every cell of the workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnginePlan {
    /// The engine.
    pub name: EngineName,
    /// Its version. Empty in records of versions that had one engine only; their trials name it.
    pub version: Option<String>,
    /// Why it is this one.
    pub reason: String,
    /// Its shared library. Empty for what is linked into the executable.
    pub library: Option<InputFile>,
    /// What the library needs besides, as the dynamic linker of this host resolved it.
    pub dependencies: Vec<InputFile>,
}

impl Default for EnginePlan {
    /// What every record of a version with one engine only was run on.
    fn default() -> Self {
        Self {
            name: EngineName::Rten,
            version: None,
            reason: "the one engine of the version that planned this".to_owned(),
            library: None,
            dependencies: Vec::new(),
        }
    }
}

impl EnginePlan {
    /// Name, version and digest of the library, for people and for comparing.
    #[must_use]
    pub fn words(&self) -> String {
        let version = self.version.as_deref().map(|version| format!(" {version}"));
        let library = self.library.as_ref().map(|file| format!(" ({})", file.sha256.short()));
        format!("{}{}{}", self.name, version.unwrap_or_default(), library.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wish_is_known_by_its_name() {
        for name in EngineWish::NAMES {
            let wish = EngineWish::from_name(name).expect("known");
            assert_eq!(wish.as_str(), name);
            let json = serde_json::to_string(&wish).expect("text");
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<EngineWish>(&json).expect("read"), wish);
        }
        assert_eq!(EngineWish::NAMES.len(), EngineName::ALL.len() + 1);
        assert_eq!(EngineWish::from_name("tract"), None);
    }

    #[test]
    fn a_plan_is_named_with_what_tells_two_builds_apart() {
        let mut plan = EnginePlan::default();
        assert_eq!(plan.words(), "rten");
        plan.name = EngineName::Onnxruntime;
        plan.version = Some("1.31.1".into());
        plan.library = Some(InputFile {
            name: "libonnxruntime.so".into(),
            path: None,
            sha256: crate::Sha256Digest::of(b"abc"),
            bytes: 3,
        });
        assert_eq!(plan.words(), "onnxruntime 1.31.1 (ba7816bf8f01)");
    }
}
