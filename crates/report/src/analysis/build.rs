//! From a record to a report: puts cells, comparisons and notes together.

use weighbridge_experiment::{
    CellPlan, Money, OTHER_CPU_PERCENT_DISTURBS, ResolvedPrice, Restart, RunEventKind, RunRecord,
    RunStatus, STEAL_PERCENT_DISTURBS, TrialOutcome,
};

use super::cell::{CellInput, cell};
use super::comparison::{Compared, Context, Side, WITHIN_ONE_INSTANCE, compare};
use super::metric::Metric;
use super::model::{
    Cell, Comparison, NotCompared, REPORT_FORMAT, Report, RunSummary, UnavailableEnvironment,
    facts_by_name,
};
use super::trials::CellTrials;

/// What so many seconds of an environment cost at a price, or why that cannot be said. Given
/// by the caller, since pricing is not this crate's business.
pub type CostOfTime<'a> = dyn Fn(&ResolvedPrice, f64) -> Result<Money, String> + 'a;

/// The report on one run. A pure function: the same record and prices give the same report.
#[must_use]
pub fn build(record: &RunRecord, cost_of_time: &CostOfTime<'_>) -> Report {
    let plan = &record.header.plan;
    let planned: Vec<CellPlan> = plan.cells();
    let trials: Vec<CellTrials<'_>> =
        planned.iter().map(|cell| CellTrials::of(record, &cell.key)).collect();
    let cells: Vec<Cell> = planned
        .iter()
        .zip(&trials)
        .filter_map(|(cell_plan, trials)| {
            let environment = plan.environment(&cell_plan.key.environment)?;
            let workload = plan.workload(&cell_plan.key.workload)?;
            Some(cell(
                &CellInput { record, plan: cell_plan, environment, workload, trials },
                cost_of_time,
            ))
        })
        .collect();
    let (comparisons, not_compared) = comparisons(record, &planned, &cells, &trials);
    let tested = comparisons.iter().filter(|comparison| comparison.ci95.is_some()).count();
    let notes = notes(record, &cells, tested);
    Report {
        format: REPORT_FORMAT.to_owned(),
        run: summary(record),
        cells,
        comparisons,
        not_compared,
        unavailable: unavailable(record),
        notes,
    }
}

fn summary(record: &RunRecord) -> RunSummary {
    let header = &record.header;
    RunSummary {
        id: header.id.to_string(),
        name: header.plan.name.clone(),
        started: header.started,
        finished: record.finished(),
        seed: header.plan.seed,
        restart: header.plan.restart,
        status: record.status(),
        resumed: record.resumed(),
        labels: match header.plan.restart {
            Restart::Block => Vec::new(),
            Restart::Run => vec![WITHIN_ONE_INSTANCE.to_owned()],
        },
        tool_version: header.tool_version.clone(),
        executable_sha256: header.plan.executable_sha256.to_string(),
        host: facts_by_name(&header.host),
    }
}

fn unavailable(record: &RunRecord) -> Vec<UnavailableEnvironment> {
    let listed = record.header.plan.unavailable.iter().map(|missing| UnavailableEnvironment {
        environment: missing.environment.clone(),
        requested: missing.requested,
        reason: missing.reason.clone(),
        enable: missing.enable.clone(),
    });
    listed.collect()
}

fn comparisons(
    record: &RunRecord,
    planned: &[CellPlan],
    cells: &[Cell],
    trials: &[CellTrials<'_>],
) -> (Vec<Comparison>, Vec<NotCompared>) {
    let plan = &record.header.plan;
    let (mut compared, mut not_compared) = (Vec::new(), Vec::new());
    let side = |index: usize| {
        let environment = plan.environment(&planned[index].key.environment)?;
        let (threads, labels) = (planned[index].threads, cells[index].labels.as_slice());
        Some(Side { environment, threads, labels, trials: &trials[index] })
    };
    for (first, one) in planned.iter().enumerate() {
        let workload = &one.key.workload;
        for (second, other) in planned.iter().enumerate().skip(first + 1) {
            if other.key.workload != *workload {
                continue;
            }
            let (Some(a), Some(b)) = (side(first), side(second)) else { continue };
            let both = trials[first].worked.iter().chain(&trials[second].worked);
            let metrics = Metric::of(cells[first].system.is_some(), both.map(|(_, m)| *m));
            for metric in &metrics {
                let context = Context {
                    workload,
                    metric,
                    restart: plan.restart,
                    seed: plan.seed,
                    allowed: &plan.allow_differences,
                };
                match compare(&context, &a, &b) {
                    Compared::Yes(comparison) => compared.push(*comparison),
                    Compared::No(reason) if not_compared.contains(&reason) => {}
                    Compared::No(reason) => not_compared.push(reason),
                }
            }
        }
    }
    (compared, not_compared)
}

/// How many trials the host disturbed, and how many were done again for that.
fn disturbed(record: &RunRecord) -> Option<String> {
    let measured = || {
        record.trials.iter().filter_map(|trial| match &trial.outcome {
            TrialOutcome::Ok(measurement) => Some(measurement),
            TrialOutcome::Failed(_) => None,
        })
    };
    let disturbed = measured().filter(|one| !one.noise.disturbances().is_empty()).count();
    let repeated = record
        .events
        .iter()
        .filter(|event| matches!(event.kind, RunEventKind::Repeated(_)))
        .count();
    if disturbed == 0 && repeated == 0 {
        return None;
    }
    let again = match (repeated, record.header.plan.repeat_disturbed) {
        (0, 0) => "--strict repeats such trials".to_owned(),
        (count, 1) => format!("{count} more were repeated, each once at most"),
        (count, times) => format!("{count} more were repeated, each at most {times} times"),
    };
    Some(format!(
        "{disturbed} of {} trials were disturbed by the host (at least {STEAL_PERCENT_DISTURBS:.0} % of a \
         core stolen, {OTHER_CPU_PERCENT_DISTURBS:.0} % used by others, or the processor slowed down); {again}",
        measured().count()
    ))
}

fn notes(record: &RunRecord, cells: &[Cell], tested: usize) -> Vec<String> {
    let mut notes = Vec::new();
    match record.status() {
        RunStatus::Finished => {}
        RunStatus::Unfinished => {
            notes.push("the run is not finished: numbers stand on the trials so far".to_owned());
        }
        RunStatus::Interrupted => {
            notes.push("the run was interrupted: numbers stand on the trials so far".to_owned());
        }
    }
    if record.resumed() {
        notes.push(
            "the run was resumed: its blocks do not follow one another without a gap".to_owned(),
        );
    }
    if record.header.plan.restart == Restart::Run {
        notes.push(format!(
            "{WITHIN_ONE_INSTANCE}: agents were started once, so intervals do not cover the difference \
             between one start and the next"
        ));
    }
    notes.extend(disturbed(record));
    if tested > 1 {
        notes.push(format!(
            "each of the {tested} verdicts is tested at 5 % by itself: of 20 comparisons of identical \
             systems about one is called different"
        ));
    }
    notes.extend(cells.iter().filter_map(|cell| {
        let restriction = cell.restriction.as_ref()?;
        Some(format!("{}: {restriction}", cell.environment))
    }));
    notes.extend(cells.iter().flat_map(|cell| {
        cell.disagreements
            .iter()
            .map(move |text| format!("{} in {}: {text}", cell.workload, cell.environment))
    }));
    let mut seen = std::collections::HashSet::new();
    notes.retain(|note| seen.insert(note.clone()));
    notes
}
