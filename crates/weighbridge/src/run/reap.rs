//! What killed runs left on this host is removed before anything else is done.

use weighbridge_environment::ProcessIdentity;
use weighbridge_registry::{Journal, JournalEntry, Owner};

use super::Host;

/// What became of that which killed runs left.
#[derive(Debug, Default)]
pub(crate) struct Reaped {
    /// Names of what is gone now.
    pub(crate) removed: Vec<String>,
    /// What lies where it cannot be reached at present: its name, and why.
    pub(crate) remaining: Vec<(String, anyhow::Error)>,
}

/// Destroys every journaled instance whose process is gone, and what killed probes left.
///
/// What lies on this host must go, or this fails: it would disturb the next measurement. What
/// a daemon or another host keeps must not stop every later run while that is not there.
pub(crate) async fn reap(host: &Host) -> anyhow::Result<Reaped> {
    let mut reaped =
        Reaped { removed: weighbridge_environment::reap_probes().await?, remaining: Vec::new() };
    for entry in host.registry.outstanding().await? {
        if is_alive(&entry.owner) {
            continue;
        }
        let elsewhere = entry.resource.locator.is_some();
        match remove(host, &entry).await {
            Ok(()) => reaped.removed.push(entry.resource.instance.0),
            Err(error) if elsewhere => {
                reaped.remaining.push((entry.resource.instance.0, error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(reaped)
}

async fn remove(host: &Host, entry: &JournalEntry) -> anyhow::Result<()> {
    let environment = host.environment(entry.resource.kind);
    weighbridge_environment::reap(&*environment, &entry.resource).await?;
    host.registry.gone(entry.id).await?;
    Ok(())
}

/// Another run on this host may be at work: what belongs to it is not ours to remove.
fn is_alive(owner: &Owner) -> bool {
    let identity = ProcessIdentity {
        process: owner.process,
        start_ticks: owner.process_start_ticks,
        boot: owner.boot_id.clone(),
    };
    identity.is_running()
}
