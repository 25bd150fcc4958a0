//! The data disk of a guest: a file of the instance with an empty ext4 file system.
//!
//! It is made by `mke2fs` of the host, since a guest of ours has no such program. Its blocks
//! are given out when they are written.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use weighbridge_experiment::{ByteSize, InstanceId};

use crate::error::EnvironmentError;
use crate::programs;

/// Makes the disk.
pub(crate) fn make(
    instance: &InstanceId,
    path: &Path,
    size: ByteSize,
) -> Result<(), EnvironmentError> {
    let failed =
        |reason: String| EnvironmentError::GuestDisk { instance: instance.clone(), reason };
    let file = File::create(path).map_err(EnvironmentError::file("create", path))?;
    file.set_len(size.bytes()).map_err(EnvironmentError::file("enlarge", path))?;
    drop(file);
    let program = programs::find("mke2fs")
        .ok_or_else(|| failed("mke2fs is not installed; `apt-get install e2fsprogs`".to_owned()))?;
    let output = Command::new(&program)
        // Nothing is left for the guest's kernel to finish while it is measured.
        .args(["-q", "-F", "-t", "ext4", "-m", "0", "-E"])
        .arg("lazy_itable_init=0,lazy_journal_init=0,nodiscard")
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| EnvironmentError::Spawn { executable: program, source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(format!("mke2fs ended with {}: {}", output.status, said.trim())))
}
