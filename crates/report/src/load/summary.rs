//! The verdict on a load, as `--format json` prints it.

use schemars::JsonSchema;
use serde::Serialize;
use weighbridge_experiment::load::{
    ErrorTally, LoadRecord, RequestTally, Threshold, ThresholdMetric,
};

use super::early_stopping::least_samples;
use super::times::{LoadTimesError, Times};

/// Name and version of the format.
pub const LOAD_FORMAT: &str = "weighbridge.load/1";
const CLIENT_LIMITED: &str = "client-limited";

/// What a load came to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LoadSummary {
    /// `weighbridge.load/1`.
    pub format: &'static str,
    /// Whether the client carried out what was planned; if not, no other number says anything
    /// about the service.
    pub valid: bool,
    /// `client-limited`; null where the load is valid. `details.client.limited_by` says how.
    pub invalid_reason: Option<String>,
    /// Requests that came to an end, failed ones included.
    pub requests: u64,
    /// Failed ones among them: no answer, a broken one, a timeout, status 400 and above.
    pub failures: u64,
    /// Requests that came to an end, a second.
    pub rps: f64,
    /// From the start to the last answer or the end of the plan, whichever is later.
    pub duration_seconds: f64,
    /// The most users at a time; in the open model the most busy connections.
    pub users: u32,
    /// From when a request was due to the end of its answer, milliseconds, of all requests.
    pub response_ms: TimeFigures,
    /// From when it was sent, milliseconds, of all requests.
    pub service_ms: TimeFigures,
    /// From when a request could be sent to when it was, milliseconds.
    pub send_lag_ms: SendLag,
    /// Requests that were due and never sent, since too many others waited for a connection.
    pub dropped_sends: u64,
    /// The client.
    pub client: ClientFigures,
    /// What stands behind the figures.
    pub details: LoadDetails,
}

/// Figures of a set of times in milliseconds. A percentile is null where there are too few
/// samples for it; `details.missing` says so.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct TimeFigures {
    pub mean: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub p50: Option<f64>,
    pub p66: Option<f64>,
    pub p75: Option<f64>,
    pub p80: Option<f64>,
    pub p90: Option<f64>,
    pub p95: Option<f64>,
    pub p98: Option<f64>,
    pub p99: Option<f64>,
    pub p99_9: Option<f64>,
}

/// Figures of the send lag in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct SendLag {
    /// Median.
    pub p50: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Longest.
    pub max: Option<f64>,
}

/// What the client took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct ClientFigures {
    /// Processor time of the whole process over the requests, microseconds.
    pub cpu_us_per_request: Option<f64>,
    /// Highest resident memory of the process, bytes.
    pub memory_peak_bytes: Option<u64>,
}

/// What stands behind the figures.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LoadDetails {
    /// Where requests went.
    pub target: String,
    /// Whether the load was stopped before its end.
    pub interrupted: bool,
    /// Requests under way when it was stopped; they are in no other figure.
    pub unfinished: u64,
    /// Requests that waited for a free connection; the wait is in their response time.
    pub waited_sends: u64,
    /// Response times of requests that succeeded, milliseconds.
    pub succeeded_ms: TimeFigures,
    /// Times after which requests failed, milliseconds.
    pub failed_ms: TimeFigures,
    /// By kind of request.
    pub requests: Vec<RequestSummary>,
    /// Ways in which requests failed.
    pub errors: Vec<ErrorSummary>,
    /// Conditions that were given, and whether they hold.
    pub thresholds: Vec<ThresholdResult>,
    /// How the client fared.
    pub client: weighbridge_experiment::load::ClientHealth,
    /// Figures that are null, and why.
    pub missing: Vec<Missing>,
}

/// Figures of one kind of request.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RequestSummary {
    /// Its name.
    pub name: String,
    /// Its method.
    pub method: String,
    /// Requests that came to an end.
    pub requests: u64,
    /// Failed ones among them.
    pub failures: u64,
    /// Response times in milliseconds.
    pub response_ms: TimeFigures,
    /// Mean length of an answer's body in bytes.
    pub mean_body_bytes: Option<f64>,
}

/// One way in which requests failed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ErrorSummary {
    /// The request.
    pub name: String,
    /// Its method.
    pub method: String,
    /// What happened.
    pub error: String,
    /// How often.
    pub occurrences: u64,
    /// Mean time after which it happened, milliseconds.
    pub mean_ms: f64,
}

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ThresholdResult {
    /// The condition as it was written.
    pub threshold: String,
    /// The value; null where there are too few samples, and then it does not hold.
    pub value: Option<f64>,
    /// Whether it holds.
    pub passed: bool,
}

/// A figure that is null.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Missing {
    /// Which.
    pub figure: String,
    /// Why.
    pub reason: String,
}

