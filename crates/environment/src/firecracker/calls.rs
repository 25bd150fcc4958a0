//! What Firecracker is told, as data: which request, on which path, with which body.
//!
//! After its published interface (Firecracker, `src/firecracker/swagger/firecracker.yaml`).
//! Every path in a body is relative to the guest's room, in which Firecracker runs or is locked
//! in. Does not send anything, and knows nothing of instances.

use hyper::Method;
use serde_json::{Value, json};
use weighbridge_experiment::DiskCache;

/// Files of the room.
pub(super) const KERNEL: &str = "vmlinux";
pub(super) const IMAGE: &str = "image.cpio";
pub(super) const DISK: &str = "disk.img";
pub(super) const LOG: &str = "firecracker.log";
pub(super) const METRICS: &str = "metrics.log";
pub(super) const API_SOCKET: &str = "api.sock";
pub(super) const GUEST_SOCKET: &str = "v.sock";
pub(super) const STATE: &str = "snapshot.state";
pub(super) const MEMORY: &str = "snapshot.memory";

/// Numbers below are the hypervisor's and the host's.
const GUEST_NUMBER: u32 = 3;

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) body: Value,
}

impl Call {
    fn put(path: &'static str, body: Value) -> Self {
        Self { method: Method::PUT, path, body }
    }
}

/// What a guest is made of.
pub(super) struct Machine<'a> {
    pub(super) processors: u32,
    pub(super) memory_mebibytes: u64,
    /// For the guest's first process.
    pub(super) launch_parameter: &'a str,
    pub(super) disk: Option<DiskCache>,
    /// The host's end of the guest's network.
    pub(super) tap: Option<&'a str>,
}

/// Where log and counters go. Allowed before anything else, and before a snapshot is loaded.
pub(super) fn keep_records() -> Vec<Call> {
    let log = json!({ "log_path": LOG, "level": "Warning", "show_level": true, "show_log_origin": false });
    vec![Call::put("/logger", log), Call::put("/metrics", json!({ "metrics_path": METRICS }))]
}

/// Everything from a fresh process to a guest that boots.
pub(super) fn boot(machine: &Machine<'_>) -> Vec<Call> {
    let mut calls = keep_records();
    calls.push(Call::put(
        "/machine-config",
        json!({
            "vcpu_count": machine.processors,
            "mem_size_mib": machine.memory_mebibytes,
            "smt": false,
            "track_dirty_pages": false,
        }),
    ));
    calls.push(Call::put(
        "/boot-source",
        json!({
            "kernel_image_path": KERNEL,
            "initrd_path": IMAGE,
            "boot_args": kernel_line(machine.launch_parameter),
        }),
    ));
    if let Some(cache) = machine.disk {
        calls.push(Call::put(
            "/drives/disk",
            json!({
                "drive_id": "disk",
                "path_on_host": DISK,
                "is_root_device": false,
                "is_read_only": false,
                "cache_type": cache_type(cache),
            }),
        ));
    }
    if let Some(tap) = machine.tap {
        calls.push(Call::put(
            "/network-interfaces/eth0",
            json!({ "iface_id": "eth0", "host_dev_name": tap }),
        ));
    }
    let sockets = json!({ "guest_cid": GUEST_NUMBER, "uds_path": GUEST_SOCKET });
    calls.push(Call::put("/vsock", sockets));
    calls.push(action("InstanceStart"));
    calls
}

/// From a fresh process to a guest that goes on where its snapshot was taken.
pub(super) fn restore() -> Vec<Call> {
    let mut calls = keep_records();
    calls.push(Call::put(
        "/snapshot/load",
        json!({
            "snapshot_path": STATE,
            "mem_backend": { "backend_type": "File", "backend_path": MEMORY },
            "resume_vm": true,
        }),
    ));
    calls
}

/// Takes a snapshot of a guest that runs.
pub(super) fn snapshot() -> Vec<Call> {
    let files = json!({ "snapshot_type": "Full", "snapshot_path": STATE, "mem_file_path": MEMORY });
    vec![set_running(false), Call::put("/snapshot/create", files)]
}

