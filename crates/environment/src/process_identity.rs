//! Naming a process so that a reused number is never mistaken for it.
//!
//! The kernel reuses process numbers, so a number in a file says nothing after a crash. A
//! number together with its start time and the boot it belongs to names one process ever.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// One process of this or an earlier boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Its number as the host counts.
    pub process: u32,
    /// Clock ticks after boot at which it started: field 22 of `/proc/PID/stat`.
    pub start_ticks: u64,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot: String,
}

/// The fields of `/proc/PID/stat` that are used here (proc_pid_stat(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProcessStat {
    /// `R`, `S`, `T`, `Z` …
    pub(crate) state: char,
    pub(crate) parent: u32,
    pub(crate) terminal: i64,
    pub(crate) start_ticks: u64,
}

impl ProcessStat {
    /// Reads one line of `/proc/PID/stat`. The command name may hold spaces and brackets,
    /// so the fields are counted from the last `)`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            terminal: fields.get(4)?.parse().ok()?,
            start_ticks: fields.get(19)?.parse().ok()?,
        })
    }

    pub(crate) fn of(process: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
    }

    /// A zombie has no memory, files or threads left; only its parent still counts it.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

fn boot_id() -> Option<String> {
    Some(fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned())
}

impl ProcessIdentity {
    /// The identity of a process that exists now.
    #[must_use]
    pub fn of(process: u32) -> Option<Self> {
        let stat = ProcessStat::of(process)?;
        Some(Self { process, start_ticks: stat.start_ticks, boot: boot_id()? })
    }

    /// Whether this very process still runs (a zombie does not).
    #[must_use]
    pub fn is_running(&self) -> bool {
        boot_id().is_some_and(|boot| boot == self.boot)
            && ProcessStat::of(self.process)
                .is_some_and(|stat| stat.start_ticks == self.start_ticks && !stat.has_ended())
    }
}

/// Sends a signal; a process that is gone is not an error to anyone here.
pub(crate) fn signal_process(process: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// All processes of the host that this process can see.
pub(crate) fn all_processes() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// A process and everything that descends from it, itself first.
pub(crate) fn process_tree(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = all_processes()
        .into_iter()
        .filter_map(|process| Some((process, ProcessStat::of(process)?.parent)))
        .collect();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(parent) = tree.get(next).copied() {
        next += 1;
        tree.extend(parents.iter().filter(|(_, p)| *p == parent).map(|(process, _)| *process));
    }
    tree
}

/// Processes that run one of `executables` in `directory` or below it, without a terminal.
///
/// This finds a process whose number was never written down because its parent was killed
/// right after starting it. A shell that someone opened in the directory is left alone.
pub(crate) fn strays(directory: &Path, executables: &[PathBuf]) -> Vec<u32> {
    let directory = fs::canonicalize(directory).unwrap_or_else(|_| directory.into());
    let me = std::process::id();
    all_processes()
        .into_iter()
        .filter(|process| *process != me)
        .filter(|process| {
            let within = fs::read_link(format!("/proc/{process}/cwd"))
                .is_ok_and(|cwd| without_deleted_mark(&cwd).starts_with(&directory));
            within
                && fs::read_link(format!("/proc/{process}/exe"))
                    .is_ok_and(|exe| executables.contains(&without_deleted_mark(&exe)))
                && ProcessStat::of(*process)
                    .is_some_and(|stat| stat.terminal == 0 && !stat.has_ended())
        })
        .collect()
}

/// The kernel appends ` (deleted)` to the link of a file that was removed or replaced.
fn without_deleted_mark(path: &Path) -> PathBuf {
    path.to_str()
        .and_then(|text| text.strip_suffix(" (deleted)"))
        .map_or_else(|| path.into(), PathBuf::from)
}

/// Asks `done` again and again, sleeping a little longer each time. Returns its last answer.
pub(crate) fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    let mut pause = Duration::from_micros(500);
    loop {
        if done() {
            return true;
        }
        if start.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_command_name_with_brackets_does_not_shift_the_fields() {
        let line = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 0 0 0 3 4 0 0 20 0 1 0 98765 1 2";
        assert_eq!(
            ProcessStat::parse(line),
            Some(ProcessStat { state: 'S', parent: 7, terminal: 0, start_ticks: 98765 })
        );
        assert_eq!(ProcessStat::parse("42 (x) S 7"), None);
    }

    #[test]
    fn a_reused_number_is_another_process() {
        let me = ProcessIdentity::of(std::process::id()).unwrap();
        assert!(me.is_running());
        let earlier = ProcessIdentity { start_ticks: me.start_ticks - 1, ..me.clone() };
        assert!(!earlier.is_running());
        let other_boot = ProcessIdentity { boot: "another".into(), ..me };
        assert!(!other_boot.is_running());
    }

    #[test]
    fn a_killed_process_is_not_running_even_before_it_is_waited_for() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let identity = ProcessIdentity::of(child.id()).unwrap();
        assert!(process_tree(std::process::id()).contains(&child.id()));
        signal_process(identity.process, Signal::KILL);
        assert!(wait_until(Duration::from_secs(5), || !identity.is_running()));
        child.wait().unwrap();
    }

    #[test]
    fn a_stray_is_found_by_directory_and_executable_together() {
        let directory = tempfile::tempdir().unwrap();
        let sleep = fs::canonicalize("/bin/sleep").unwrap();
        let mut child = std::process::Command::new(&sleep)
            .arg("60")
            .current_dir(directory.path())
            .spawn()
            .unwrap();
        let found = strays(directory.path(), std::slice::from_ref(&sleep));
        let other = strays(directory.path(), &["/bin/other".into()]);
        child.kill().unwrap();
        child.wait().unwrap();
        if ProcessStat::of(std::process::id()).unwrap().terminal == 0 {
            assert_eq!(found, [child.id()]);
        }
        assert_eq!(other, [] as [u32; 0]);
    }

    proptest! {
        #[test]
        fn reading_a_stat_line_never_panics(text in "\\PC*") {
            let _ = ProcessStat::parse(&text);
        }
    }
}
