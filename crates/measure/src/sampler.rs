use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use thiserror::Error;
use weighbridge_experiment::{Sample, SamplerCost};

use crate::Meter;

/// A thread that reads a meter on an absolute schedule: a late reading does not push the
/// later ones back, and readings that were missed are skipped, not made up for.
#[derive(Debug)]
pub struct Sampler<M> {
    thread: JoinHandle<Sampled<M>>,
    stop: Sender<()>,
}

/// What a sampler gives back when it is stopped.
#[derive(Debug)]
pub struct Sampled<M> {
    /// The meter, to be used again.
    pub meter: M,
    /// At least two: at the start and at the stop.
    pub samples: Vec<Sample>,
    /// What taking them cost.
    pub cost: SamplerCost,
}

/// Why there are no samples.
#[derive(Debug, Error)]
pub enum SamplerError {
    /// No thread could be started.
    #[error("cannot start the thread that samples; the limit of processes may be reached")]
    Spawn(#[source] std::io::Error),
    /// The meter panicked.
    #[error("the thread that samples ended before it was stopped")]
    Panicked,
}

impl<M: Meter> Sampler<M> {
    /// Takes the first sample before it returns, then one each `period` until it is stopped.
    /// Times are seconds since `began`.
    ///
    /// # Errors
    ///
    /// The thread could not be started; the meter is then lost.
    pub fn start(meter: M, period: Duration, began: Instant) -> Result<Self, SamplerError> {
        let mut taking =
            Taking { meter, began, samples: Vec::with_capacity(256), cpu_nanoseconds: 0 };
        taking.take();
        let (stop, stopped) = channel();
        let first_due = Instant::now();
        let thread = std::thread::Builder::new()
            .name("sampler".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || taking.until(&stopped, first_due, period.max(Duration::from_millis(1))))
            .map_err(SamplerError::Spawn)?;
        Ok(Self { thread, stop })
    }

    /// Takes the last sample and ends.
    ///
    /// # Errors
    ///
    /// The meter panicked.
    pub fn stop(self) -> Result<Sampled<M>, SamplerError> {
        // A thread that is gone shows in `join`.
        let _ = self.stop.send(());
        self.thread.join().map_err(|_| SamplerError::Panicked)
    }
}

struct Taking<M> {
    meter: M,
    began: Instant,
    samples: Vec<Sample>,
    cpu_nanoseconds: u64,
}

impl<M: Meter> Taking<M> {
    fn take(&mut self) {
        let before = thread_cpu_nanoseconds();
        let now = Instant::now();
        let at_seconds = match now.checked_duration_since(self.began) {
            Some(since) => since.as_secs_f64(),
            None => -self.began.duration_since(now).as_secs_f64(),
        };
        let usage = self.meter.usage();
        self.samples.push(Sample { at_seconds, usage });
        self.cpu_nanoseconds += thread_cpu_nanoseconds().saturating_sub(before);
    }

    fn until(mut self, stopped: &Receiver<()>, first_due: Instant, period: Duration) -> Sampled<M> {
        let before = thread_cpu_nanoseconds();
        let taken_by_starter = self.cpu_nanoseconds;
        let mut due = first_due;
        loop {
            let now = Instant::now();
            while due <= now {
                due += period;
            }
            match stopped.recv_timeout(due.saturating_duration_since(now)) {
                Err(RecvTimeoutError::Timeout) => self.take(),
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.take();
        // The whole thread counts, its waking up included, not only its readings.
        let cpu_nanoseconds = taken_by_starter + thread_cpu_nanoseconds().saturating_sub(before);
        let samples = u32::try_from(self.samples.len()).unwrap_or(u32::MAX);
        Sampled {
            meter: self.meter,
            samples: self.samples,
            cost: SamplerCost { cpu_nanoseconds, samples },
        }
    }
}

fn thread_cpu_nanoseconds() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use weighbridge_experiment::Usage;

    use super::*;

    /// Counts its readings.
    struct FakeMeter(u64);

    impl Meter for FakeMeter {
        fn usage(&mut self) -> Usage {
            assert!(self.0 < 1000, "the fake breaks");
            self.0 += 1;
            Usage { cpu_nanoseconds: Some(self.0), ..Usage::default() }
        }
    }

    #[test]
    fn the_first_sample_is_at_the_start_and_the_last_at_the_stop() {
        let sampler = Sampler::start(FakeMeter(0), Duration::from_secs(3600), Instant::now())
            .expect("started");
        let sampled = sampler.stop().expect("stopped");
        let counts: Vec<_> =
            sampled.samples.iter().filter_map(|sample| sample.usage.cpu_nanoseconds).collect();
        assert_eq!(counts, [1, 2]);
        assert_eq!(sampled.cost.samples, 2);
        assert_eq!(sampled.meter.0, 2);
    }

    #[test]
    fn samples_are_in_order_and_cost_processor_time() {
        let began = Instant::now();
        let sampler =
            Sampler::start(FakeMeter(0), Duration::from_millis(2), began).expect("started");
        while began.elapsed() < Duration::from_millis(50) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let sampled = sampler.stop().expect("stopped");
        assert!(sampled.samples.len() > 2);
        assert!(sampled.samples.windows(2).all(|pair| pair[0].at_seconds < pair[1].at_seconds));
        assert!(sampled.cost.cpu_nanoseconds > 0);
    }

    #[test]
    fn a_start_in_the_future_gives_negative_times_not_a_panic() {
        let began = Instant::now() + Duration::from_secs(60);
        let sampled = Sampler::start(FakeMeter(0), Duration::from_secs(1), began)
            .expect("started")
            .stop()
            .expect("stopped");
        assert!(sampled.samples[0].at_seconds < 0.0);
    }

    #[test]
    fn a_meter_that_panics_is_an_error() {
        let sampler = Sampler::start(FakeMeter(999), Duration::from_secs(3600), Instant::now())
            .expect("started");
        assert!(matches!(sampler.stop(), Err(SamplerError::Panicked)));
    }
}
