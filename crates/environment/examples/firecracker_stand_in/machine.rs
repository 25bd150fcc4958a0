//! The order in which Firecracker takes requests, and what it says to the others.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::guest::Guest;

const AFTER_START: &str = "The requested operation is not supported after starting the microVM.";
const BEFORE_START: &str = "The requested operation is not supported before starting the microVM.";

/// A Firecracker process.
#[derive(Default)]
pub(crate) struct Machine {
    boot_source: Option<Value>,
    memory_mebibytes: u64,
    sockets: Option<Value>,
    drives: Vec<String>,
    metrics: Option<String>,
    logger: bool,
    /// Something was asked that a snapshot would bring along.
    configured: bool,
    guest: Option<Guest>,
    paused: bool,
}

impl Machine {
    /// What the request is answered with, or Firecracker's words of refusal.
    pub(crate) fn handle(
        &mut self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Option<Value>, String> {
        match (method, path) {
            ("GET", "/") => return Ok(Some(self.information())),
            ("PUT", "/logger") => self.set_logger(body)?,
            ("PUT", "/metrics") => self.set_metrics(body)?,
            ("PUT", "/machine-config") => self.before_start(|machine| {
                let size = number(body, "mem_size_mib")?;
                let count = number(body, "vcpu_count")?;
                if !(1..=32).contains(&count) || size == 0 {
                    return Err("The vCPU number or the memory size is invalid.".to_owned());
                }
                machine.memory_mebibytes = size;
                Ok(())
            })?,
            ("PUT", "/boot-source") => self.before_start(|machine| {
                for name in ["kernel_image_path", "initrd_path"] {
                    let file = text(body, name)?;
                    File::open(&file).map_err(|error| {
                        format!("The kernel file cannot be opened: {file}: {error}")
                    })?;
                }
                machine.boot_source = Some(body.clone());
                Ok(())
            })?,
            ("PUT", "/vsock") => self.before_start(|machine| {
                if number(body, "guest_cid")? < 3 {
                    return Err("Invalid guest CID".to_owned());
                }
                machine.sockets = Some(body.clone());
                Ok(())
            })?,
            ("PUT", "/snapshot/load") => self.load(body)?,
            ("PUT", "/snapshot/create") => self.snapshot(body)?,
            ("PATCH", "/vm") => self.set_state(body)?,
            ("PUT", "/actions") => self.act(body)?,
            ("PUT", path) if path.starts_with("/drives/") => {
                self.before_start(|machine| {
                    same_name(path, "/drives/", body, "drive_id")?;
                    let file = text(body, "path_on_host")?;
                    File::options().read(true).write(true).open(&file).map_err(|error| {
                        format!("Unable to open the block device {file}: {error}")
                    })?;
                    machine.drives.push(file);
                    Ok(())
                })?;
            }
            ("PUT", path) if path.starts_with("/network-interfaces/") => {
                self.before_start(|_| {
                    same_name(path, "/network-interfaces/", body, "iface_id")?;
                    let name = text(body, "host_dev_name")?;
                    if !Path::new("/sys/class/net").join(&name).exists() {
                        return Err(format!("Open tap device failed: no interface {name}"));
                    }
                    Ok(())
                })?;
            }
            _ => return Err(format!("Invalid request method and/or path: {method} {path}.")),
        }
        Ok(None)
    }

    fn information(&self) -> Value {
        let state = match (&self.guest, self.paused) {
            (None, _) => "Not started",
            (Some(_), true) => "Paused",
            (Some(_), false) => "Running",
        };
        json!({ "app_name": "Firecracker", "id": "stand-in", "state": state, "vmm_version": "0.0.0-stand-in" })
    }

    fn before_start(
        &mut self,
        set: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        if self.guest.is_some() {
            return Err(AFTER_START.to_owned());
        }
        self.configured = true;
        set(self)
    }

    fn set_logger(&mut self, body: &Value) -> Result<(), String> {
        // It may be told again, also later.
        let path = text(body, "log_path")?;
        File::options().append(true).open(&path).map_err(|error| format!("{path}: {error}"))?;
        self.logger = true;
        Ok(())
    }

    fn set_metrics(&mut self, body: &Value) -> Result<(), String> {
        if self.guest.is_some() {
            return Err(AFTER_START.to_owned());
        }
        if self.metrics.is_some() {
            return Err("Reinitialization of metrics not allowed.".to_owned());
        }
        let path = text(body, "metrics_path")?;
        File::options().append(true).open(&path).map_err(|error| format!("{path}: {error}"))?;
        self.metrics = Some(path);
        Ok(())
    }

    fn act(&mut self, body: &Value) -> Result<(), String> {
        match text(body, "action_type")?.as_str() {
            "InstanceStart" => self.start(),
            "FlushMetrics" if self.guest.is_none() => Err(BEFORE_START.to_owned()),
            "FlushMetrics" => self.flush(),
            other => Err(format!("unknown variant `{other}`")),
        }
    }

    fn start(&mut self) -> Result<(), String> {
        if self.guest.is_some() {
            return Err(AFTER_START.to_owned());
        }
        let source =
            self.boot_source.clone().ok_or("Cannot start microvm without kernel configuration.")?;
        let sockets = self.sockets.as_ref().map(|body| text(body, "uds_path")).transpose()?;
        let guest = Guest::boot(&text(&source, "boot_args")?, sockets, !self.drives.is_empty())?;
        self.guest = Some(guest);
        self.paused = false;
        Ok(())
    }

    fn set_state(&mut self, body: &Value) -> Result<(), String> {
        let Some(guest) = &self.guest else { return Err(BEFORE_START.to_owned()) };
        self.paused = match text(body, "state")?.as_str() {
            "Paused" => true,
            "Resumed" => false,
            other => return Err(format!("unknown variant `{other}`")),
        };
        guest.set_paused(self.paused)
    }

    fn snapshot(&mut self, body: &Value) -> Result<(), String> {
        let Some(guest) = &self.guest else { return Err(BEFORE_START.to_owned()) };
        if !self.paused {
            return Err(
                "Cannot save the microVM state: save/restore unavailable while running".to_owned()
            );
        }
        // What came into the guest is in its memory.
        let mut launch = guest.launch().clone();
        launch["libraries"] = json!(0);
        let state = json!({ "launch": launch, "sockets": guest.sockets() });
        let write = |name: &str, content: String| {
            let path = text(body, name)?;
            fs::write(&path, content).map_err(|error| format!("{path}: {error}"))
        };
        write("snapshot_path", state.to_string())?;
        write("mem_file_path", "memory of the stand-in".to_owned())
    }

    fn load(&mut self, body: &Value) -> Result<(), String> {
        if self.guest.is_some() {
            return Err(AFTER_START.to_owned());
        }
        if self.configured {
            return Err(
                "Loading a microVM snapshot not allowed after configuring boot-specific resources."
                    .to_owned(),
            );
        }
        let path = text(body, "snapshot_path")?;
        let read = fs::read(&path).map_err(|error| format!("{path}: {error}"))?;
        let state: Value = serde_json::from_slice(&read).map_err(|error| error.to_string())?;
        let backend = &body["mem_backend"];
        let memory = text(backend, "backend_path")?;
        if text(backend, "backend_type")? != "File" || !Path::new(&memory).is_file() {
            return Err(format!("Cannot open the memory file {memory}"));
        }
        let sockets = state["sockets"].as_str().map(str::to_owned);
        self.guest = Some(Guest::boot_launch(state["launch"].clone(), sockets, false)?);
        self.paused = body["resume_vm"] != true;
        Ok(())
    }

    fn flush(&self) -> Result<(), String> {
        let path = self.metrics.as_ref().ok_or("Metrics are not initialized.")?;
        let line = json!({
            "utc_timestamp_ms": 0,
            "block": { "read_count": 1, "write_count": 2, "read_bytes": 512, "write_bytes": 1024 },
            "net": { "rx_bytes_count": 0, "rx_packets_count": 0, "tx_bytes_count": 0, "tx_packets_count": 0 },
        });
        let mut file =
            File::options().append(true).open(path).map_err(|error| error.to_string())?;
        writeln!(file, "{line}").map_err(|error| error.to_string())
    }
}

fn text(body: &Value, name: &str) -> Result<String, String> {
    let found = body[name].as_str().map(str::to_owned);
    found.ok_or_else(|| format!("missing field `{name}`"))
}

fn number(body: &Value, name: &str) -> Result<u64, String> {
    body[name].as_u64().ok_or_else(|| format!("missing field `{name}`"))
}

fn same_name(path: &str, prefix: &str, body: &Value, name: &str) -> Result<(), String> {
    if path.strip_prefix(prefix) == Some(text(body, name)?.as_str()) {
        return Ok(());
    }
    Err(format!("The {name} from the path and the body do not match!"))
}
