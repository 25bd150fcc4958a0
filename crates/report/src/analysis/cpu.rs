//! Processor use from cumulative counters. Does not know which instrument read them.

use weighbridge_experiment::{Instrument, PaperCpu, Sample};

use super::model::{CpuPercent, PaperCpuPercent};
use super::statistics::{mean, median};
use super::trials::CellTrials;

/// Samples closer than this are taken as one interval: a counter read twice within a few
/// milliseconds says more about the reading than about the application.
const SHORTEST_INTERVAL_SECONDS: f64 = 0.05;

/// The edge paper averaged samples of at least so much.
pub(crate) const ACTIVE_PERCENT: f64 = 100.0;

/// Use over one interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    start: f64,
    end: f64,
    cpu_seconds: f64,
}

impl Interval {
    fn percent(&self) -> f64 {
        100.0 * self.cpu_seconds / (self.end - self.start)
    }
}

/// Differences between consecutive samples; too short ones joined to a neighbour.
fn intervals(samples: &[Sample]) -> Vec<Interval> {
    let readings: Vec<(f64, u64)> = samples
        .iter()
        .filter_map(|sample| Some((sample.at_seconds, sample.usage.cpu_nanoseconds?)))
        .collect();
    let mut joined: Vec<Interval> = Vec::new();
    for pair in readings.windows(2) {
        let [(start, before), (end, after)] = [pair[0], pair[1]];
        if end <= start {
            continue;
        }
        let next = Interval { start, end, cpu_seconds: after.saturating_sub(before) as f64 / 1e9 };
        match joined.last_mut() {
            Some(last) if last.end - last.start < SHORTEST_INTERVAL_SECONDS => extend(last, next),
            _ => joined.push(next),
        }
    }
    let tail_is_short =
        joined.last().is_some_and(|last| last.end - last.start < SHORTEST_INTERVAL_SECONDS);
    if tail_is_short && joined.len() > 1 {
        let tail = joined.pop();
        if let (Some(last), Some(tail)) = (joined.last_mut(), tail) {
            extend(last, tail);
        }
    }
    joined
}

fn extend(interval: &mut Interval, next: Interval) {
    interval.end = next.end;
    interval.cpu_seconds += next.cpu_seconds;
}

/// Processor seconds between the first and the last sample, and the time between them.
pub(crate) fn cpu_over(samples: &[Sample]) -> Option<(f64, f64)> {
    let all = intervals(samples);
    let time = all.last()?.end - all.first()?.start;
    Some((all.iter().map(|interval| interval.cpu_seconds).sum(), time))
}

/// The block of the trial whose time is the median (the lower one of two), with its place.
fn median_trial(trials: &CellTrials<'_>) -> Option<usize> {
    let seconds = trials.seconds();
    let centre = median(&seconds)?;
    let distance = |index: &usize| (seconds[*index] - centre).abs();
    (0..seconds.len()).min_by(|x, y| distance(x).total_cmp(&distance(y)))
}

/// Processor use of a cell; the reason where there is none.
pub(crate) fn cpu_percent(trials: &CellTrials<'_>, cpus: f64) -> Result<CpuPercent, String> {
    let (_, first) = trials.worked.first().ok_or_else(|| trials.absence())?;
    let by_trial: Vec<Vec<Interval>> =
        trials.worked.iter().map(|(_, measurement)| intervals(&measurement.outside)).collect();
    let means: Vec<f64> = trials
        .worked
        .iter()
        .filter_map(|(_, measurement)| cpu_over(&measurement.outside))
        .map(|(cpu, time)| 100.0 * cpu / time)
        .collect();
    let mean_all = mean(&means).ok_or_else(|| match &first.instruments.cpu {
        Instrument::Missing(reason) => reason.clone(),
        Instrument::Present(_) => {
            "fewer than two samples of processor time in every trial".to_owned()
        }
    })?;
    let percents = || by_trial.iter().flatten().map(Interval::percent);
    let active: Vec<f64> = percents().filter(|percent| *percent >= ACTIVE_PERCENT).collect();
    let half_allotment = 50.0 * cpus;
    let reached: Vec<f64> = by_trial
        .iter()
        .filter_map(|trial| trial.iter().find(|interval| interval.percent() >= half_allotment))
        .map(|interval| interval.end)
        .collect();
    let middle = median_trial(trials).unwrap_or(0);
    Ok(CpuPercent {
        mean_active: mean(&active),
        mean_active_reason: active.is_empty().then(|| {
            format!("none of {} intervals reached {ACTIVE_PERCENT} %", percents().count())
        }),
        mean_all,
        trace: by_trial[middle].iter().map(|interval| [interval.end, interval.percent()]).collect(),
        trace_block: trials.worked[middle].0,
        half_allotment,
        half_reached_seconds: mean(&reached),
        half_reached_seconds_reason: reached
            .is_empty()
            .then(|| format!("no interval of any trial reached {half_allotment} %")),
        half_reached_trials: reached.len(),
        paper: paper(trials),
    })
}

