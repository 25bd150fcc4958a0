//! The process that makes and watches over one container.
//!
//! The container library clones its caller, which is unsound in a process with several
//! threads. So each container gets a small process of its own: this executable again, with
//! hidden arguments, before it starts any thread. It reports on standard output when the
//! container runs, waits for its end, and removes it at once when standard input closes,
//! that is when the process that wanted the container is gone or has let go of it.
//! It does not know who that is, nor what the container does.

use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, setsid, waitpid};
use serde::{Deserialize, Serialize};
use weighbridge_experiment::Ended;

use super::runtime::{self, Started};
use crate::cgroup::CgroupTree;
use crate::layout::{LaunchRecord, Layout, read_record, write_record};
use crate::process_identity::{ProcessIdentity, signal_process};

/// First of the hidden arguments; the second is `--directory`, the third the directory.
pub const MONITOR_COMMAND: &str = "container-monitor";

const KILLED_WITHIN: Duration = Duration::from_secs(5);
const DYING_FOR: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// The one line that a monitor writes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    /// The first process runs; by which runtime.
    Started { runtime: String },
    /// It does not, for this reason.
    Failed { reason: String },
}

/// The instance's directory, if these are the arguments of a monitor: `container-monitor
/// --directory DIRECTORY`, without the name of the executable.
#[must_use]
pub fn monitor_directory(arguments: &[std::ffi::OsString]) -> Option<PathBuf> {
    match arguments {
        [command, option, directory] if command == MONITOR_COMMAND && option == "--directory" => {
            Some(directory.into())
        }
        _ => None,
    }
}

/// Makes the container whose instance lies in `directory`, and stays until it has ended or
/// standard input closes. `main` must call this before it starts any thread.
#[must_use]
pub fn container_monitor(directory: &Path) -> ExitCode {
    // A session of its own keeps Ctrl-C and a closed terminal away from the clean-up.
    let _ = setsid();
    let layout = Layout { directory: directory.to_owned() };
    match watch(&layout) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            report(&Report::Failed { reason });
            ExitCode::FAILURE
        }
    }
}

/// A reader that is gone shows as the end of standard input, so this error says no more.
fn report(report: &Report) {
    if let Ok(mut line) = serde_json::to_vec(report) {
        line.push(b'\n');
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(&line).and_then(|()| stdout.flush());
    }
}

fn watch(layout: &Layout) -> Result<(), String> {
    let me = ProcessIdentity::of(std::process::id()).ok_or("cannot read /proc/self/stat")?;
    write_record(&layout.monitor_identity(), &me).map_err(|error| error.chain())?;
    let launch: LaunchRecord = read_record(&layout.launch())
        .map_err(|error| error.chain())?
        .ok_or("its launch record is missing")?;
    let tree = CgroupTree::detect();
    if let Some(End::LetGo) = next_end(None, Timespec::default()) {
        return Err("it was let go of before it began".into());
    }
    let started = runtime::start(layout, &launch).and_then(|started| {
        // A number without a process would leave nothing to watch.
        let number = i32::try_from(started.process).ok().and_then(Pid::from_raw);
        let watched = started.between.as_ref().map_or(number, |runc| Some(child_pid(runc)));
        let watched = watched.ok_or("the runtime named no process")?;
        let handle = pidfd_open(watched, PidfdFlags::empty()).map_err(|error| error.to_string())?;
        Ok((started, watched, handle))
    });
    let (mut started, watched, handle) = match started {
        Ok(started) => started,
        Err(reason) => {
            tree.kill(&launch.instance, KILLED_WITHIN);
            let _ = tree.remove(&launch.instance);
            return Err(reason);
        }
    };
    // A container that ended at once has no identity any more, but it has an exit code.
    if let Some(identity) = ProcessIdentity::of(started.process) {
        write_record(&layout.agent_identity(), &identity).map_err(|error| error.chain())?;
    }
    report(&Report::Started { runtime: started.runtime.to_owned() });

    let by_itself = matches!(next_end(Some(&handle), None), Some(End::ByItself))
        || ended_within(&handle, DYING_FOR);
    if !by_itself {
        signal_process(started.process, Signal::KILL);
        tree.kill(&launch.instance, KILLED_WITHIN);
    }
    let mut ended = collect(watched, &mut started, by_itself);
    ended.oom_kills = tree.oom_kills(&launch.instance);
    tree.kill(&launch.instance, KILLED_WITHIN);
    write_record(&layout.ended(), &ended).map_err(|error| error.chain())?;
    tree.remove(&launch.instance).map_err(|error| error.chain())
}

fn child_pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// What a monitor waits for.
enum End {
    /// The watched process ended.
    ByItself,
    /// Standard input closed, or nothing can be watched any more.
    LetGo,
}

/// Which end came first; `None` if neither came within the limit.
fn next_end(handle: Option<&OwnedFd>, limit: impl Into<Option<Timespec>>) -> Option<End> {
    let stdin = std::io::stdin();
    let limit = limit.into();
    loop {
        // No event asked: the end of a pipe is always told.
        let mut events = vec![PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::empty())];
        events.extend(handle.map(|handle| PollFd::new(handle, PollFlags::IN)));
        match poll(&mut events, limit.as_ref()) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            // Without poll there is no watching: end the container rather than lose it.
            Err(_) => return Some(End::LetGo),
        }
        // Both at once: a process that ended has an exit code worth telling.
        if events.get(1).is_some_and(|event| !event.revents().is_empty()) {
            return Some(End::ByItself);
        }
        return Some(End::LetGo);
    }
}

/// Whether the watched process ends by itself within a moment. One that the kernel kills
/// closes its connections first and can be waited for only after that: who lost the
/// connection may let go of the container in between.
fn ended_within(handle: &OwnedFd, limit: Timespec) -> bool {
    let mut events = [PollFd::new(handle, PollFlags::IN)];
    matches!(poll(&mut events, Some(&limit)), Ok(1..))
}

/// Waits for the watched child and, if it ended by itself, tells how.
fn collect(watched: Pid, started: &mut Started, by_itself: bool) -> Ended {
    let (code, signal) = match &mut started.between {
        Some(runc) => {
            let code = runc.wait().ok().and_then(|status| status.code());
            // runc passes a signal on as 128 and its number, like a shell.
            match code {
                Some(code) if code > 128 => (None, Some(code - 128)),
                other => (other, None),
            }
        }
        None => match waitpid(Some(watched), WaitOptions::empty()) {
            Ok(Some((_, status))) => (status.exit_status(), status.terminating_signal()),
            _ => (None, None),
        },
    };
    if by_itself { Ended { exit_code: code, signal, ..Ended::default() } } else { Ended::default() }
}
