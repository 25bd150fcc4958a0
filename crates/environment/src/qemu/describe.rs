//! What a guest was given, and what QEMU and the host say of it. What the guest sees itself
//! (its processor, flags, kernel) the agent tells from inside.

use weighbridge_experiment::{Fact, HostFacts, Resource};

use super::{connect, guest_record};
use crate::guest;
use crate::layout::Layout;

const RECORD: &str = "what the guest was started with";
const QMP: &str = "QMP";

pub(super) fn facts(resource: &Resource) -> HostFacts {
    guest::facts(resource, "qemu environment", given(resource), told_by_qemu(resource))
}

fn given(resource: &Resource) -> Vec<Fact> {
    let record = Layout::of(resource).and_then(|layout| super::guest_record(resource, &layout));
    let names =
        ["guest_machine", "guest_kernel", "guest_cpus", "guest_memory_bytes", "guest_image_bytes"];
    match record {
        Ok(guest_record::GuestRecord {
            machine,
            kernel,
            processors,
            memory_mebibytes,
            image_bytes,
            ..
        }) => {
            let values = [
                machine.as_str().to_owned(),
                kernel,
                processors.to_string(),
                (memory_mebibytes << 20).to_string(),
                image_bytes.to_string(),
            ];
            names.into_iter().zip(values).map(|(n, v)| Fact::known(n, v, RECORD)).collect()
        }
        Err(error) => {
            let reason = error.chain();
            names.into_iter().map(|name| Fact::missing(name, reason.as_str(), RECORD)).collect()
        }
    }
}

fn told_by_qemu(resource: &Resource) -> Vec<Fact> {
    let names = ["runtime", "accelerator", "guest_cpu_threads"];
    let asked = Layout::of(resource).map_err(|error| error.chain()).and_then(|layout| {
        connect(&layout)
            .and_then(|mut qmp| Ok((qmp.version(), qmp.kvm()?, qmp.processors()?)))
            .map_err(|error| error.to_string())
    });
    match asked {
        Ok((version, kvm, processors)) => {
            let threads: Vec<_> = processors.iter().map(|p| p.thread_id.to_string()).collect();
            let accelerator = if kvm.enabled { "kvm" } else { "tcg (emulated)" };
            let values = [format!("QEMU {version}"), accelerator.to_owned(), threads.join(" ")];
            names.into_iter().zip(values).map(|(n, v)| Fact::known(n, v, QMP)).collect()
        }
        Err(reason) => {
            names.into_iter().map(|name| Fact::missing(name, reason.as_str(), QMP)).collect()
        }
    }
}
