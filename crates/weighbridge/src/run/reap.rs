//! What killed runs left on this host is removed before anything else is done.

use weighbridge_environment::ProcessIdentity;
use weighbridge_registry::{Journal, JournalEntry, Owner};

use super::Host;

/// Destroys every journaled instance whose process is gone, and what killed probes left, and
/// returns their names.
pub(crate) async fn reap(host: &Host) -> anyhow::Result<Vec<String>> {
    let mut removed = weighbridge_environment::reap_probes().await?;
    for entry in host.registry.outstanding().await? {
        if is_alive(&entry.owner) {
            continue;
        }
        remove(host, &entry).await?;
        removed.push(entry.resource.instance.0);
    }
    Ok(removed)
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
