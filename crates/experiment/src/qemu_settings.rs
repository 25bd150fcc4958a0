//! What only a virtual machine has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ByteSize;

/// The settings of an environment of kind "qemu".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QemuSettings {
    /// Which machine.
    #[serde(default)]
    pub machine: QemuMachine,
    /// Whose processor.
    #[serde(default)]
    pub accel: Accelerator,
    /// A data disk; none unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskSettings>,
}

/// Which machine the guest finds itself in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum QemuMachine {
    /// A PC of today: firmware, ACPI, PCI.
    #[default]
    Q35,
    /// As little as a kernel needs; it must know virtio devices without PCI.
    Microvm,
}

impl QemuMachine {
    /// The name as it is written in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Q35 => "q35",
            Self::Microvm => "microvm",
        }
    }
}

/// Whose processor a guest runs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// The host's where a guest was seen to run on it, else one emulated in software.
    #[default]
    Auto,
    /// The host's, by KVM.
    Kvm,
    /// One that is emulated in software.
    Tcg,
}

/// A data disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskSettings {
    /// Its size, such as "6GiB".
    pub size: ByteSize,
    /// Whether the host's page cache stands between the guest and the disk; "none" unless
    /// given.
    #[serde(default)]
    pub cache: DiskCache,
}

/// What the host does with what a guest writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiskCache {
    /// Past the host's page cache (O_DIRECT).
    #[default]
    None,
    /// Through it.
    Writeback,
    /// Through it, and what the guest wants to have on the disk is not waited for.
    Unsafe,
}

impl DiskCache {
    /// The name as it is written in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Writeback => "writeback",
            Self::Unsafe => "unsafe",
        }
    }
}