/// Judges a load.
///
/// # Errors
///
/// A histogram of the record cannot be read.
pub fn summarise(record: &LoadRecord) -> Result<LoadSummary, LoadTimesError> {
    let response = Times::of_all(record, |tally| &tally.response)?;
    let service = Times::of_all(record, |tally| &tally.service)?;
    let failed = Times::of_all(record, |tally| &tally.failed)?;
    let lag = Times::read(&record.send_lag)?;
    let requests = record.requests.iter().map(|tally| tally.requests).sum();
    let failures = record.requests.iter().map(|tally| tally.failures).sum();
    let rps = requests as f64 / record.duration_seconds;
    let client = &record.client;
    let by_request: Result<Vec<_>, _> = record.requests.iter().map(request_summary).collect();
    let facts = Facts { response: &response, requests, failures, rps };
    Ok(LoadSummary {
        format: LOAD_FORMAT,
        valid: client.limited_by.is_empty(),
        invalid_reason: (!client.limited_by.is_empty()).then(|| CLIENT_LIMITED.to_owned()),
        requests,
        failures,
        rps,
        duration_seconds: record.duration_seconds,
        users: record.users,
        response_ms: figures(&response),
        service_ms: figures(&service),
        send_lag_ms: SendLag {
            p50: shown(&lag, 50.0),
            p99: shown(&lag, 99.0),
            max: lag.max_milliseconds(),
        },
        dropped_sends: record.dropped_sends,
        client: ClientFigures {
            cpu_us_per_request: client
                .cpu_nanoseconds
                .filter(|_| requests > 0)
                .map(|cpu| cpu as f64 / 1e3 / requests as f64),
            memory_peak_bytes: client.memory_peak_bytes,
        },
        details: LoadDetails {
            target: record.plan.target.to_string(),
            interrupted: record.interrupted,
            unfinished: record.unfinished,
            waited_sends: record.waited_sends,
            succeeded_ms: figures(&response.without(&failed)?),
            failed_ms: figures(&failed),
            requests: by_request?,
            errors: record.errors.iter().map(error_summary).collect(),
            thresholds: record.plan.thresholds.iter().map(|it| facts.judge(it)).collect(),
            client: client.clone(),
            missing: missing(&response, client, requests),
        },
    })
}

/// The percentiles of the summary, by the names of their fields.
pub(crate) const PERCENTILES: [(&str, f64); 9] = [
    ("p50", 50.0),
    ("p66", 66.0),
    ("p75", 75.0),
    ("p80", 80.0),
    ("p90", 90.0),
    ("p95", 95.0),
    ("p98", 98.0),
    ("p99", 99.0),
    ("p99_9", 99.9),
];

/// A percentile in milliseconds where there are samples enough for it.
pub(crate) fn shown(times: &Times, percentile: f64) -> Option<f64> {
    let enough = least_samples(percentile).is_some_and(|least| times.count() >= least);
    times.milliseconds(percentile).filter(|_| enough)
}

pub(crate) fn figures(times: &Times) -> TimeFigures {
    let [p50, p66, p75, p80, p90, p95, p98, p99, p99_9] =
        PERCENTILES.map(|(_, percentile)| shown(times, percentile));
    TimeFigures {
        mean: times.mean_milliseconds(),
        min: times.min_milliseconds(),
        max: times.max_milliseconds(),
        p50,
        p66,
        p75,
        p80,
        p90,
        p95,
        p98,
        p99,
        p99_9,
    }
}

fn request_summary(tally: &RequestTally) -> Result<RequestSummary, LoadTimesError> {
    let succeeded = tally.requests - tally.failures;
    Ok(RequestSummary {
        name: tally.name.clone(),
        method: tally.method.clone(),
        requests: tally.requests,
        failures: tally.failures,
        response_ms: figures(&Times::read(&tally.response)?),
        mean_body_bytes: (succeeded > 0).then(|| tally.received_bytes as f64 / succeeded as f64),
    })
}

fn error_summary(error: &ErrorTally) -> ErrorSummary {
    ErrorSummary {
        name: error.name.clone(),
        method: error.method.clone(),
        error: error.error.clone(),
        occurrences: error.occurrences,
        mean_ms: error.total_nanoseconds as f64 / 1e6 / error.occurrences.max(1) as f64,
    }
}

fn missing(
    response: &Times,
    client: &weighbridge_experiment::load::ClientHealth,
    requests: u64,
) -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut add = |figure: String, reason: String| missing.push(Missing { figure, reason });
    for (name, percentile) in PERCENTILES {
        if shown(response, percentile).is_none() {
            let least = least_samples(percentile).unwrap_or(u64::MAX);
            let reason = format!("too few samples: {} of at least {least}", response.count());
            add(format!("response_ms.{name}"), reason.clone());
            add(format!("service_ms.{name}"), reason);
        }
    }
    if requests == 0 {
        add("client.cpu_us_per_request".to_owned(), "no request came to an end".to_owned());
    } else if client.cpu_nanoseconds.is_none() {
        add("client.cpu_us_per_request".to_owned(), "getrusage failed".to_owned());
    }
    if client.memory_peak_bytes.is_none() {
        add("client.memory_peak_bytes".to_owned(), "/proc/self/status cannot be read".to_owned());
    }
    missing
}

struct Facts<'a> {
    response: &'a Times,
    requests: u64,
    failures: u64,
    rps: f64,
}

impl Facts<'_> {
    fn judge(&self, threshold: &Threshold) -> ThresholdResult {
        let value = match threshold.metric {
            ThresholdMetric::Percentile(percentile) => shown(self.response, percentile),
            ThresholdMetric::Mean => self.response.mean_milliseconds(),
            ThresholdMetric::Max => self.response.max_milliseconds(),
            ThresholdMetric::Failures => {
                (self.requests > 0).then(|| self.failures as f64 / self.requests as f64 * 100.0)
            }
            ThresholdMetric::Rps => Some(self.rps),
        };
        ThresholdResult {
            threshold: threshold.text.clone(),
            value,
            passed: value.is_some_and(|value| threshold.holds(value)),
        }
    }
}
