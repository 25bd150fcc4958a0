//! Reading and writing of files, each thread in a file of its own, as fio does it with
//! `numjobs`: every request is one `pread` or `pwrite`, timed by itself.
//!
//! Random blocks are drawn uniformly with repetition (fio's `norandommap`), and what is written
//! overwrites what is there (fio's `overwrite`), so that writing never measures how a file
//! system finds room. `O_DIRECT` is used as asked or not at all: where it is refused the row
//! has no figures. It passes the page cache of *this* kernel by; that of a host below is not
//! known here.

mod buffer;
mod files;
mod requests;

use std::io;
use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use rustix::fs::statfs;
use weighbridge_experiment::{
    AbsenceKind, BenchmarkOutcome, BenchmarkRow, BenchmarkUnit, ByteSize, FileioBenchmark,
    FileioMode, FileioTool, Measured, Quantity, SyncPolicy,
};

use self::files::Files;
pub(super) use self::requests::Random;
use self::requests::{Done, Requests};
use super::latency::Latencies;
use super::threads::on_threads;
use super::{BenchmarkError, BenchmarkPlace, Extent, fio, page_cache};

/// `EINVAL`: what a file system answers that cannot do `O_DIRECT`.
const INVALID: i32 = 22;
/// File systems in memory: newer kernels take `O_DIRECT` there, and there is no storage below.
/// Source: `include/uapi/linux/magic.h` of the kernel.
const IN_MEMORY: [(i64, &str); 2] = [(0x0102_1994, "tmpfs"), (0x8584_58f6, "ramfs")];

/// One part of the benchmark: a mode with a block size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) mode: FileioMode,
    pub(super) block: ByteSize,
    pub(super) direct: bool,
    pub(super) sync: SyncPolicy,
    /// For so long; once over the whole size where `None`.
    pub(super) seconds: Option<f64>,
}

impl Part {
    fn name(&self) -> String {
        format!("{} {}", self.mode, self.block)
    }
}

/// What a part came to, whoever did it.
pub(super) struct Figures {
    pub(super) bytes: u64,
    pub(super) requests: u64,
    pub(super) seconds: f64,
    pub(super) latencies: Latencies,
}

pub(super) fn run(
    fileio: &FileioBenchmark,
    place: &BenchmarkPlace,
    extent: Extent,
) -> Result<Vec<BenchmarkRow>, BenchmarkError> {
    let threads = place.threads.max(1);
    let largest = fileio.block_sizes.iter().map(|block| block.bytes()).max().unwrap_or(4096);
    let size = match extent {
        Extent::Whole => fileio.size.bytes(),
        Extent::Rehearsal => fileio.size.bytes().min(2 * largest * u64::from(threads)),
    };
    // Whole blocks of every size.
    let each = (size / u64::from(threads) / largest).max(1) * largest;
    let files = Files::lay_out(&place.directory, threads, each)?;
    let tool = match fileio.tool {
        FileioTool::Own => None,
        FileioTool::Fio => match fio::find() {
            Some(fio) => Some(fio),
            None => return Ok(without_fio(fileio)),
        },
    };
    let mut rows = Vec::new();
    for mode in &fileio.modes {
        for block in &fileio.block_sizes {
            let seconds = match (fileio.seconds, extent) {
                (Some(seconds), _) => Some(extent.seconds(seconds)),
                (None, Extent::Rehearsal) => Some(extent.seconds(1.0)),
                (None, Extent::Whole) => None,
            };
            let (direct, sync) = (fileio.direct, fileio.sync);
            let part = Part { mode: *mode, block: *block, direct, sync, seconds };
            rows.push(match &tool {
                None => own(part, &files, threads)?,
                Some(fio) => by_fio(part, fio, &files, threads)?,
            });
        }
    }
    files.remove()?;
    Ok(rows)
}

fn without_fio(fileio: &FileioBenchmark) -> Vec<BenchmarkRow> {
    let blocks = &fileio.block_sizes;
    let parts = fileio.modes.iter().flat_map(|mode| blocks.iter().map(move |block| (mode, block)));
    let row = |(mode, block)| {
        BenchmarkRow::missing(
            format!("{mode} {block}"),
            "fio".to_owned(),
            AbsenceKind::ToolMissing,
            "there is no `fio` in the environment; install it there, or use tool = \"own\""
                .to_owned(),
        )
    };
    parts.map(row).collect()
}

