//! Counters of processes: `/proc/PID/stat`, `status` and `io`, summed over a set.

use std::collections::BTreeMap;

use super::pinned::PinnedFile;
use crate::Roots;

/// From `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProcessStat {
    pub(super) parent: u32,
    /// User and system time of the process and of the children that it has waited for.
    pub(super) ticks: u64,
}

/// Fields 4 and 14 to 17 of proc_pid_stat(5). The second field is the name in parentheses,
/// which may itself contain spaces and parentheses: counting starts after the last one.
pub(super) fn parse_stat(text: &str) -> Option<ProcessStat> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let mut ticks = 0_u64;
    let mut times = fields.skip(9);
    for _ in 0..4 {
        // cutime and cstime are printed as signed numbers.
        let time: i64 = times.next()?.parse().ok()?;
        ticks = ticks.checked_add(u64::try_from(time).ok()?)?;
    }
    Some(ProcessStat { parent, ticks })
}

/// User and system time of the process alone, the children that it waited for left out.
pub(super) fn parse_own_ticks(text: &str) -> Option<u64> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut times = rest.split_ascii_whitespace().skip(11);
    let user: u64 = times.next()?.parse().ok()?;
    user.checked_add(times.next()?.parse().ok()?)
}

/// `VmRSS` and `VmHWM` of `/proc/PID/status` in bytes; a zombie and a kernel thread have
/// neither.
pub(super) fn parse_status(text: &str) -> Option<(u64, u64)> {
    let kibibytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some((kibibytes("VmRSS:")?, kibibytes("VmHWM:")?))
}

/// `read_bytes` and `write_bytes` of `/proc/PID/io`.
pub(super) fn parse_io(text: &str) -> Option<(u64, u64)> {
    let bytes =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok();
    Some((bytes("read_bytes:")?, bytes("write_bytes:")?))
}

pub(super) fn nanoseconds_of_ticks(ticks: u64) -> u64 {
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    ticks.saturating_mul(1_000_000_000 / per_second)
}

#[derive(Debug)]
struct Process {
    stat: PinnedFile,
    status: Option<PinnedFile>,
    io: Option<PinnedFile>,
    seen: Seen,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    parent: u32,
    ticks: u64,
    read_bytes: u64,
    write_bytes: u64,
}

/// Sums over the processes of one instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ProcessTotals {
    /// Processes that were there.
    pub(super) processes: usize,
    pub(super) ticks: u64,
    pub(super) resident_bytes: Option<u64>,
    pub(super) peak_bytes: Option<u64>,
    pub(super) storage: Option<(u64, u64)>,
}

/// The processes of one instance, their files kept open from one reading to the next.
#[derive(Debug)]
pub(super) struct ProcessSet {
    roots: Roots,
    processes: BTreeMap<u32, Process>,
    /// Counters of processes that ended and that nobody in the set waited for; those that
    /// were waited for are in the counters of their parent.
    retired: Seen,
    peak_bytes: u64,
}

impl ProcessSet {
    pub(super) fn new(roots: Roots) -> Self {
        Self { roots, processes: BTreeMap::new(), retired: Seen::default(), peak_bytes: 0 }
    }

    /// Reads these processes. One that cannot be opened has just ended and is left out.
    pub(super) fn read(&mut self, members: &[u32], buffer: &mut Vec<u8>) -> ProcessTotals {
        let mut ended = Vec::new();
        for (&number, process) in &mut self.processes {
            if !members.contains(&number) || process.read_stat(buffer).is_none() {
                ended.push(number);
            }
        }
        for number in ended {
            self.retire(number, members);
        }
        for &number in members {
            if !self.processes.contains_key(&number)
                && let Some(process) = Process::open(&self.roots, number, buffer)
            {
                self.processes.insert(number, process);
            }
        }
        self.sum(buffer)
    }

    fn retire(&mut self, number: u32, members: &[u32]) {
        let Some(process) = self.processes.remove(&number) else { return };
        if !members.contains(&process.seen.parent) {
            self.retired.ticks += process.seen.ticks;
            self.retired.read_bytes += process.seen.read_bytes;
            self.retired.write_bytes += process.seen.write_bytes;
        }
    }

    fn sum(&mut self, buffer: &mut Vec<u8>) -> ProcessTotals {
        let mut totals = ProcessTotals {
            processes: self.processes.len(),
            ticks: self.retired.ticks,
            resident_bytes: None,
            peak_bytes: None,
            storage: Some((self.retired.read_bytes, self.retired.write_bytes)),
        };
        let mut memory = None;
        for process in self.processes.values_mut() {
            totals.ticks += process.seen.ticks;
            if let Some((resident, peak)) = process.read_memory(buffer) {
                let (residents, peaks) = memory.unwrap_or((0, 0));
                memory = Some((residents + resident, peaks + peak));
            }
            totals.storage = match (totals.storage, process.read_storage(buffer)) {
                (Some((read, write)), Some((more_read, more_write))) => {
                    Some((read + more_read, write + more_write))
                }
                _ => None,
            };
        }
        if self.processes.is_empty() {
            totals.storage = None;
        }
        if let Some((resident, peak)) = memory {
            self.peak_bytes = self.peak_bytes.max(peak);
            totals.resident_bytes = Some(resident);
            totals.peak_bytes = Some(self.peak_bytes);
        }
        totals
    }
}

