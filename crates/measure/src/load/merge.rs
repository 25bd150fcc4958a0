//! Putting records of one load together: its intervals, and its workers. Counters are added
//! and histograms of one resolution merged, so that nothing is lost.

use weighbridge_experiment::load::{
    ClientHealth, EncodedHistogram, ErrorTally, IntervalTally, LoadRecord, RequestTally,
};

use super::error::LoadError;
use super::histogram::Times;
use super::tally::Counters;

impl Counters {
    /// Adds another thread's counters.
    pub(super) fn add(&mut self, other: &Self) {
        for (kind, more) in self.kinds.iter_mut().zip(&other.kinds) {
            kind.requests += more.requests;
            kind.failures += more.failures;
            kind.received_bytes += more.received_bytes;
            kind.response.add(&more.response);
            kind.service.add(&more.service);
            kind.failed.add(&more.failed);
        }
        for (key, more) in &other.errors {
            match self.errors.get_mut(key) {
                None => {
                    self.errors.insert(key.clone(), more.clone());
                }
                Some(error) => {
                    error.occurrences += more.occurrences;
                    error.total_nanoseconds += more.total_nanoseconds;
                    error.first_seconds = error.first_seconds.min(more.first_seconds);
                    error.last_seconds = error.last_seconds.max(more.last_seconds);
                }
            }
        }
        self.send_lag.add(&other.send_lag);
        self.late_episodes += other.late_episodes;
        self.present += other.present;
        self.most_present += other.most_present;
        self.under_way += other.under_way;
        self.dropped_sends += other.dropped_sends;
        self.waited_sends += other.waited_sends;
        self.last_end = self.last_end.max(other.last_end);
        if let Some(more) = &other.queries {
            self.queries.get_or_insert_with(Times::new).add(more);
        }
    }

    /// Response times of all kinds.
    pub(super) fn response(&self) -> Times {
        let mut all = Times::new();
        self.kinds.iter().for_each(|kind| all.add(&kind.response));
        all
    }
}

/// The record of a whole load from those of its workers.
///
/// # Errors
///
/// There is no record, they are of different requests, or a histogram cannot be read.
pub fn merge_records(records: &[LoadRecord]) -> Result<LoadRecord, LoadError> {
    let (first, rest) = records.split_first().ok_or(LoadError::DifferentLoads)?;
    let mut whole = first.clone();
    for record in rest {
        add(&mut whole, record)?;
    }
    Ok(whole)
}

fn add(whole: &mut LoadRecord, record: &LoadRecord) -> Result<(), LoadError> {
    if whole.requests.len() != record.requests.len() {
        return Err(LoadError::DifferentLoads);
    }
    for (request, more) in whole.requests.iter_mut().zip(&record.requests) {
        if request.name != more.name {
            return Err(LoadError::DifferentLoads);
        }
        add_request(request, more)?;
    }
    for more in &record.errors {
        add_error(&mut whole.errors, more);
    }
    whole.intervals = add_intervals(&whole.intervals, &record.intervals);
    merge_into(&mut whole.send_lag, &record.send_lag)?;
    if let Some(more) = &record.queries {
        merge_into(whole.queries.get_or_insert_default(), more)?;
    }
    whole.duration_seconds = whole.duration_seconds.max(record.duration_seconds);
    whole.interrupted |= record.interrupted;
    whole.users += record.users;
    whole.dropped_sends += record.dropped_sends;
    whole.waited_sends += record.waited_sends;
    whole.unfinished += record.unfinished;
    add_client(&mut whole.client, &record.client);
    Ok(())
}

fn add_request(request: &mut RequestTally, more: &RequestTally) -> Result<(), LoadError> {
    request.requests += more.requests;
    request.failures += more.failures;
    request.received_bytes += more.received_bytes;
    merge_into(&mut request.response, &more.response)?;
    merge_into(&mut request.service, &more.service)?;
    merge_into(&mut request.failed, &more.failed)
}

fn merge_into(whole: &mut EncodedHistogram, more: &EncodedHistogram) -> Result<(), LoadError> {
    let mut times = Times::decoded(whole)?;
    times.add(&Times::decoded(more)?);
    *whole = times.encoded();
    Ok(())
}

fn add_error(errors: &mut Vec<ErrorTally>, more: &ErrorTally) {
    let same = |error: &&mut ErrorTally| {
        (&error.method, &error.name, &error.error) == (&more.method, &more.name, &more.error)
    };
    match errors.iter_mut().find(same) {
        None => errors.push(more.clone()),
        Some(error) => {
            error.occurrences += more.occurrences;
            error.first_seconds = error.first_seconds.min(more.first_seconds);
            error.last_seconds = error.last_seconds.max(more.last_seconds);
            error.total_nanoseconds += more.total_nanoseconds;
        }
    }
}

/// Each worker's intervals begin a little apart: they are put together by the nearest start.
fn add_intervals(left: &[IntervalTally], right: &[IntervalTally]) -> Vec<IntervalTally> {
    let mut whole = left.to_vec();
    for more in right {
        let nearest = whole.iter_mut().find(|interval| {
            (interval.from_seconds - more.from_seconds).abs()
                < interval.seconds.max(more.seconds) / 2.0
        });
        match nearest {
            None => whole.push(more.clone()),
            Some(interval) => {
                let users = interval.users + more.users;
                let (from_seconds, seconds) =
                    (interval.from_seconds, interval.seconds.max(more.seconds));
                *interval = merge_intervals(interval, more);
                (interval.users, interval.from_seconds, interval.seconds) =
                    (users, from_seconds, seconds);
            }
        }
    }
    whole.sort_by(|a, b| a.from_seconds.total_cmp(&b.from_seconds));
    whole
}

/// Two intervals one after the other as one.
pub(super) fn merge_intervals(first: &IntervalTally, second: &IntervalTally) -> IntervalTally {
    let mut response = Times::decoded(&first.response).unwrap_or_else(|_| Times::new());
    if let Ok(more) = Times::decoded(&second.response) {
        response.add(&more);
    }
    IntervalTally {
        from_seconds: first.from_seconds,
        seconds: first.seconds + second.seconds,
        users: second.users,
        requests: first.requests + second.requests,
        failures: first.failures + second.failures,
        received_bytes: first.received_bytes + second.received_bytes,
        response: response.encoded(),
    }
}

fn add_client(whole: &mut ClientHealth, more: &ClientHealth) {
    let sum = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a + b);
    let worse = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a.max(b));
    whole.cpu_nanoseconds = sum(whole.cpu_nanoseconds, more.cpu_nanoseconds);
    whole.memory_peak_bytes = sum(whole.memory_peak_bytes, more.memory_peak_bytes);
    whole.threads += more.threads;
    whole.busiest_thread_percent = worse(whole.busiest_thread_percent, more.busiest_thread_percent);
    whole.waiting_percent = worse(whole.waiting_percent, more.waiting_percent);
    whole.wakeup_delay_nanoseconds =
        whole.wakeup_delay_nanoseconds.zip(more.wakeup_delay_nanoseconds).map(|(a, b)| a.max(b));
    whole.steal_percent = worse(whole.steal_percent, more.steal_percent);
    whole.limited_by.extend(more.limited_by.iter().cloned());
    whole.notes.extend(more.notes.iter().cloned());
}
