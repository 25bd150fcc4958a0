//! Carrying out a load: threads, intervals, and the record at the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use weighbridge_experiment::load::{
    ErrorTally, IntervalTally, LoadModel, LoadPlan, LoadRecord, MlperfScenario, RequestTally,
};

use super::connect::Connector;
use super::context::Shared;
use super::control::{LoadControl, LoadSnapshot};
use super::distributed::Share;
use super::error::LoadError;
use super::health::{HealthMeter, ThreadCost, limits};
use super::histogram::Times;
use super::moment::Moment;
use super::prepared::PreparedRequests;
use super::tally::Counters;
use super::threads::SendingThread;
use super::{limits as descriptors, tls};

/// Threads need this long to be ready.
const BEFORE_THE_START: Duration = Duration::from_millis(20);
const TICK: Duration = Duration::from_millis(100);
const INTERVAL_SECONDS: f64 = 1.0;
/// More intervals than these are merged by pairs: ten minutes in seconds, a day in minutes.
const MOST_INTERVALS: usize = 600;
/// Connections that one thread serves before another one helps.
const CONNECTIONS_PER_THREAD: u32 = 256;

/// What a load needs beside its plan.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Sending threads; by processors and connections unless given.
    pub threads: Option<u32>,
    /// Certificates to trust in place of the well-known ones, PEM.
    pub authorities: Option<Vec<u8>>,
    /// Trusts whatever certificate the service shows.
    pub trust_anybody: bool,
    /// Directory from which paths of bodies are taken.
    pub base: PathBuf,
    /// Which part of the load is sent from here; all of it unless told.
    pub share: Share,
    /// The wall clock at the start, in milliseconds since 1970.
    pub started_unix_milliseconds: u64,
}

/// Carries out a load; returns when the last answer came, or soon after it was stopped.
/// `observe` is called every second, from this thread.
///
/// # Errors
///
/// Only before anything is sent: the target is not there, a file cannot be read, there are too
/// few descriptors. Whatever happens to a request is a result.
pub fn run_load(
    plan: &LoadPlan,
    options: &LoadOptions,
    control: &LoadControl,
    observe: &mut dyn FnMut(&LoadSnapshot),
) -> Result<LoadRecord, LoadError> {
    descriptors::allow_connections(plan.connections())?;
    let requests = PreparedRequests::new(plan, &options.base)?;
    let configuration = if plan.target.tls {
        let authorities = options.authorities.as_deref();
        Some(tls::configuration(plan.http, authorities, options.trust_anybody)?)
    } else {
        None
    };
    let with_bodies = plan.requests.iter().any(|request| !request.body.is_empty());
    let (target, connections) = (plan.target.clone(), plan.connections());
    let connector = Connector::new(target, plan.http, connections, with_bodies, configuration)?;
    connector.try_once()?;
    let threads = threads(plan, options.threads);
    let start = Moment::now().after(BEFORE_THE_START);
    let shared = Arc::new(Shared {
        plan: plan.clone(),
        requests,
        connector,
        start,
        timeout: Duration::from_secs_f64(plan.timeout_seconds),
        threads,
        share: options.share,
    });
    let left = Arc::new(AtomicU64::new(samples(plan)));
    let health = HealthMeter::start();
    let sending: Vec<SendingThread> = (0..threads)
        .map(|thread| {
            SendingThread::start(Arc::clone(&shared), thread, Arc::clone(&left), control.watch())
        })
        .collect::<Result<_, _>>()?;
    let mut timeline = Timeline::new(plan, start);
    watch(&sending, &mut timeline, observe);
    finish(plan, options, control, sending, timeline, health)
}

fn threads(plan: &LoadPlan, asked: Option<u32>) -> u32 {
    let one = matches!(&plan.model, LoadModel::Mlperf(mlperf)
        if matches!(mlperf.scenario, MlperfScenario::SingleStream | MlperfScenario::MultiStream));
    if one {
        return 1;
    }
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let useful = plan.connections().div_ceil(CONNECTIONS_PER_THREAD);
    let most = asked.unwrap_or_else(|| useful.min(u32::try_from(processors).unwrap_or(1)));
    most.clamp(1, plan.connections().max(1))
}

fn samples(plan: &LoadPlan) -> u64 {
    match &plan.model {
        LoadModel::Mlperf(mlperf) => mlperf.queries,
        LoadModel::Users { .. } | LoadModel::Rate { .. } => 0,
    }
}

/// Closes an interval every second until all threads are done.
fn watch(
    sending: &[SendingThread],
    timeline: &mut Timeline,
    observe: &mut dyn FnMut(&LoadSnapshot),
) {
    while !sending.iter().all(|thread| thread.handle.is_finished()) {
        thread::sleep(TICK);
        if Moment::now().seconds_since(timeline.from) >= INTERVAL_SECONDS {
            observe(&timeline.close(&counters(sending)));
        }
    }
}

/// The sum of all threads' counters.
fn counters(sending: &[SendingThread]) -> Counters {
    let mut all = sending.iter().map(|thread| thread.tally.lock().clone());
    let first = all.next();
    let mut sum = first.unwrap_or_else(|| super::tally::Tally::new(0, Moment(0)).lock().clone());
    all.for_each(|other| sum.add(&other));
    sum
}

