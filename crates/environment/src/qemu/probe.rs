//! Boots a real guest once, to say whether virtual machines work here and how.
//!
//! That `/dev/kvm` opens proves nothing: on some hosts no guest gets past its first
//! instructions. So a guest has to run the agent's executable to its end, with KVM and, where
//! that fails, emulated.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use weighbridge_experiment::{
    Accelerator, Availability, Ended, EnvironmentKind, EnvironmentSettings, QemuMachine,
    QemuSettings,
};

use super::{destroy, find_qemu, launch_of, settings_of, start};
use crate::error::EnvironmentError;
use crate::guest::{GuestHost, GuestLaunch};
use crate::last_words::{console_says, last_words};
use crate::layout::{Layout, read_record, write_record};
use crate::probe_instance::{probe_request, probe_resource};
use crate::process_identity::wait_until;
use crate::traces;

/// A guest of KVM is there within a second or two, if at all.
const KVM_ENDED_WITHIN: Duration = Duration::from_secs(15);
/// An emulated one takes a few seconds; this is for a host that is out of breath.
const EMULATED_ENDED_WITHIN: Duration = Duration::from_secs(90);

/// Why KVM cannot be used with a machine, found in one boot of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KvmAnswer {
    boot: String,
    machine: QemuMachine,
    refused: Option<String>,
}

pub(super) fn probe(host: &GuestHost, settings: &EnvironmentSettings) -> Availability {
    let settings = settings_of(settings);
    let qemu = match find_qemu() {
        Ok(qemu) => qemu,
        Err(error) => return unavailable(error.chain(), Some("apt-get install qemu-system-x86")),
    };
    let version = match host.kernel() {
        Ok((_, kernel)) => format!("{}, Linux {}", qemu_version(&qemu), kernel.release),
        Err(error) => return unavailable(error.chain(), Some("weighbridge env prepare qemu")),
    };
    let kvm = match settings.accel {
        Accelerator::Tcg => Some("emulation was asked for".to_owned()),
        Accelerator::Auto | Accelerator::Kvm => ask_kvm(host, settings.machine),
    };
    let Some(without) = kvm else {
        return available(format!("{version}, KVM"), None);
    };
    if settings.accel == Accelerator::Kvm {
        return unavailable(format!("KVM was asked for: {without}"), None);
    }
    match boots(host, settings.machine, false) {
        Ok(()) => available(format!("{version}, emulated (TCG)"), Some(without)),
        Err(reason) => {
            unavailable(format!("without KVM ({without}), and emulated: {reason}"), None)
        }
    }
}

fn available(version: String, emulated: Option<String>) -> Availability {
    Availability {
        available: true,
        emulated: emulated.is_some(),
        version: Some(version),
        reason: emulated.map(|why| format!("the processor is emulated in software: {why}")),
        enable: None,
    }
}

/// The answer where the probe failed.
pub(super) fn unavailable(reason: String, enable: Option<&str>) -> Availability {
    Availability {
        available: false,
        emulated: false,
        version: None,
        reason: Some(reason),
        enable: enable.map(str::to_owned),
    }
}

/// As `qemu-system-x86_64 --version` says; its name alone where it does not.
fn qemu_version(qemu: &Path) -> String {
    let output = std::process::Command::new(qemu).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    version_in(&text.unwrap_or_default()).unwrap_or_else(|| "QEMU".to_owned())
}

fn version_in(text: &str) -> Option<String> {
    let number = text.lines().next()?.split("version ").nth(1)?.split_whitespace().next()?;
    Some(format!("QEMU {number}"))
}

/// Whether guests are to run on KVM, as asked and as the last probe of this boot found; a
/// first one is made where there was none.
pub(super) fn use_kvm(host: &GuestHost, settings: &QemuSettings) -> Result<bool, EnvironmentError> {
    if settings.accel == Accelerator::Tcg {
        return Ok(false);
    }
    let known = remembered(host, settings.machine);
    match known.unwrap_or_else(|| ask_kvm(host, settings.machine)) {
        None => Ok(true),
        Some(_) if settings.accel == Accelerator::Auto => Ok(false),
        Some(reason) => Err(EnvironmentError::Kvm { reason }),
    }
}

/// Tries KVM and remembers the answer: `None` where a guest ran, else why not.
fn ask_kvm(host: &GuestHost, machine: QemuMachine) -> Option<String> {
    let refused = match fs::File::options().read(true).write(true).open("/dev/kvm") {
        Err(error) => Some(format!("/dev/kvm: {error}")),
        Ok(_) => boots(host, machine, true).err().map(|why| format!("a guest of KVM: {why}")),
    };
    if let (Some(path), Some(boot)) = (answer_file(host, machine), boot()) {
        // A failure to remember it costs another probe, nothing else.
        let _ = write_record(&path, &KvmAnswer { boot, machine, refused: refused.clone() });
    }
    refused
}

fn remembered(host: &GuestHost, machine: QemuMachine) -> Option<Option<String>> {
    let answer: KvmAnswer = read_record(&answer_file(host, machine)?).ok().flatten()?;
    (Some(&answer.boot) == boot().as_ref()).then_some(answer.refused)
}

fn answer_file(host: &GuestHost, machine: QemuMachine) -> Option<std::path::PathBuf> {
    Some(host.store.as_ref()?.join(format!("kvm-{}.json", machine.as_str())))
}

fn boot() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned())
}

/// Whether a guest runs the agent's executable to its end; the error is what it said last.
fn boots(host: &GuestHost, machine: QemuMachine, kvm: bool) -> Result<(), String> {
    let resource = probe_resource(EnvironmentKind::Qemu, None);
    let chain = |error: EnvironmentError| error.chain();
    let settings = QemuSettings { machine, ..QemuSettings::default() };
    let launch = GuestLaunch { arguments: vec!["--version".into()], ..launch_of(&settings) };
    let settings = EnvironmentSettings::Qemu(settings);
    let request = probe_request(&resource, (&host.executable, &[]), None, settings)?;
    start(host, &request, &launch, kvm).map_err(chain)?;
    let layout = Layout::of(&resource).map_err(chain)?;
    let limit = if kvm { KVM_ENDED_WITHIN } else { EMULATED_ENDED_WITHIN };
    let told = || read_record::<Ended>(&layout.ended()).ok().flatten();
    let over = wait_until(limit, || told().is_some() || !host.runs(&resource));
    let ended = told();
    let console = last_words(&layout.console()).unwrap_or_default();
    destroy(host, &resource).map_err(chain)?;
    let left = traces::traces(&resource);
    if !left.is_empty() {
        let list: Vec<_> = left.iter().map(ToString::to_string).collect();
        return Err(format!("a guest was removed but left {}", list.join(", ")));
    }
    match ended {
        Some(Ended { exit_code: Some(0), .. }) => Ok(()),
        Some(ended) => Err(format!("the agent's executable ended with {ended:?} inside")),
        None => {
            let how = if over {
                "it ended before the agent's executable ran".to_owned()
            } else {
                format!("it did not get to run the agent's executable within {} s", limit.as_secs())
            };
            Err(format!("{how}; {}", console_says(&console)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_number_alone() {
        let text = "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\nCopyright\n";
        assert_eq!(version_in(text).as_deref(), Some("QEMU 7.2.22"));
        assert_eq!(version_in("who knows"), None);
    }
}
