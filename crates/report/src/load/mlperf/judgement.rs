use weighbridge_experiment::load::{LoadRecord, MlperfPlan, MlperfScenario};

use crate::load::early_stopping::{least_samples, samples_with_slow, slowest_left_out};
use crate::load::times::Times;

/// What MLPerf's rules say of a run.
pub(super) struct Judgement {
    pub(super) queries: u64,
    pub(super) completed_per_second: f64,
    pub(super) long_enough: bool,
    pub(super) queries_enough: bool,
    pub(super) early_stopping: bool,
    pub(super) early_stopping_words: Vec<String>,
    pub(super) recommendations: Vec<String>,
    client_limited: bool,
}

impl Judgement {
    /// `times` are those of queries: of all samples of one together.
    pub(super) fn of(plan: &MlperfPlan, record: &LoadRecord, times: &Times) -> Self {
        let samples: u64 = record.requests.iter().map(|tally| tally.requests).sum();
        let queries = times.count();
        let (early_stopping, early_stopping_words) = early_stopping(plan, times);
        // Offline's one query is as long as it takes; its samples are what is counted.
        let long_enough = record.duration_seconds >= plan.seconds;
        let queries_enough = queries >= plan.queries;
        let mut recommendations = Vec::new();
        if !long_enough {
            recommendations
                .push("Increase the number of samples so the run lasts long enough.".to_owned());
        }
        if !queries_enough {
            recommendations.push("Increase the duration so enough queries are sent.".to_owned());
        }
        recommendations.extend(
            record
                .client
                .limited_by
                .iter()
                .map(|reason| format!("The client was limited: {reason}.")),
        );
        Self {
            queries,
            completed_per_second: samples as f64 / record.duration_seconds,
            long_enough,
            queries_enough,
            early_stopping,
            early_stopping_words,
            recommendations,
            client_limited: !record.client.limited_by.is_empty(),
        }
    }

    pub(super) fn valid(&self) -> bool {
        self.long_enough && self.queries_enough && self.early_stopping && !self.client_limited
    }
}

fn early_stopping(plan: &MlperfPlan, times: &Times) -> (bool, Vec<String>) {
    match plan.scenario {
        MlperfScenario::SingleStream => estimates(times, &[90.0, 99.0]),
        MlperfScenario::MultiStream => estimates(times, &[99.0]),
        MlperfScenario::Server => bounded(plan, times),
        MlperfScenario::Offline => (true, Vec::new()),
    }
}

/// The percentiles as early stopping estimates them: the greatest time that is left when as
/// many of the slowest are taken away as the number of queries allows. The first one decides.
fn estimates(times: &Times, percentiles: &[f64]) -> (bool, Vec<String>) {
    let queries = times.count();
    let mut words = Vec::new();
    let mut met = true;
    for (index, percentile) in percentiles.iter().enumerate() {
        if let Some(slow) = slowest_left_out(*percentile, queries) {
            let place = (queries - slow) as f64 / queries as f64;
            let estimate = times.0.value_at_quantile(place);
            words.push(format!("Would discard {slow} highest latency queries."));
            words.push(format!("Early stopping {percentile:.0}th percentile estimate: {estimate}"));
        } else {
            met &= index > 0;
            let least = least_samples(*percentile).unwrap_or(u64::MAX);
            words.push(format!(
                "Not enough queries processed for {percentile:.0}th percentile early stopping estimate (would need to process at least {least} total queries)."
            ));
        }
    }
    (met, words)
}

/// Whether so many queries over the bound are few enough of all.
fn bounded(plan: &MlperfPlan, times: &Times) -> (bool, Vec<String>) {
    let Some(bound) = plan.latency_bound_milliseconds else {
        return (
            false,
            vec![
                "No latency bound was given, so that nothing can be held to it (--latency-bound)."
                    .to_owned(),
            ],
        );
    };
    let bound = (bound * 1e6) as u64;
    let slow = times.0.count_between(bound.saturating_add(1), u64::MAX >> 1);
    let least = samples_with_slow(99.0, slow).unwrap_or(u64::MAX);
    let met = times.count() >= least;
    let words = if met {
        "Run successful.".to_owned()
    } else {
        format!(
            "Run unsuccessful: {slow} queries over the bound need at least {least} queries in all."
        )
    };
    (met, vec![words])
}
