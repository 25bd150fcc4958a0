//! Boots a real guest once, to say whether Firecracker works here: neither that the program is
//! there nor that `/dev/kvm` opens proves that a guest gets to run anything.

use std::time::Duration;

use weighbridge_experiment::{
    Availability, Ended, EnvironmentKind, EnvironmentSettings, FirecrackerSettings, GuestNetwork,
    StartMode,
};

use super::program::Program;
use super::start::{Guest, kernel};
use super::{destroy, ended_in};
use crate::error::EnvironmentError;
use crate::guest::GuestHost;
use crate::last_words::{console_says, last_words};
use crate::layout::Layout;
use crate::probe_instance::{probe_request, probe_resource};
use crate::process_identity::wait_until;
use crate::traces;

/// A guest of KVM is there within a second, if at all.
const ENDED_WITHIN: Duration = Duration::from_secs(15);

const INSTALL: &str = "binary = \"PATH\" in [environment.firecracker]";
const PREPARE: &str = "weighbridge env prepare firecracker";

pub(super) fn probe(host: &GuestHost, settings: &FirecrackerSettings) -> Availability {
    let program = match Program::find(settings) {
        Ok(program) => program,
        Err(error) => return unavailable(error.chain(), Some(INSTALL)),
    };
    let version = match program.version() {
        Ok(version) => version,
        Err(error) => return unavailable(error.chain(), Some(INSTALL)),
    };
    let release = match kernel(host, settings) {
        Ok((kernel, _)) => kernel.release,
        Err(error) => return unavailable(error.chain(), Some(PREPARE)),
    };
    match boots(host, settings) {
        Ok(()) => Availability {
            available: true,
            emulated: false,
            version: Some(format!("{version}, Linux {release}")),
            reason: program
                .jailer
                .is_none()
                .then(|| "without its jailer: Firecracker runs with this user's rights".to_owned()),
            enable: None,
        },
        Err(reason) => unavailable(format!("{version}: no guest boots: {reason}"), None),
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

/// Whether a guest runs the agent's executable to its end; the error is what it said last.
fn boots(host: &GuestHost, settings: &FirecrackerSettings) -> Result<(), String> {
    let resource = probe_resource(EnvironmentKind::Firecracker, None);
    let chain = |error: EnvironmentError| error.chain();
    // A data disk and a snapshot are not tried: where a guest boots they work.
    let settings = FirecrackerSettings { disk: None, start: StartMode::Boot, ..settings.clone() };
    let settings = FirecrackerSettings { network: GuestNetwork::None, ..settings };
    let settings = EnvironmentSettings::Firecracker(settings);
    let request = probe_request(&resource, (&host.executable, &[]), None, settings)?;
    let layout = Layout::of(&resource).map_err(chain)?;
    let guest = Guest::decided(host, &request, vec!["--version".into()], false).map_err(chain)?;
    guest.made(host, |guest| guest.boot(host)).map_err(chain)?;
    let told = || ended_in(&last_words(&layout.console()).unwrap_or_default());
    let over = wait_until(ENDED_WITHIN, || told().0.is_some() || !host.runs(&resource));
    let (ended, said) = told();
    destroy(host, &resource).map_err(chain)?;
    let left = traces::traces(&resource);
    if !left.is_empty() {
        let list: Vec<_> = left.iter().map(ToString::to_string).collect();
        return Err(format!("a guest was removed but left {}", list.join(", ")));
    }
    let last = console_says(&said);
    match ended {
        Some(Ended { exit_code: Some(0), .. }) => Ok(()),
        Some(ended) => Err(format!("the agent's executable ended with {ended:?} inside; {last}")),
        None if over => Err(format!("it ended before the agent's executable ran; {last}")),
        None => Err(format!(
            "it did not get to run the agent's executable within {} s; {last}",
            ENDED_WITHIN.as_secs()
        )),
    }
}
