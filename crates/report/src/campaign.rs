//! The report on a campaign: what all of its slots say together.
//!
//! The unit of comparison is the slot. Within one, all platforms were measured one after
//! another in random order, so what the hour of the day does falls on all of them alike;
//! platforms are compared by the log-ratios of their slots. Does not know how slots come to be.

mod compare;
mod cost;
mod model;
mod tables;
mod trace;

pub use model::{
    CAMPAIGN_REPORT_FORMAT, CampaignReport, DayCost, Platform, PlatformCost, Responses, SlotRow,
    Times,
};
pub use tables::{ids, table};
pub use trace::trace;

use weighbridge_experiment::{
    CampaignRecord, CellKey, InferenceTiming, RunRecord, SlotState, TrialOutcome,
};

use crate::analysis::percentile::Latencies;
use crate::analysis::{CostOfTime, build, facts_by_name};

/// The run of one slot.
#[derive(Debug, Clone, Copy)]
pub struct SlotRun<'a> {
    /// The slot, from 0.
    pub slot: u32,
    /// Its run.
    pub record: &'a RunRecord,
}

/// The published schema of `weighbridge.campaign-report/1`.
#[must_use]
pub fn campaign_report_schema() -> schemars::Schema {
    schemars::schema_for!(CampaignReport)
}

