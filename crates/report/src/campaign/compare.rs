//! Platforms side by side, slot by slot.

use weighbridge_experiment::CellKey;

use super::{SlotRun, worked};
use crate::analysis::sign_flip::{FEWEST_PAIRS, sign_flip_95};
use crate::analysis::statistics::{mean, median};
use crate::analysis::{Comparison, NotCompared, Report, Words, verdict_in_words};

const METHOD: &str = "paired by slot, log-ratios of the medians of a slot, studentised sign-flip \
                      permutation test inverted, 95 %";

pub(super) fn compare(
    cells: &[CellKey],
    runs: &[SlotRun<'_>],
    reports: &[Report],
) -> (Vec<Comparison>, Vec<NotCompared>) {
    let (mut compared, mut not_compared) = (Vec::new(), Vec::new());
    for (first, a) in cells.iter().enumerate() {
        for b in cells[first + 1..].iter().filter(|b| b.workload == a.workload) {
            match refusal(a, b, reports) {
                Some(reason) => not_compared.push(reason.clone()),
                None => compared.push(pair(a, b, runs, reports)),
            }
        }
    }
    (compared, not_compared)
}

/// A pair that may not be compared in one slot may not be in the campaign.
fn refusal<'r>(a: &CellKey, b: &CellKey, reports: &'r [Report]) -> Option<&'r NotCompared> {
    reports.iter().flat_map(|report| &report.not_compared).find(|pair| {
        pair.workload == a.workload && pair.a == a.environment && pair.b == b.environment
    })
}

fn pair(a: &CellKey, b: &CellKey, runs: &[SlotRun<'_>], reports: &[Report]) -> Comparison {
    let ratios: Vec<f64> =
        runs.iter().filter_map(|run| Some((middle(run, b)? / middle(run, a)?).ln())).collect();
    let seed = runs.first().map_or(0, |run| run.record.header.plan.seed);
    let tested = sign_flip_95(&ratios, seed);
    let ratio = mean(&ratios).map(f64::exp);
    let ci95 = tested.map(|tested| [tested.interval.0.exp(), tested.interval.1.exp()]);
    let detected = tested.is_some_and(|tested| tested.detected());
    let too_few = match ratios.len() {
        0 => "no slot in which both worked".to_owned(),
        count => format!("too few slots: {count} in which both worked, {FEWEST_PAIRS} needed"),
    };
    let verdict = match (ratio, ci95) {
        (Some(ratio), Some(interval)) => {
            verdict_in_words(Words::TIME, &b.environment, ratio, interval, detected)
        }
        _ => format!("no verdict: {too_few}"),
    };
    Comparison {
        workload: a.workload.clone(),
        metric: "trial_seconds".to_owned(),
        mode: None,
        a: a.environment.clone(),
        b: b.environment.clone(),
        n: ratios.len(),
        ratio,
        ci95,
        ci95_reason: ci95.is_none().then_some(too_few),
        p_value: tested.map(|tested| tested.p_value),
        detected,
        verdict,
        labels: labels(a, b, reports),
        method: METHOD.to_owned(),
    }
}

/// The median time of the trials of a cell in one slot.
fn middle(run: &SlotRun<'_>, cell: &CellKey) -> Option<f64> {
    let times: Vec<f64> =
        worked(run, cell).map(|measured| measured.total_nanoseconds as f64).collect();
    median(&times).filter(|middle| *middle > 0.0)
}

/// What any slot says beside the same pair.
fn labels(a: &CellKey, b: &CellKey, reports: &[Report]) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    let same = |pair: &&Comparison| {
        pair.workload == a.workload && pair.a == a.environment && pair.b == b.environment
    };
    for label in reports
        .iter()
        .flat_map(|report| report.comparisons.iter().filter(same))
        .flat_map(|comparison| &comparison.labels)
    {
        if !labels.contains(label) {
            labels.push(label.clone());
        }
    }
    labels
}
