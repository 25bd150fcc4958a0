//! What a guest was given, and what Firecracker and the host say of it. What the guest sees
//! itself (its processor, flags, kernel) the agent tells from inside.

use weighbridge_experiment::{Fact, HostFacts, Resource};

use super::api::Api;
use super::{calls, record};
use crate::guest;

const RECORD: &str = "what the guest was started with";
const API: &str = "GET / of Firecracker";

pub(super) fn facts(resource: &Resource) -> HostFacts {
    guest::facts(resource, "firecracker environment", given(resource), told(resource))
}

fn given(resource: &Resource) -> Vec<Fact> {
    let names = [
        "guest_machine",
        "guest_kernel",
        "guest_cpus",
        "guest_memory_bytes",
        "guest_image_bytes",
        "guest_start",
        "guest_network",
        "jailer",
    ];
    match record::of(resource) {
        Ok(record) => {
            let network = match record.network {
                Some(given) => {
                    let [a, b, c, d] = given.address;
                    format!("tap, {a}.{b}.{c}.{d}")
                }
                None => "none".to_owned(),
            };
            let values = [
                "firecracker".to_owned(),
                record.kernel,
                record.processors.to_string(),
                (record.memory_mebibytes << 20).to_string(),
                record.image_bytes.to_string(),
                record.start.as_str().to_owned(),
                network,
                if record.jailed { "yes" } else { "no" }.to_owned(),
            ];
            names.into_iter().zip(values).map(|(n, v)| Fact::known(n, v, RECORD)).collect()
        }
        Err(error) => {
            let reason = error.chain();
            names.into_iter().map(|name| Fact::missing(name, reason.as_str(), RECORD)).collect()
        }
    }
}

fn told(resource: &Resource) -> Vec<Fact> {
    let asked = record::of(resource)
        .map_err(|error| error.chain())
        .and_then(|record| Api::at(&record.room.join(calls::API_SOCKET)).information());
    match asked {
        Ok(information) => vec![
            Fact::known("runtime", format!("Firecracker {}", information.vmm_version), API),
            Fact::known("accelerator", "kvm", "Firecracker has no other"),
        ],
        Err(reason) => ["runtime", "accelerator"]
            .into_iter()
            .map(|name| Fact::missing(name, reason.as_str(), API))
            .collect(),
    }
}
