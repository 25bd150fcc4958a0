//! What every environment of guests keeps on the host, and asks of it. Does not know which
//! virtual machine boots them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use weighbridge_experiment::{Fact, HostFacts, Resource};

use super::{Images, Kernel};
use crate::blocking::blocking;
use crate::cgroup::CgroupTree;
use crate::error::EnvironmentError;
use crate::facts::{
    collected, host_processor, missing_cgroup_facts, own_cgroup_facts, process_facts,
};
use crate::host_process::{self, Children};
use crate::layout::Layout;

/// What an environment of guests and its threads share.
#[derive(Debug)]
pub(crate) struct GuestHost {
    /// Where the prepared kernel lies; `None` where instances are only looked after.
    pub(crate) store: Option<PathBuf>,
    /// What a probe runs in a guest.
    pub(crate) executable: PathBuf,
    pub(crate) images: Images,
    pub(crate) children: Children,
}

impl GuestHost {
    pub(crate) fn new(store: Option<PathBuf>, executable: PathBuf) -> Arc<Self> {
        let (images, children) = (Images::default(), Children::default());
        Arc::new(Self { store, executable, images, children })
    }

    /// The store and the kernel in it that guests boot.
    pub(crate) fn kernel(&self) -> Result<(&Path, Kernel), EnvironmentError> {
        let store = self.store.as_deref().ok_or(EnvironmentError::GuestKernel)?;
        let kernel = Kernel::in_use(store)?.filter(|kernel| kernel.is_whole(store));
        Ok((store, kernel.ok_or(EnvironmentError::GuestKernel)?))
    }

    /// Whether the hypervisor's process runs.
    pub(crate) fn runs(&self, resource: &Resource) -> bool {
        // A child that has ended stays in the process table until somebody asks for it.
        self.children.has_ended(&resource.instance) != Some(true)
            && host_process::agent(resource).is_ok()
    }

    /// Work that waits, away from the threads that must not.
    pub(crate) async fn on_thread<T: Send + 'static>(
        self: &Arc<Self>,
        resource: &Resource,
        work: impl FnOnce(&Self, &Resource) -> Result<T, EnvironmentError> + Send + 'static,
    ) -> Result<T, EnvironmentError> {
        let (host, resource) = (Arc::clone(self), resource.clone());
        blocking(move || work(&host, &resource)).await
    }
}

/// The facts of a guest: what it was given, what its hypervisor told, and what the host says
/// of the hypervisor's process. `source` is the environment that has no root file system.
pub(crate) fn facts(
    resource: &Resource,
    source: &str,
    given: Vec<Fact>,
    told: Vec<Fact>,
) -> HostFacts {
    let limits = match Layout::of(resource).map(|layout| host_process::unlimited_reason(&layout)) {
        Ok(None) => own_cgroup_facts(&CgroupTree::detect(), &resource.instance),
        Ok(Some(reason)) => missing_cgroup_facts(&reason),
        Err(error) => missing_cgroup_facts(&error.chain()),
    };
    let process = host_process::agent(resource).map(|identity| identity.process);
    let rootfs = Fact::missing("rootfs_bytes", "a guest has its image", source);
    collected(vec![given, told, vec![host_processor(), rootfs], limits, process_facts(process)])
}