/// Why `O_DIRECT` cannot be what it says here.
fn in_memory(directory: &Path) -> Option<&'static str> {
    let found = statfs(directory).ok()?;
    // The word that a file system is known by has another width on other processors.
    IN_MEMORY
        .iter()
        .find(|(magic, _)| i128::from(*magic) == i128::from(found.f_type))
        .map(|(_, name)| *name)
}

fn refused(part: Part, instrument: String, why: &str) -> BenchmarkRow {
    let reason = format!(
        "the file system refuses O_DIRECT: {why}; use an instance directory on another file system, or direct = false"
    );
    BenchmarkRow::missing(part.name(), instrument, AbsenceKind::DirectRefused, reason)
}

fn own(part: Part, files: &Files, threads: u32) -> Result<BenchmarkRow, BenchmarkError> {
    let instrument = format!(
        "pread and pwrite{} of the agent, {threads} threads, monotonic clock",
        if part.direct { " with O_DIRECT" } else { " through the page cache" }
    );
    if let Some(kind) = in_memory(files.directory()).filter(|_| part.direct) {
        return Ok(refused(part, instrument, &format!("{kind} lies in memory")));
    }
    if !part.direct {
        files.drop_from_cache()?;
    }
    let before = page_cache::delivered_by_storage();
    let mut opened = Vec::new();
    for number in 0..threads {
        match Requests::open(part, files.path(number), files.each(), number) {
            Ok(requests) => opened.push(std::sync::Mutex::new(Some(requests))),
            Err(error) if part.direct && error.raw_os_error() == Some(INVALID) => {
                return Ok(refused(part, instrument, "it cannot be opened so"));
            }
            Err(error) => return Err(BenchmarkError::file("open", files.path(number))(error)),
        }
    }
    let end = part.seconds.map(Duration::from_secs_f64);
    let all_prepared = Barrier::new(threads as usize);
    let done = on_threads(threads, |number| {
        let slot = opened.get(number as usize).and_then(|slot| slot.lock().ok()?.take());
        let prepared = slot.map_or_else(|| Err(io::ErrorKind::NotFound.into()), Requests::prepare);
        // Also by one that has failed: the others would wait for it for ever.
        all_prepared.wait();
        prepared?.run(end)
    })?;
    let mut all: Vec<Done> = Vec::new();
    for (number, done) in (0..).zip(done) {
        match done {
            Ok(done) => all.push(done),
            Err(error) if part.direct && error.raw_os_error() == Some(INVALID) => {
                let why = format!("it refused a request of {}", part.block);
                return Ok(refused(part, instrument, &why));
            }
            Err(error) => {
                return Err(BenchmarkError::file("read or write", files.path(number))(error));
            }
        }
    }
    let figures = added_up(&all);
    let delivered = page_cache::delivered_by_storage().zip(before).map(|(now, then)| now - then);
    Ok(row(part, &figures, instrument, delivered))
}

fn added_up(all: &[Done]) -> Figures {
    let began = all.iter().map(|done| done.began).min();
    let ended = all.iter().map(|done| done.ended).max();
    let seconds = ended.zip(began).map_or(0.0, |(ended, began)| (ended - began).as_secs_f64());
    let mut latencies = Latencies::new();
    all.iter().for_each(|done| latencies.add(&done.latencies));
    Figures {
        bytes: all.iter().map(|done| done.bytes).sum(),
        requests: all.iter().map(|done| done.requests).sum(),
        seconds,
        latencies,
    }
}

fn by_fio(
    part: Part,
    program: &Path,
    files: &Files,
    threads: u32,
) -> Result<BenchmarkRow, BenchmarkError> {
    let instrument = format!("{} in the environment, {threads} threads", fio::version(program)?);
    if let Some(kind) = in_memory(files.directory()).filter(|_| part.direct) {
        return Ok(refused(part, instrument, &format!("{kind} lies in memory")));
    }
    if !part.direct {
        files.drop_from_cache()?;
    }
    match fio::run(program, part, files.directory(), files.each(), threads)? {
        // What storage delivered is counted for this process, not for another one.
        fio::Outcome::Done(figures) => Ok(row(part, &figures, instrument, None)),
        fio::Outcome::Failed(why) => {
            let kind = AbsenceKind::Failed;
            Ok(BenchmarkRow::missing(part.name(), instrument, kind, format!("fio failed: {why}")))
        }
    }
}

