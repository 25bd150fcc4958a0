//! What one thread has counted. Its size follows the kinds of requests and of errors, never
//! the number of requests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::failure::Failure;
use super::health::LAG_NANOSECONDS;
use super::histogram::Times;
use super::moment::Moment;

/// Different errors that are kept apart; a server that puts a counter into its words would
/// otherwise fill the memory.
const MOST_ERRORS: usize = 200;
/// One hiccup of a host makes many requests late, one after another.
const ONE_EPISODE_NANOSECONDS: u64 = 100_000_000;
const OTHER_ERRORS: &str = "other errors";

/// The counters of one thread, read by the one that reports.
pub(super) struct Tally(Mutex<Counters>);

#[derive(Debug, Clone)]
pub(super) struct Counters {
    pub(super) kinds: Vec<KindCounters>,
    pub(super) errors: BTreeMap<(usize, String), ErrorCounters>,
    pub(super) send_lag: Times,
    /// Users that are there, or connections that are busy.
    pub(super) present: u32,
    pub(super) most_present: u32,
    /// Requests under way.
    pub(super) under_way: u64,
    pub(super) dropped_sends: u64,
    pub(super) waited_sends: u64,
    pub(super) last_end: Moment,
    /// Times at which requests left late, those close together counted once.
    pub(super) late_episodes: u64,
    last_late: Moment,
    /// MLPerf: whole queries of several samples.
    pub(super) queries: Option<Times>,
}

#[derive(Debug, Clone)]
pub(super) struct KindCounters {
    pub(super) requests: u64,
    pub(super) failures: u64,
    pub(super) received_bytes: u64,
    pub(super) response: Times,
    pub(super) service: Times,
    pub(super) failed: Times,
}

#[derive(Debug, Clone, Default)]
pub(super) struct ErrorCounters {
    pub(super) occurrences: u64,
    pub(super) first_seconds: f64,
    pub(super) last_seconds: f64,
    pub(super) total_nanoseconds: u64,
}

/// The times of one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestTimes {
    /// When it was to be sent.
    pub(super) due: Moment,
    /// When the client could send it: later than due where every connection was busy.
    pub(super) sendable: Moment,
    /// When the client turned to it.
    pub(super) began: Moment,
    /// When its answer was complete or it had failed.
    pub(super) ended: Moment,
}

impl Tally {
    pub(super) fn new(kinds: usize, start: Moment) -> Self {
        let kind = KindCounters {
            requests: 0,
            failures: 0,
            received_bytes: 0,
            response: Times::new(),
            service: Times::new(),
            failed: Times::new(),
        };
        Self(Mutex::new(Counters {
            kinds: vec![kind; kinds],
            errors: BTreeMap::new(),
            send_lag: Times::new(),
            present: 0,
            most_present: 0,
            under_way: 0,
            dropped_sends: 0,
            waited_sends: 0,
            last_end: start,
            late_episodes: 0,
            last_late: Moment(0),
            queries: None,
        }))
    }

    /// Nobody else holds it but for the moment of a report, once a second.
    pub(super) fn lock(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(&self) {
        let mut counters = self.lock();
        counters.present += 1;
        counters.most_present = counters.most_present.max(counters.present);
    }

    pub(super) fn leave(&self) {
        self.lock().present -= 1;
    }
}

impl Counters {
    /// Enters the end of a request of a kind: the bytes of its answer, or why it failed.
    pub(super) fn enter_end(
        &mut self,
        kind: usize,
        times: RequestTimes,
        start: Moment,
        outcome: &Result<u64, Failure>,
    ) {
        let response = times.ended.since(times.due);
        let counters = &mut self.kinds[kind];
        counters.requests += 1;
        counters.response.record(response);
        counters.service.record(times.ended.since(times.began));
        let lag = times.began.since(times.sendable);
        self.send_lag.record(lag);
        if lag > LAG_NANOSECONDS {
            if times.began.since(self.last_late) > ONE_EPISODE_NANOSECONDS {
                self.late_episodes += 1;
            }
            self.last_late = times.began;
        }
        self.last_end = self.last_end.max(times.ended);
        match outcome {
            Ok(bytes) => counters.received_bytes += bytes,
            Err(failure) => {
                counters.failures += 1;
                counters.failed.record(response);
                self.enter_error(kind, failure, times.ended.seconds_since(start), response);
            }
        }
    }

    fn enter_error(&mut self, kind: usize, failure: &Failure, seconds: f64, response: u64) {
        let key = (kind, failure.words.to_string());
        let known = self.errors.contains_key(&key);
        let key = if known || self.errors.len() < MOST_ERRORS {
            key
        } else {
            (kind, OTHER_ERRORS.to_owned())
        };
        let error = self.errors.entry(key).or_insert_with(|| ErrorCounters {
            first_seconds: seconds,
            ..ErrorCounters::default()
        });
        error.occurrences += 1;
        error.last_seconds = seconds;
        error.total_nanoseconds = error.total_nanoseconds.saturating_add(response);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_without_end_take_no_memory_without_end() {
        let tally = Tally::new(1, Moment(0));
        let times = RequestTimes {
            due: Moment(0),
            sendable: Moment(0),
            began: Moment(5),
            ended: Moment(1_000_000),
        };
        let mut counters = tally.lock();
        for number in 0..10_000 {
            let failure = Failure::answer(format!("error {number}"));
            counters.enter_end(0, times, Moment(0), &Err(failure));
        }
        assert_eq!(counters.errors.len(), MOST_ERRORS + 1);
        let all: u64 = counters.errors.values().map(|error| error.occurrences).sum();
        assert_eq!(
            (all, counters.kinds[0].failures, counters.kinds[0].failed.count()),
            (10_000, 10_000, 10_000)
        );
    }
}