/// The report on a campaign. A pure function: the same records and prices give the same report.
/// `runs` are the slots that have a run, in order.
#[must_use]
pub fn build_campaign(
    campaign: &CampaignRecord,
    runs: &[SlotRun<'_>],
    cost_of_time: &CostOfTime<'_>,
) -> CampaignReport {
    let header = &campaign.header;
    let states = campaign.states();
    let slots = slot_rows(campaign, &states);
    let reports: Vec<_> = runs.iter().map(|run| build(run.record, cost_of_time)).collect();
    let cells = cells(runs);
    let responses = cells.iter().map(|cell| responses(cell, runs, &reports)).collect();
    let (comparisons, not_compared) = compare::compare(&cells, runs, &reports);
    let mut notes = Vec::new();
    let missing = states.iter().filter(|state| matches!(state, SlotState::Missed { .. })).count();
    if missing > 0 {
        notes.push(format!(
            "{missing} of {} slots were missed: their hours are not in any number",
            states.len()
        ));
    }
    if !campaign.is_over() {
        notes.push("the campaign is not over: numbers stand on the slots so far".to_owned());
    }
    if comparisons.len() > 1 {
        notes.push(format!(
            "each of the {} verdicts is tested at 5 % by itself: of 20 comparisons of identical \
             systems about one is called different",
            comparisons.len()
        ));
    }
    CampaignReport {
        format: CAMPAIGN_REPORT_FORMAT.to_owned(),
        id: header.id.to_string(),
        name: header.name.clone(),
        started: header.started,
        schedule: header.schedule.rule.to_string(),
        tool_version: header.tool_version.clone(),
        slots,
        platforms: platforms(runs),
        responses,
        comparisons,
        not_compared,
        costs: cost::costs(campaign, runs, cost_of_time),
        notes,
    }
}

fn slot_rows(campaign: &CampaignRecord, states: &[SlotState]) -> Vec<SlotRow> {
    let row = |(index, (state, due)): (usize, (&SlotState, &jiff::Timestamp))| {
        let (word, reason) = match state {
            SlotState::Waiting => ("waiting", None),
            SlotState::Begun { .. } => ("begun", None),
            SlotState::Finished { .. } => ("finished", None),
            SlotState::CutShort { reason, .. } => ("cut short", Some(reason.clone())),
            SlotState::Missed { reason } => ("missed", Some(reason.clone())),
        };
        SlotRow {
            slot: u32::try_from(index + 1).unwrap_or(u32::MAX),
            due: *due,
            state: word.to_owned(),
            run: state.run().map(ToString::to_string),
            reason,
        }
    };
    states.iter().zip(&campaign.header.slots).enumerate().map(row).collect()
}

/// Every cell of any slot, in the order of the first that has it.
fn cells(runs: &[SlotRun<'_>]) -> Vec<CellKey> {
    let mut cells = Vec::new();
    for cell in runs.iter().flat_map(|run| run.record.header.plan.cells()) {
        if !cells.contains(&cell.key) {
            cells.push(cell.key);
        }
    }
    cells
}

/// The specification of each platform, as read inside it in the first slot that says it.
fn platforms(runs: &[SlotRun<'_>]) -> Vec<Platform> {
    let mut platforms: Vec<Platform> = Vec::new();
    for run in runs {
        for environment in &run.record.header.plan.environments {
            let facts = run.record.environment_facts(&environment.name);
            let known = platforms.iter_mut().find(|known| known.environment == environment.name);
            match (known, facts) {
                (Some(known), Some(facts)) if known.facts.is_empty() => {
                    known.facts = facts_by_name(facts);
                }
                (Some(_), _) => {}
                (None, facts) => platforms.push(Platform {
                    environment: environment.name.clone(),
                    kind: environment.kind,
                    version: environment.version.clone(),
                    emulated: environment.emulated,
                    cpus: environment.limits.cpus.count(),
                    memory_bytes: environment
                        .limits
                        .memory
                        .map(weighbridge_experiment::ByteSize::bytes),
                    price: environment
                        .price
                        .as_ref()
                        .map(weighbridge_experiment::ResolvedPrice::source_line),
                    facts: facts.map(facts_by_name).unwrap_or_default(),
                }),
            }
        }
    }
    platforms
}

/// The trials of a cell in one slot that worked.
fn worked<'a>(
    run: &SlotRun<'a>,
    cell: &CellKey,
) -> impl Iterator<Item = &'a weighbridge_experiment::TrialMeasurement> {
    let cell = cell.clone();
    run.record.trials.iter().filter_map(move |trial| match &trial.outcome {
        TrialOutcome::Ok(measurement) if trial.cell == cell => Some(measurement.as_ref()),
        _ => None,
    })
}

fn responses(
    cell: &CellKey,
    runs: &[SlotRun<'_>],
    reports: &[crate::analysis::Report],
) -> Responses {
    let mut nanoseconds: Vec<u64> = Vec::new();
    let (mut busy_nanoseconds, mut failed, mut slots) = (0_u64, 0_u64, 0_usize);
    for run in runs {
        let before = nanoseconds.len();
        for measurement in worked(run, cell) {
            nanoseconds
                .extend(measurement.inferences.iter().map(InferenceTiming::total_nanoseconds));
            busy_nanoseconds = busy_nanoseconds.saturating_add(measurement.total_nanoseconds);
        }
        slots += usize::from(nanoseconds.len() > before);
        failed += run
            .record
            .trials
            .iter()
            .filter(|trial| trial.cell == *cell && matches!(trial.outcome, TrialOutcome::Failed(_)))
            .count() as u64;
    }
    let mut labels: Vec<String> = Vec::new();
    let same = |known: &&crate::analysis::Cell| {
        known.environment == cell.environment && known.workload == cell.workload
    };
    for label in
        reports.iter().filter_map(|report| report.cells.iter().find(same)).flat_map(|c| &c.labels)
    {
        if !labels.contains(label) {
            labels.push(label.clone());
        }
    }
    let seconds = busy_nanoseconds as f64 / 1e9;
    let requests = nanoseconds.len() as u64;
    Responses {
        environment: cell.environment.clone(),
        workload: cell.workload.clone(),
        labels,
        slots,
        requests,
        failed_trials: failed,
        times: times(nanoseconds),
        per_second: (seconds > 0.0).then(|| requests as f64 / seconds),
    }
}

fn times(nanoseconds: Vec<u64>) -> Option<Times> {
    let least = *nanoseconds.iter().min()?;
    let all = Latencies::of(nanoseconds)?;
    let percentile = |share: f64| all.percentile_milliseconds(share);
    let (p50, p90, p99) = (percentile(0.5), percentile(0.9), percentile(0.99));
    Some(Times {
        mean_ms: all.mean_milliseconds(),
        min_ms: least as f64 / 1e6,
        max_ms: all.max_milliseconds(),
        reasons: [("p50_ms", &p50), ("p90_ms", &p90), ("p99_ms", &p99)]
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.as_ref().err()?.clone())))
            .collect(),
        p50_ms: p50.ok(),
        p90_ms: p90.ok(),
        p99_ms: p99.ok(),
    })
}