impl Process {
    fn open(roots: &Roots, number: u32, buffer: &mut Vec<u8>) -> Option<Self> {
        let directory = roots.process(number);
        let mut process = Self {
            stat: PinnedFile::open(directory.join("stat")).ok()?,
            status: PinnedFile::open(directory.join("status")).ok(),
            io: PinnedFile::open(directory.join("io")).ok(),
            seen: Seen::default(),
        };
        process.read_stat(buffer)?;
        Some(process)
    }

    fn read_stat(&mut self, buffer: &mut Vec<u8>) -> Option<()> {
        let stat = parse_stat(self.stat.read(buffer).ok()?)?;
        self.seen.parent = stat.parent;
        self.seen.ticks = stat.ticks;
        Some(())
    }

    fn read_memory(&self, buffer: &mut Vec<u8>) -> Option<(u64, u64)> {
        parse_status(self.status.as_ref()?.read(buffer).ok()?)
    }

    fn read_storage(&mut self, buffer: &mut Vec<u8>) -> Option<(u64, u64)> {
        let (read, write) = parse_io(self.io.as_ref()?.read(buffer).ok()?)?;
        self.seen.read_bytes = read;
        self.seen.write_bytes = write;
        Some((read, write))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let text = "42 (a) b (c) S 7 42 42 0 -1 4194304 100 0 0 0 11 22 33 44 20 0 1 0 100 0 0";
        assert_eq!(parse_stat(text), Some(ProcessStat { parent: 7, ticks: 110 }));
        assert_eq!(parse_own_ticks(text), Some(33));
        assert_eq!(parse_stat("42 (a) S 7 42"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn memory_is_in_kibibytes_and_a_zombie_has_none() {
        let text = "Name:\tcat\nVmHWM:\t    1640 kB\nVmRSS:\t    1600 kB\n";
        assert_eq!(parse_status(text), Some((1600 * 1024, 1640 * 1024)));
        assert_eq!(parse_status("Name:\tcat\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn cancelled_writes_are_not_taken_for_writes() {
        let text = "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\ncancelled_write_bytes: 7\n";
        assert_eq!(parse_io(text), Some((5, 6)));
    }

    fn fixture(roots: &Roots, number: u32, parent: u32, ticks: u64, kibibytes: u64) {
        let directory = roots.process(number);
        std::fs::create_dir_all(&directory).expect("a directory");
        let write =
            |name: &str, text: String| std::fs::write(directory.join(name), text).expect("written");
        write(
            "stat",
            format!("{number} (x) S {parent} 0 0 0 0 0 0 0 0 0 {ticks} 0 0 0 20 0 1 0 0"),
        );
        write("status", format!("VmHWM:\t{} kB\nVmRSS:\t{kibibytes} kB\n", kibibytes * 2));
        write("io", format!("read_bytes: {}\nwrite_bytes: 0\n", ticks * 10));
    }

    #[test]
    fn a_child_that_nobody_waited_for_keeps_its_counters_and_its_peak() {
        let directory = tempfile::tempdir().expect("a directory");
        let roots = Roots::below(directory.path());
        fixture(&roots, 10, 1, 5, 100);
        fixture(&roots, 11, 1, 7, 50);
        fixture(&roots, 12, 10, 3, 50);
        let mut set = ProcessSet::new(roots.clone());
        let mut buffer = Vec::new();
        let first = set.read(&[10, 11, 12], &mut buffer);
        assert_eq!(
            (first.ticks, first.resident_bytes, first.peak_bytes),
            (15, Some(200 * 1024), Some(400 * 1024))
        );
        // 12 was waited for by 10, whose own counter now has its ticks; 11 was reaped elsewhere.
        fixture(&roots, 10, 1, 9, 100);
        let second = set.read(&[10], &mut buffer);
        assert_eq!(
            (second.ticks, second.resident_bytes, second.peak_bytes),
            (16, Some(100 * 1024), Some(400 * 1024))
        );
        assert_eq!(second.storage, Some((160, 0)));
        assert_eq!(second.processes, 1);
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "[\\PC\\n]*") {
            let _ = (parse_stat(&text), parse_own_ticks(&text), parse_status(&text), parse_io(&text));
        }

        #[test]
        fn numbers_of_any_size_never_panic(parent in any::<i128>(), times in prop::collection::vec(any::<i128>(), 0..20)) {
            let times: Vec<String> = times.iter().map(ToString::to_string).collect();
            let _ = parse_stat(&format!("1 (x) S {parent} 0 0 0 0 0 0 0 0 0 {}", times.join(" ")));
            let _ = parse_status(&format!("VmRSS: {parent} kB\nVmHWM: {parent} kB"));
        }
    }
}
