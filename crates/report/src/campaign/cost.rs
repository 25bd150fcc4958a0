//! What each platform cost, day by day (`cloud.table3`): rented around the clock, as a virtual
//! machine of a provider is, and only for the time in which it was at work.

use jiff::Timestamp;
use weighbridge_experiment::{
    CampaignRecord, InferenceTiming, Money, ResolvedPrice, RunRecord, TrialOutcome,
};

use super::SlotRun;
use super::model::{DayCost, PlatformCost};
use crate::analysis::CostOfTime;

const DAY_SECONDS: i64 = 86_400;

pub(super) fn costs(
    campaign: &CampaignRecord,
    runs: &[SlotRun<'_>],
    cost_of_time: &CostOfTime<'_>,
) -> Vec<PlatformCost> {
    let mut names: Vec<&str> = Vec::new();
    for environment in runs.iter().flat_map(|run| &run.record.header.plan.environments) {
        if !names.contains(&environment.name.as_str()) {
            names.push(&environment.name);
        }
    }
    names.into_iter().map(|name| platform(name, campaign, runs, cost_of_time)).collect()
}

fn platform(
    name: &str,
    campaign: &CampaignRecord,
    runs: &[SlotRun<'_>],
    cost_of_time: &CostOfTime<'_>,
) -> PlatformCost {
    let price = runs
        .iter()
        .find_map(|run| run.record.header.plan.environment(name).and_then(|e| e.price.as_ref()));
    let states = campaign.states();
    let over = states.iter().filter(|state| state.is_over()).count();
    let last = campaign.header.slots.get(over.saturating_sub(1));
    let count = last.map_or(0, |due| day_of(campaign.header.started, *due) + 1);
    let mut sums = Sums::default();
    let days = (0..count)
        .map(|day| {
            let of_day: Vec<&SlotRun<'_>> = runs
                .iter()
                .filter(|run| {
                    let due = campaign.header.slots.get(run.slot as usize);
                    due.is_some_and(|due| day_of(campaign.header.started, *due) == day)
                })
                .collect();
            let seconds: f64 = of_day.iter().map(|run| in_use_seconds(run.record, name)).sum();
            let rented = sums.rented.add(price, DAY_SECONDS as f64, cost_of_time);
            let in_use = sums.in_use.add(price, seconds, cost_of_time);
            DayCost { day: day + 1, slots: of_day.len(), in_use_seconds: seconds, rented, in_use }
        })
        .collect();
    PlatformCost {
        environment: name.to_owned(),
        price_source: price.map(ResolvedPrice::source_line),
        days,
        rented: sums.rented.total(price, cost_of_time),
        in_use: sums.in_use.total(price, cost_of_time),
        reason: match price {
            None => {
                Some("no price: give the environment `price` in the experiment file".to_owned())
            }
            Some(_) => sums.rented.reason.or(sums.in_use.reason),
        },
    }
}

fn day_of(started: Timestamp, due: Timestamp) -> u32 {
    u32::try_from(started.duration_until(due).as_secs() / DAY_SECONDS).unwrap_or(0)
}

/// Time in which instances of an environment were starting, warming up or measured.
fn in_use_seconds(record: &RunRecord, environment: &str) -> f64 {
    record
        .trials
        .iter()
        .filter(|trial| trial.cell.environment == environment)
        .filter_map(|trial| match &trial.outcome {
            TrialOutcome::Ok(measured) => {
                let warmup: u64 =
                    measured.warmup.iter().map(InferenceTiming::total_nanoseconds).sum();
                let measured_nanoseconds = measured.host_total_nanoseconds + warmup;
                Some(
                    measured.start.ready_seconds
                        + measured.start.load_seconds
                        + measured_nanoseconds as f64 / 1e9,
                )
            }
            TrialOutcome::Failed(_) => None,
        })
        .sum()
}

#[derive(Default)]
struct Sums {
    rented: Sum,
    in_use: Sum,
}

/// Seconds so far: the total is priced once, so that days may round without the sum drifting.
#[derive(Default)]
struct Sum {
    seconds: f64,
    reason: Option<String>,
}

impl Sum {
    fn add(
        &mut self,
        price: Option<&ResolvedPrice>,
        seconds: f64,
        cost_of_time: &CostOfTime<'_>,
    ) -> Option<String> {
        self.seconds += seconds;
        let cost: Result<Money, String> = cost_of_time(price?, seconds);
        cost.map_err(|reason| self.reason = Some(reason)).ok().map(|money| money.to_string())
    }

    fn total(
        &self,
        price: Option<&ResolvedPrice>,
        cost_of_time: &CostOfTime<'_>,
    ) -> Option<String> {
        cost_of_time(price?, self.seconds).ok().map(|money| money.to_string())
    }
}