fn row(part: Part, figures: &Figures, instrument: String, delivered: Option<u64>) -> BenchmarkRow {
    let seconds = figures.seconds.max(1e-9);
    let quantity = |unit, value| Quantity { unit, value };
    BenchmarkRow {
        mode: part.name(),
        instrument,
        labels: labels(part, figures, delivered),
        outcome: BenchmarkOutcome::Measured(Measured {
            quantities: vec![
                quantity(BenchmarkUnit::MegabytesPerSecond, figures.bytes as f64 / seconds / 1e6),
                quantity(BenchmarkUnit::RequestsPerSecond, figures.requests as f64 / seconds),
            ],
            operations: figures.requests,
            seconds: figures.seconds,
            latency_nanoseconds: figures.latencies.pairs(),
        }),
    }
}

/// What a reader would otherwise take for the speed of storage.
fn labels(part: Part, figures: &Figures, delivered: Option<u64>) -> Vec<String> {
    let mut labels = Vec::new();
    if part.mode.writes() {
        let words = match (part.sync, part.direct) {
            (SyncPolicy::Never, false) => Some("not synced: what was written may be in memory"),
            (SyncPolicy::Never, true) => Some("not synced: storage may hold it in its own cache"),
            (SyncPolicy::End, false) => Some("through the page cache, synced at the end"),
            (SyncPolicy::End, true) | (SyncPolicy::Each, _) => None,
        };
        labels.extend(words.map(str::to_owned));
    } else if !part.direct || delivered.is_some() {
        labels.extend(page_cache::label(figures.bytes, delivered));
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn benchmark() -> FileioBenchmark {
        FileioBenchmark {
            block_sizes: vec![ByteSize(4096), ByteSize(16384)],
            size: ByteSize(1 << 18),
            direct: false,
            seconds: None,
            ..FileioBenchmark::default()
        }
    }

    fn place(directory: &Path) -> BenchmarkPlace {
        BenchmarkPlace { directory: directory.to_owned(), threads: 2 }
    }

    #[test]
    fn the_whole_size_is_read_and_written_once_in_every_mode_and_nothing_is_left() {
        let directory = tempfile::tempdir().expect("a directory");
        let rows = run(&benchmark(), &place(directory.path()), Extent::Whole).expect("rows");
        assert_eq!(rows.len(), 8);
        assert_eq!(rows[0].mode, "sequential-read 4 KiB");
        for row in &rows {
            let measured = row.measured().expect("figures");
            let block = if row.mode.ends_with(" 4 KiB") { 4096 } else { 16384 };
            assert_eq!(measured.operations * block, 1 << 18, "{row:?}");
            let timed: u64 = measured.latency_nanoseconds.iter().map(|pair| pair[1]).sum();
            assert_eq!(timed, measured.operations);
            let [megabytes, requests] = measured.quantities.as_slice() else { panic!("{row:?}") };
            let ratio = megabytes.value * 1e6 / requests.value;
            assert!((ratio - block as f64).abs() < 1e-6, "{row:?}");
        }
        let left = std::fs::read_dir(directory.path()).expect("entries").count();
        assert_eq!(left, 0);
    }

    #[test]
    fn a_file_system_in_memory_is_never_called_direct() {
        let Ok(directory) = tempfile::tempdir_in("/dev/shm") else { return };
        let benchmark = FileioBenchmark { direct: true, ..benchmark() };
        for extent in [Extent::Whole, Extent::Rehearsal] {
            let rows = run(&benchmark, &place(directory.path()), extent).expect("rows");
            for row in rows {
                let BenchmarkOutcome::Missing(absence) = &row.outcome else { panic!("{row:?}") };
                assert_eq!(absence.kind, AbsenceKind::DirectRefused, "{row:?}");
            }
        }
    }

    #[test]
    fn a_disk_that_cannot_hold_the_files_is_an_error_that_leaves_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let huge = FileioBenchmark { size: ByteSize(1 << 45), ..benchmark() };
        let error = run(&huge, &place(directory.path()), Extent::Whole).expect_err("too large");
        assert!(matches!(error, BenchmarkError::DiskFull { .. }), "{error}");
        assert_eq!(std::fs::read_dir(directory.path()).expect("entries").count(), 0);
    }
}
