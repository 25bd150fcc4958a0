//! Events of `sysbench cpu`: every number from 3 to a largest one is divided by 2, 3, … up to
//! its square root until one divides it.
//!
//! The work is that of sysbench 1.0 (`src/tests/cpu/sb_cpu.c`) to the types: 64-bit unsigned
//! division, the divisor compared with the root in double precision. A quicker test of primes
//! would give more events a second and compare with nothing.

use std::hint::black_box;
use std::time::{Duration, Instant};

use weighbridge_experiment::{
    BenchmarkOutcome, BenchmarkRow, BenchmarkUnit, CpuBenchmark, Measured, Quantity,
};

use super::latency::Latencies;
use super::threads::on_threads;
use super::{BenchmarkError, Extent};

/// One event; how many of the numbers are prime.
#[allow(clippy::manual_is_multiple_of, reason = "it asks whether the divisor is 0 besides")]
fn event(max_prime: u64) -> u64 {
    let mut primes = 0;
    let mut candidate = 3_u64;
    while candidate <= max_prime {
        let root = (candidate as f64).sqrt();
        let mut divisor = 2_u64;
        while divisor as f64 <= root {
            if candidate % divisor == 0 {
                break;
            }
            divisor += 1;
        }
        if divisor as f64 > root {
            primes += 1;
        }
        candidate += 1;
    }
    primes
}

/// What one thread did.
struct Done {
    events: u64,
    latencies: Latencies,
    ended: Instant,
}

/// Events until `end`; the last one is begun in time and counted whole, as sysbench counts it.
fn until(max_prime: u64, began: Instant, end: Duration) -> Done {
    let mut latencies = Latencies::new();
    let mut events = 0;
    let mut before = Instant::now();
    loop {
        black_box(event(black_box(max_prime)));
        let now = Instant::now();
        events += 1;
        latencies.record(now - before);
        before = now;
        if now - began >= end {
            return Done { events, latencies, ended: now };
        }
    }
}

pub(super) fn run(
    cpu: CpuBenchmark,
    threads: u32,
    extent: Extent,
) -> Result<BenchmarkRow, BenchmarkError> {
    let threads = threads.max(1);
    let end = Duration::from_secs_f64(extent.seconds(cpu.seconds));
    let began = Instant::now();
    let done = on_threads(threads, |_| until(u64::from(cpu.max_prime), began, end))?;
    let ended = done.iter().map(|done| done.ended).max().unwrap_or(began);
    let took = (ended - began).as_secs_f64();
    let operations: u64 = done.iter().map(|done| done.events).sum();
    let mut latencies = Latencies::new();
    for done in &done {
        latencies.add(&done.latencies);
    }
    Ok(BenchmarkRow {
        mode: format!("primes up to {}", cpu.max_prime),
        instrument: format!(
            "trial division as sysbench 1.0 cpu does it, {threads} threads, monotonic clock"
        ),
        labels: Vec::new(),
        outcome: BenchmarkOutcome::Measured(Measured {
            quantities: vec![Quantity {
                unit: BenchmarkUnit::EventsPerSecond,
                value: operations as f64 / took,
            }],
            operations,
            seconds: took,
            latency_nanoseconds: latencies.pairs(),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_finds_the_primes_of_the_tables() {
        // π(10⁴) = 1229 and π(10³) = 168, of which 2 is not tested.
        assert_eq!(event(10_000), 1228);
        assert_eq!(event(1_000), 167);
        assert_eq!(event(3), 1);
    }

    #[test]
    fn every_event_of_every_thread_is_counted_and_timed() {
        let row = run(CpuBenchmark { max_prime: 100, seconds: 0.01 }, 2, Extent::Whole)
            .expect("two threads");
        let measured = row.measured().expect("figures");
        let timed: u64 = measured.latency_nanoseconds.iter().map(|pair| pair[1]).sum();
        assert_eq!(timed, measured.operations);
        assert!(measured.operations >= 2 && measured.seconds >= 0.01, "{measured:?}");
        let rate = measured.quantities[0].value;
        assert!((rate * measured.seconds - measured.operations as f64).abs() < 1e-6);
    }
}
