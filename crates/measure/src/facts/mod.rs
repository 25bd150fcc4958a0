//! Placeholder until the facts follow.
use weighbridge_experiment::HostFacts;

use crate::Roots;

/// The facts of this host, or of the guest or container in which this is called.
#[must_use]
pub fn host_facts() -> HostFacts {
    host_facts_at(&Roots::default())
}

/// The same on other mount points.
#[must_use]
pub fn host_facts_at(_roots: &Roots) -> HostFacts {
    HostFacts::default()
}