/// Stops the guest's processors, or lets them go on.
pub(super) fn set_running(running: bool) -> Call {
    let state = if running { "Resumed" } else { "Paused" };
    Call { method: Method::PATCH, path: "/vm", body: json!({ "state": state }) }
}

fn action(kind: &str) -> Call {
    Call::put("/actions", json!({ "action_type": kind }))
}

/// Firecracker always goes through the host's page cache; what it can leave out is to wait for
/// the disk.
const fn cache_type(cache: DiskCache) -> &'static str {
    match cache {
        DiskCache::Unsafe => "Unsafe",
        DiskCache::None | DiskCache::Writeback => "Writeback",
    }
}

/// What the kernel is told. A restart ends Firecracker, and so does a panic. There is no PCI
/// bus to look for, and of a keyboard only the line that restarts the machine.
fn kernel_line(launch_parameter: &str) -> String {
    format!(
        "console=ttyS0 quiet reboot=k panic=-1 pci=off nokaslr cryptomgr.notests i8042.noaux \
         i8042.nomux i8042.nopnp i8042.dumbkbd {launch_parameter}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(tap: Option<&'static str>) -> Machine<'static> {
        Machine {
            processors: 2,
            memory_mebibytes: 512,
            launch_parameter: "weighbridge.launch=7b7d",
            disk: tap.is_some().then_some(DiskCache::Unsafe),
            tap,
        }
    }

    /// What is wrong with a call, by Firecracker's description of its interface.
    fn problem(call: &Call) -> Option<String> {
        let all: Value = serde_json::from_str(include_str!("requests.schema.json")).unwrap();
        let name = format!("{} {}", call.method, call.path);
        let Some(schema) = all.get(&name) else { return Some(format!("{name} is not described")) };
        let validator = jsonschema::validator_for(schema).unwrap();
        validator.validate(&call.body).err().map(|error| format!("{name}: {error}"))
    }

    #[test]
    fn every_request_is_one_of_the_published_interface() {
        let calls = [
            boot(&machine(None)),
            boot(&machine(Some("wb0123456789ab"))),
            restore(),
            snapshot(),
            vec![set_running(true)],
        ]
        .concat();
        assert_eq!(calls.iter().filter_map(problem).collect::<Vec<_>>(), Vec::<String>::new());
    }

    #[test]
    fn a_wrong_word_a_wrong_value_and_a_wrong_path_are_found() {
        let wrong = [
            Call::put("/metrics", json!({ "metrics_path": "m", "level": "Info" })),
            Call::put("/machine-config", json!({ "vcpu_count": 0, "mem_size_mib": 128 })),
            Call::put("/actions", json!({ "action_type": "Start" })),
            Call::put("/snapshot/load", json!({ "snapshot_path": "s", "mem_file_path": "m" })),
            Call::put("/machine", json!({})),
        ];
        assert_eq!(wrong.iter().filter_map(problem).count(), wrong.len());
    }

    #[test]
    fn records_come_first_and_the_start_last() {
        let paths = |calls: Vec<Call>| calls.iter().map(|call| call.path).collect::<Vec<_>>();
        let small =
            ["/logger", "/metrics", "/machine-config", "/boot-source", "/vsock", "/actions"];
        assert_eq!(paths(boot(&machine(None))), small);
        assert_eq!(paths(boot(&machine(Some("wb0")))).len(), small.len() + 2);
        // Anything else before it, and Firecracker loads no snapshot.
        assert_eq!(paths(restore()), ["/logger", "/metrics", "/snapshot/load"]);
        assert_eq!(paths(snapshot()), ["/vm", "/snapshot/create"]);
    }

    #[test]
    fn the_kernel_ends_firecracker_with_itself() {
        let line = kernel_line("weighbridge.launch=7b7d");
        for word in ["reboot=k", "panic=-1", "console=ttyS0", "weighbridge.launch=7b7d"] {
            assert!(line.split(' ').any(|found| found == word), "{word} in {line}");
        }
    }
}