fn finish(
    plan: &LoadPlan,
    options: &LoadOptions,
    control: &LoadControl,
    sending: Vec<SendingThread>,
    mut timeline: Timeline,
    health: HealthMeter,
) -> Result<LoadRecord, LoadError> {
    let sum = counters(&sending);
    timeline.close(&sum);
    let mut costs: Vec<ThreadCost> = Vec::new();
    for thread in sending {
        costs.push(thread.handle.join().map_err(|_| LoadError::ThreadLost)??);
    }
    let interrupted = control.is_stopped();
    let last = sum.last_end.seconds_since(timeline.start);
    // MLPerf's own durations are least ones.
    let planned = match &plan.model {
        LoadModel::Mlperf(_) => 0.0,
        LoadModel::Users { .. } | LoadModel::Rate { .. } => plan.seconds(),
    };
    let ran = Moment::now().seconds_since(timeline.start);
    let duration_seconds = if interrupted { ran } else { last.max(planned) }.max(1e-6);
    let mut client = health.stop(&costs, duration_seconds);
    client.limited_by = limits(&client, (&sum.send_lag, sum.late_episodes), &sum.response());
    Ok(LoadRecord {
        plan: plan.without_secrets(),
        started_unix_milliseconds: options.started_unix_milliseconds,
        duration_seconds,
        interrupted,
        users: sum.most_present,
        requests: request_tallies(plan, &sum),
        errors: error_tallies(plan, &sum),
        intervals: timeline.intervals,
        send_lag: sum.send_lag.encoded(),
        dropped_sends: sum.dropped_sends,
        waited_sends: sum.waited_sends,
        unfinished: if interrupted { sum.under_way } else { 0 },
        queries: sum.queries.as_ref().map(Times::encoded),
        client,
    })
}

fn request_tallies(plan: &LoadPlan, sum: &Counters) -> Vec<RequestTally> {
    let of = |(request, kind): (
        &weighbridge_experiment::load::LoadRequest,
        &super::tally::KindCounters,
    )| RequestTally {
        name: request.name.clone(),
        method: request.method.clone(),
        requests: kind.requests,
        failures: kind.failures,
        received_bytes: kind.received_bytes,
        response: kind.response.encoded(),
        service: kind.service.encoded(),
        failed: kind.failed.encoded(),
    };
    plan.requests.iter().zip(&sum.kinds).map(of).collect()
}

fn error_tallies(plan: &LoadPlan, sum: &Counters) -> Vec<ErrorTally> {
    let mut errors: Vec<ErrorTally> = sum
        .errors
        .iter()
        .map(|((kind, words), error)| ErrorTally {
            method: plan.requests[*kind].method.clone(),
            name: plan.requests[*kind].name.clone(),
            error: words.clone(),
            occurrences: error.occurrences,
            first_seconds: error.first_seconds,
            last_seconds: error.last_seconds,
            total_nanoseconds: error.total_nanoseconds,
        })
        .collect();
    errors.sort_by_key(|error| std::cmp::Reverse(error.occurrences));
    errors
}

/// The load over time.
struct Timeline {
    start: Moment,
    planned_seconds: f64,
    from: Moment,
    before: Totals,
    intervals: Vec<IntervalTally>,
}

struct Totals {
    requests: u64,
    failures: u64,
    received_bytes: u64,
    response: Times,
}

impl Totals {
    fn of(sum: &Counters) -> Self {
        Self {
            requests: sum.kinds.iter().map(|kind| kind.requests).sum(),
            failures: sum.kinds.iter().map(|kind| kind.failures).sum(),
            received_bytes: sum.kinds.iter().map(|kind| kind.received_bytes).sum(),
            response: sum.response(),
        }
    }
}

impl Timeline {
    fn new(plan: &LoadPlan, start: Moment) -> Self {
        let before = Totals { requests: 0, failures: 0, received_bytes: 0, response: Times::new() };
        Self { start, planned_seconds: plan.seconds(), from: start, before, intervals: Vec::new() }
    }

    /// Ends the current interval with these counters and begins the next.
    fn close(&mut self, sum: &Counters) -> LoadSnapshot {
        let now = Moment::now();
        let totals = Totals::of(sum);
        let response = totals.response.since(&self.before.response);
        let seconds = now.seconds_since(self.from).max(1e-6);
        let interval = IntervalTally {
            from_seconds: self.from.seconds_since(self.start),
            seconds,
            users: sum.present,
            requests: totals.requests - self.before.requests,
            failures: totals.failures - self.before.failures,
            received_bytes: totals.received_bytes - self.before.received_bytes,
            response: response.encoded(),
        };
        let milliseconds =
            |percentile| response.percentile(percentile).map(|time| time as f64 / 1e6);
        let snapshot = LoadSnapshot {
            elapsed_seconds: now.seconds_since(self.start),
            planned_seconds: self.planned_seconds,
            users: sum.present,
            requests: totals.requests,
            failures: totals.failures,
            under_way: sum.under_way,
            rps: interval.requests as f64 / seconds,
            failures_per_second: interval.failures as f64 / seconds,
            response_milliseconds: milliseconds(50.0)
                .zip(milliseconds(95.0))
                .zip(milliseconds(99.0).zip(milliseconds(100.0)))
                .map(|((p50, p95), (p99, max))| [p50, p95, p99, max]),
            send_lag_milliseconds: sum.send_lag.percentile(99.0).map(|lag| lag as f64 / 1e6),
            errors: sum
                .errors
                .iter()
                .map(|((_, words), error)| (words.clone(), error.occurrences))
                .collect(),
        };
        self.intervals.push(interval);
        if self.intervals.len() > MOST_INTERVALS {
            self.intervals = merge_pairs(&self.intervals);
        }
        (self.from, self.before) = (now, totals);
        snapshot
    }
}

fn merge_pairs(intervals: &[IntervalTally]) -> Vec<IntervalTally> {
    intervals
        .chunks(2)
        .map(|pair| match pair {
            [first, second] => super::merge::merge_intervals(first, second),
            rest => rest.first().cloned().unwrap_or_default(),
        })
        .collect()
}
