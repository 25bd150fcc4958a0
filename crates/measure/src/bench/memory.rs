//! Bandwidth of memory by STREAM's kernels copy (`c = a`) and triad (`a = b + s × c`), with
//! its byte counting: 16 and 24 bytes for each element of 8 bytes, whatever the caches do.
//! Source: McCalpin, "STREAM: Sustainable Memory Bandwidth in High Performance Computers",
//! run rules and `stream.c`. As there, the best pass counts and the first is left out.
//!
//! The copy is the standard library's, which is `memcpy`; compilers make the same of STREAM's
//! loop. It may write past the caches where the triad does not.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use weighbridge_experiment::{
    AbsenceKind, BenchmarkOutcome, BenchmarkRow, BenchmarkUnit, ByteSize, Measured,
    MemoryBenchmark, Quantity,
};

use super::latency::Latencies;
use super::threads::on_threads;
use super::{BenchmarkError, Extent};

/// Bytes of one element.
const ELEMENT: u64 = 8;
/// STREAM's NTIMES, of which the first is not counted.
const PASSES_LEAST: u32 = 10;
/// STREAM's scalar.
const SCALAR: f64 = 3.0;
/// STREAM's rule: each array at least four times the last-level cache.
const CACHES: u64 = 4;
/// Taken where the size of the cache is not to be read: that of a large server's processor.
const UNKNOWN_CACHE: u64 = 64 << 20;

/// A kernel, and the bytes that it counts for each element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kernel {
    Copy,
    Triad,
}

impl Kernel {
    const fn bytes(self) -> u64 {
        match self {
            Self::Copy => 2 * ELEMENT,
            Self::Triad => 3 * ELEMENT,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Triad => "triad",
        }
    }
}

/// The part of the three arrays that one thread works on, first written by it.
struct Arrays {
    a: Vec<f64>,
    b: Vec<f64>,
    c: Vec<f64>,
}

impl Arrays {
    fn new(elements: usize) -> Self {
        // Not 0.0: pages of zeros may all be the one page that the kernel keeps of them.
        Self { a: vec![1.0; elements], b: vec![2.0; elements], c: vec![0.5; elements] }
    }

    fn pass(&mut self, kernel: Kernel) {
        match kernel {
            Kernel::Copy => self.c.copy_from_slice(&self.a),
            Kernel::Triad => {
                for ((a, b), c) in self.a.iter_mut().zip(&self.b).zip(&self.c) {
                    *a = *b + SCALAR * *c;
                }
            }
        }
        std::hint::black_box(&mut self.a);
    }

    /// A copy of 1 and then `2 + 3 × 1`, as often as they are repeated.
    fn check(&self, kernel: Kernel) -> Result<(), BenchmarkError> {
        let (values, expected) = match kernel {
            Kernel::Copy => (&self.c, 1.0),
            Kernel::Triad => (&self.a, 2.0 + SCALAR),
        };
        match values.iter().find(|value| **value != expected) {
            None => Ok(()),
            Some(found) => Err(BenchmarkError::WrongResult { found: *found, expected }),
        }
    }
}

/// Times of whole passes, of all threads together.
struct Passes {
    times: Vec<Duration>,
}

pub(super) fn run(
    memory: MemoryBenchmark,
    threads: u32,
    extent: Extent,
) -> Result<Vec<BenchmarkRow>, BenchmarkError> {
    let threads = threads.max(1);
    let cache = last_level_cache();
    let array = match (memory.array, cache, extent) {
        (_, _, Extent::Rehearsal) => 1 << 20,
        (Some(array), ..) => array.bytes(),
        (None, cache, _) => CACHES * cache.unwrap_or(UNKNOWN_CACHE),
    };
    let kernels = [Kernel::Copy, Kernel::Triad];
    let instrument = format!(
        "STREAM's kernels and bytes, arrays of {}, {threads} threads, monotonic clock",
        ByteSize(array)
    );
    if let Some(available) = available_memory().filter(|available| 3 * array > *available) {
        let reason = format!(
            "three arrays of {} do not fit the {} of memory that are free; give a smaller `array`",
            ByteSize(array),
            ByteSize(available)
        );
        let row = |kernel: Kernel| {
            let kind = AbsenceKind::TooLittleMemory;
            let mode = kernel.name().to_owned();
            BenchmarkRow::missing(mode, instrument.clone(), kind, reason.clone())
        };
        return Ok(kernels.map(row).to_vec());
    }
    let elements = (array / ELEMENT / u64::from(threads)).max(1) as usize;
    let seconds = extent.seconds(memory.seconds);
    let labels = labels(array, cache);
    let passes = measured(threads, elements, seconds, kernels)?;
    let counted = ELEMENT * elements as u64 * u64::from(threads);
    let rows = kernels.into_iter().zip(passes).map(|(kernel, passes)| {
        let bytes = kernel.bytes() * counted / ELEMENT;
        row(kernel, bytes, &passes, &labels, &instrument)
    });
    Ok(rows.collect())
}

fn labels(array: u64, cache: Option<u64>) -> Vec<String> {
    match cache {
        Some(cache) if array < CACHES * cache => vec![format!(
            "arrays under {CACHES} times the last-level cache of {}: partly from caches",
            ByteSize(cache)
        )],
        Some(_) => Vec::new(),
        None => vec!["size of the last-level cache not known".to_owned()],
    }
}

