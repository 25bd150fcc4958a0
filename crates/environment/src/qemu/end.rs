//! The end of a guest: what it told before, and what is left of its program and files. Does not
//! know how it was started.

use std::path::PathBuf;
use std::time::Duration;

use weighbridge_experiment::{Ended, Resource};

use super::qmp::Qmp;
use super::{LISTENS_WITHIN, connect};
use crate::cgroup::CgroupTree;
use crate::error::EnvironmentError;
use crate::guest::GuestHost;
use crate::host_process;
use crate::last_words::last_words;
use crate::layout::{Layout, read_record};
use crate::process_identity::wait_until;
use crate::traces::{kill_processes, remove_remains};

const QUIT_WITHIN: Duration = Duration::from_secs(2);

pub(super) fn destroy(host: &GuestHost, resource: &Resource) -> Result<Ended, EnvironmentError> {
    let layout = Layout::of(resource)?;
    let tree = CgroupTree::detect();
    // What the guest told before it ended; a record that was cut short tells nothing.
    let told = read_record::<Ended>(&layout.ended()).ok().flatten();
    let mut child = host.children.take(&resource.instance);
    let status = child.as_mut().and_then(|child| child.try_wait().ok().flatten());
    if status.is_none() && host_process::agent(resource).is_ok() {
        quit(resource, &layout);
    }
    kill_processes(resource, &tree);
    if let Some(child) = &mut child {
        wait_until(LISTENS_WITHIN, || !matches!(child.try_wait(), Ok(None)));
    }
    let mut ended = told.unwrap_or_else(|| host_process::ended_with(status));
    // QEMU ends well whenever its guest restarts, which says nothing of the agent.
    ended.exit_code = ended.exit_code.filter(|code| *code != 0 || layout.ended().exists());
    ended.last_words = guest_words(&layout);
    remove_remains(resource, &tree)?;
    Ok(ended)
}

/// Asks QEMU to end, for a moment; whatever comes of it, it is killed after that.
fn quit(resource: &Resource, layout: &Layout) {
    if connect(layout).and_then(Qmp::quit).is_ok() {
        wait_until(QUIT_WITHIN, || host_process::agent(resource).is_err());
    }
}

/// What the agent wrote to its standard error; where it wrote nothing, the end of what QEMU
/// and the guest's kernel said.
fn guest_words(layout: &Layout) -> String {
    let of = |path: PathBuf| last_words(&path).unwrap_or_default();
    let agent = of(layout.stderr());
    if !agent.is_empty() {
        return agent;
    }
    let mut words = of(layout.monitor_log());
    let console = of(layout.console());
    if !console.is_empty() {
        let before = if words.is_empty() { "" } else { "\n" };
        words.push_str(&format!("{before}on the guest's console: {console}"));
    }
    words
}
