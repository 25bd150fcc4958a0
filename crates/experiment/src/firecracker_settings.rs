//! What only a micro virtual machine of Firecracker has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::DiskSettings;

/// The settings of an environment of kind "firecracker".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirecrackerSettings {
    /// The program; "firecracker" on the search path unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
    /// A kernel that is not packed (a vmlinux file); the one that was prepared for guests
    /// unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// Whether Firecracker is locked in by its jailer.
    #[serde(default)]
    pub jailer: JailerUse,
    /// How an instance comes to life.
    #[serde(default)]
    pub start: StartMode,
    /// Whether the guest has a network.
    #[serde(default)]
    pub network: GuestNetwork,
    /// A data disk; none unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskSettings>,
}

/// Whether the program that runs a guest is locked into a directory, as a user without rights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JailerUse {
    /// Where this is root and "jailer" lies beside the program or on the search path.
    #[default]
    Auto,
    /// Never.
    Never,
    /// Always; an error where it cannot be.
    Always,
}

/// How a guest comes to life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StartMode {
    /// Its kernel boots.
    #[default]
    Boot,
    /// From memory and state that a guest had when its agent began to listen; made once.
    Snapshot,
}

impl StartMode {
    /// The name as it is written in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Snapshot => "snapshot",
        }
    }
}

/// The network of a guest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GuestNetwork {
    /// Its loopback only.
    #[default]
    None,
    /// An interface of its own that leads to the host and no further; takes root.
    Tap,
}

impl GuestNetwork {
    /// The name as it is written in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Tap => "tap",
        }
    }
}