/// The passes of each kernel by the first thread's clock, between barriers of all.
fn measured(
    threads: u32,
    elements: usize,
    seconds: f64,
    kernels: [Kernel; 2],
) -> Result<[Passes; 2], BenchmarkError> {
    let barrier = Barrier::new(threads as usize);
    let over = std::sync::atomic::AtomicBool::new(false);
    let mut all = on_threads(threads, |number| {
        let mut arrays = Arrays::new(elements);
        let of = |arrays: &mut Arrays, kernel| {
            let mut times = Vec::new();
            let began = Instant::now();
            loop {
                barrier.wait();
                let before = Instant::now();
                arrays.pass(kernel);
                barrier.wait();
                times.push(before.elapsed());
                if number == 0 {
                    let enough = times.len() > PASSES_LEAST as usize
                        && began.elapsed().as_secs_f64() >= seconds;
                    over.store(enough, std::sync::atomic::Ordering::SeqCst);
                }
                // The first thread decides for all, so that none waits for one that has left.
                barrier.wait();
                if over.load(std::sync::atomic::Ordering::SeqCst) {
                    return Passes { times };
                }
            }
        };
        let [first, second] = kernels;
        let first_passes = of(&mut arrays, first);
        let checked = arrays.check(first);
        let second_passes = of(&mut arrays, second);
        checked.and_then(|()| arrays.check(second)).map(|()| [first_passes, second_passes])
    })?;
    // Every thread's arithmetic is checked; the first one's clock counts.
    let first = all.remove(0);
    all.into_iter().collect::<Result<Vec<_>, _>>()?;
    first
}

fn row(
    kernel: Kernel,
    bytes: u64,
    passes: &Passes,
    labels: &[String],
    instrument: &str,
) -> BenchmarkRow {
    let counted = passes.times.get(1..).unwrap_or_default();
    let mut latencies = Latencies::new();
    counted.iter().for_each(|time| latencies.record(*time));
    let best = counted.iter().min().copied().unwrap_or_default().as_secs_f64();
    BenchmarkRow {
        mode: kernel.name().to_owned(),
        instrument: instrument.to_owned(),
        labels: labels.to_vec(),
        outcome: BenchmarkOutcome::Measured(Measured {
            quantities: vec![Quantity {
                unit: BenchmarkUnit::GigabytesPerSecond,
                value: bytes as f64 / best.max(1e-9) / 1e9,
            }],
            operations: counted.len() as u64,
            seconds: counted.iter().sum::<Duration>().as_secs_f64(),
            latency_nanoseconds: latencies.pairs(),
        }),
    }
}

/// Size of the largest cache of the first processor, as the kernel tells it.
fn last_level_cache() -> Option<u64> {
    let entries = std::fs::read_dir("/sys/devices/system/cpu/cpu0/cache").ok()?;
    let sizes = entries.flatten().filter_map(|entry| {
        let text = std::fs::read_to_string(entry.path().join("size")).ok()?;
        cache_bytes(text.trim())
    });
    sizes.max()
}

/// `32768K` in bytes.
fn cache_bytes(text: &str) -> Option<u64> {
    let (digits, factor) = match text.strip_suffix(['K', 'M']) {
        Some(digits) if text.ends_with('K') => (digits, 1 << 10),
        Some(digits) => (digits, 1 << 20),
        None => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_compute_what_they_say_and_count_streams_bytes() {
        let mut arrays = Arrays::new(1000);
        assert!(arrays.check(Kernel::Copy).is_err(), "nothing has been copied yet");
        arrays.pass(Kernel::Copy);
        arrays.check(Kernel::Copy).expect("a copy");
        arrays.pass(Kernel::Triad);
        arrays.check(Kernel::Triad).expect("a triad");
        assert_eq!((Kernel::Copy.bytes(), Kernel::Triad.bytes()), (16, 24));
    }

    #[test]
    fn the_best_pass_but_the_first_counts() {
        let times = [1, 40, 20, 30].map(Duration::from_millis).to_vec();
        let row = row(Kernel::Copy, 2_000_000_000, &Passes { times }, &[], "");
        let measured = row.measured().expect("figures");
        assert!((measured.quantities[0].value - 100.0).abs() < 1e-9, "{measured:?}");
        assert_eq!(measured.operations, 3);
    }

    #[test]
    fn sizes_of_caches_are_read() {
        assert_eq!(cache_bytes("512K"), Some(512 << 10));
        assert_eq!(cache_bytes("32M"), Some(32 << 20));
        assert_eq!(cache_bytes("a"), None);
        assert_eq!(labels(100, Some(50)).len(), 1);
        assert_eq!(labels(200, Some(50)).len(), 0);
    }

    #[test]
    fn what_does_not_fit_is_missing_with_its_kind() {
        let memory = MemoryBenchmark { array: Some(ByteSize(1 << 60)), seconds: 0.01 };
        let rows = run(memory, 1, Extent::Whole).expect("rows");
        let BenchmarkOutcome::Missing(absence) = &rows[0].outcome else { panic!("{rows:?}") };
        assert_eq!(absence.kind, AbsenceKind::TooLittleMemory);
    }

    #[test]
    fn both_kernels_run_on_several_threads() {
        let memory = MemoryBenchmark { array: Some(ByteSize(1 << 20)), seconds: 0.01 };
        let rows = run(memory, 2, Extent::Whole).expect("rows");
        assert_eq!(rows.iter().map(|row| row.mode.as_str()).collect::<Vec<_>>(), ["copy", "triad"]);
        assert!(rows.iter().all(|row| row.measured().is_some_and(|m| m.operations >= 10)));
    }
}
