//! Starting from a snapshot: memory and state of a guest whose agent had just begun to listen.
//!
//! It is taken once for each Firecracker, kernel, image, size and set of libraries, and kept in
//! the store under the digest of all of them. Guests that start from one share its random
//! numbers, names and times, which a measurement can do with and a service could not.

use std::fs;
use std::path::{Path, PathBuf};

use weighbridge_experiment::Sha256Digest;

use super::api::Api;
use super::start::Guest;
use super::{FILE_WITHIN, calls};
use crate::cgroup::CgroupTree;
use crate::error::EnvironmentError;
use crate::file_digest::digest_of;
use crate::guest::{AGENT_VSOCK_PORT, GuestHost, vsock};
use crate::layout::place;
use crate::process_identity::wait_until;

/// Older ones are removed when another is made.
const KEPT: usize = 4;
const FILES: [&str; 2] = [calls::STATE, calls::MEMORY];

/// Starts the guest from its snapshot, which is made first where there is none.
pub(super) fn start(host: &GuestHost, guest: &mut Guest<'_>) -> Result<(), EnvironmentError> {
    let store = host.store.as_deref().ok_or(EnvironmentError::GuestKernel)?;
    let snapshots = store.join("snapshots");
    let directory = snapshots.join(key(guest)?.short());
    if !FILES.iter().all(|name| directory.join(name).is_file()) {
        take(host, guest, &directory)?;
        forget_old(&snapshots);
    }
    guest.furnish()?;
    for name in FILES {
        place(&directory.join(name), &guest.record.room, name.as_ref())?;
    }
    guest.run(host, &calls::restore())
}

/// Everything on which a snapshot depends.
fn key(guest: &Guest<'_>) -> Result<Sha256Digest, EnvironmentError> {
    let mut text = format!(
        "1\n{} {}\n{:?}\n",
        guest.record.processors, guest.record.memory_mebibytes, guest.launch
    );
    let files = [&guest.program.firecracker, &guest.kernel, &guest.image];
    for file in files.into_iter().chain(&guest.request.agent.libraries) {
        text.push_str(&format!("{}\n", digest_of(file)?));
    }
    Ok(Sha256Digest::of(text.as_bytes()))
}

/// Boots the guest, waits for its agent, and keeps what it has in memory. Its process ends.
fn take(host: &GuestHost, guest: &mut Guest<'_>, directory: &Path) -> Result<(), EnvironmentError> {
    guest.boot(host)?;
    guest.send_libraries()?;
    let failed = |reason: String| EnvironmentError::Firecracker {
        instance: guest.resource().instance.clone(),
        reason: format!("no snapshot could be made: {reason}"),
    };
    let room = guest.record.room.clone();
    // A port that answers is one on which the agent listens; it takes the next client, too.
    vsock::connect(&room.join(calls::GUEST_SOCKET), AGENT_VSOCK_PORT, FILE_WITHIN)
        .map_err(|error| failed(format!("its agent does not listen: {error}")))?;
    let api = Api::at(&room.join(calls::API_SOCKET));
    api.make(&calls::snapshot()).map_err(failed)?;
    end(host, guest)?;
    let partial = directory.with_extension(format!("partial-{}", std::process::id()));
    fs::create_dir_all(&partial).map_err(EnvironmentError::file("create directory", &partial))?;
    for name in FILES {
        place(&room.join(name), &partial, name.as_ref())?;
        let path = room.join(name);
        fs::remove_file(&path).map_err(EnvironmentError::file("remove", &path))?;
    }
    // Another process may have made the same one in the meantime.
    let _ = fs::remove_dir_all(directory);
    fs::rename(&partial, directory).map_err(EnvironmentError::file("rename to", directory))
}

/// Ends the process of the guest and takes away what the next one makes itself.
fn end(host: &GuestHost, guest: &Guest<'_>) -> Result<(), EnvironmentError> {
    let resource = guest.resource();
    if let Some(mut child) = host.children.take(&resource.instance) {
        // One that has ended already needs no end.
        let _ = child.kill();
        wait_until(super::WAITED_WITHIN, || !matches!(child.try_wait(), Ok(None)));
    }
    CgroupTree::detect().remove(&resource.instance)?;
    let room = &guest.record.room;
    for name in [calls::API_SOCKET, calls::GUEST_SOCKET, calls::KERNEL, calls::IMAGE] {
        // What is not there need not go.
        let _ = fs::remove_file(room.join(name));
    }
    if guest.record.jailed {
        // Its jailer makes the devices anew, and would stumble over them.
        let _ = fs::remove_dir_all(room.join("dev"));
        let name = guest.program.firecracker.file_name().unwrap_or_default();
        let _ = fs::remove_file(room.join(name));
    }
    Ok(())
}

/// A failure costs space, nothing else.
fn forget_old(snapshots: &Path) {
    let entries = fs::read_dir(snapshots).into_iter().flatten().flatten();
    let mut found: Vec<(std::time::SystemTime, PathBuf)> = entries
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    found.sort();
    let excess = found.len().saturating_sub(KEPT);
    for (_, path) in found.into_iter().take(excess) {
        let _ = fs::remove_dir_all(path);
    }
}