/// What the edge paper's tool showed over all trials; nothing where it was not asked for.
fn paper(trials: &CellTrials<'_>) -> Option<PaperCpuPercent> {
    let read: Vec<&PaperCpu> =
        trials.worked.iter().filter_map(|(_, trial)| trial.paper_cpu.as_ref()).collect();
    let instrument = read
        .iter()
        .find(|one| matches!(one.instrument, Instrument::Present(_)))
        .or(read.first())?
        .instrument
        .line();
    let all: Vec<f64> =
        read.iter().flat_map(|one| &one.percents).map(|[_, percent]| *percent).collect();
    let active: Vec<f64> =
        all.iter().copied().filter(|percent| *percent >= ACTIVE_PERCENT).collect();
    let nothing_shown = || {
        if read.iter().all(|one| matches!(one.instrument, Instrument::Missing(_))) {
            return instrument.clone();
        }
        "it shows a figure a second, and no trial was as long".to_owned()
    };
    let none_active = || match all.len() {
        0 => nothing_shown(),
        count => format!("none of its {count} figures reached {ACTIVE_PERCENT} %"),
    };
    Some(PaperCpuPercent {
        mean_active: mean(&active),
        mean_active_reason: active.is_empty().then(none_active),
        mean_all: mean(&all),
        mean_all_reason: all.is_empty().then(nothing_shown),
        figures: all.len(),
        instrument,
    })
}

#[cfg(test)]
mod tests {
    use weighbridge_experiment::Usage;

    use super::*;

    fn sample(at_seconds: f64, cpu_milliseconds: u64) -> Sample {
        let usage =
            Usage { cpu_nanoseconds: Some(cpu_milliseconds * 1_000_000), ..Usage::default() };
        Sample { at_seconds, usage }
    }

    #[test]
    fn use_is_the_difference_of_counters() {
        let found = intervals(&[sample(0.0, 500), sample(0.1, 650), sample(0.2, 850)]);
        let percents: Vec<i64> =
            found.iter().map(|interval| interval.percent().round() as i64).collect();
        assert_eq!(percents, [150, 200]);
        let (cpu, time) =
            cpu_over(&[sample(0.0, 500), sample(0.1, 650), sample(0.2, 850)]).expect("samples");
        assert!((cpu - 0.35).abs() < 1e-12 && (time - 0.2).abs() < 1e-12);
    }

    #[test]
    fn short_intervals_join_their_neighbour_and_none_is_lost() {
        let found =
            intervals(&[sample(0.0, 0), sample(0.01, 10), sample(0.1, 100), sample(0.103, 150)]);
        assert_eq!(found.len(), 1);
        assert!((found[0].cpu_seconds - 0.15).abs() < 1e-12);
        assert_eq!(intervals(&[sample(0.0, 0), sample(0.01, 10)]).len(), 1);
    }

    #[test]
    fn a_missing_counter_gives_nothing() {
        let blind = Sample { at_seconds: 0.0, usage: Usage::default() };
        assert_eq!(cpu_over(&[blind, Sample { at_seconds: 1.0, ..blind }]), None);
        assert_eq!(cpu_over(&[sample(0.0, 0)]), None);
    }
}
