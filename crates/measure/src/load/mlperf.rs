//! MLPerf's scenarios that are neither users nor a rate: one query after another, and all at
//! once. `Server` is the open model with a least number of queries.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use weighbridge_experiment::load::{Arrival, MlperfPlan, MlperfScenario, Profile};

use super::context::ThreadContext;
use super::histogram::Times;
use super::moment::Moment;
use super::open::Lanes;
use super::schedule::Arrivals;
use super::visitor::Visitor;

/// Starts a thread's part of a scenario. `SingleStream` and `MultiStream` have one thread.
pub(super) fn start(context: &ThreadContext, plan: &MlperfPlan, left: &Arc<AtomicU64>) {
    match plan.scenario {
        MlperfScenario::SingleStream | MlperfScenario::MultiStream => {
            tokio::spawn(one_after_another(context.clone(), plan.clone()));
        }
        MlperfScenario::Server => {
            // Both the least duration and the least number must be reached.
            let seconds = plan.seconds.max(plan.queries as f64 * 1.05 / plan.rate);
            let profile = Profile::constant(plan.rate, seconds);
            let seed = context.shared.plan.seed;
            let arrivals = Arrivals::new(profile, Arrival::Poisson, context.place(), seed);
            let lanes = Lanes::new(context.clone(), plan.connections);
            tokio::spawn(lanes.dispatch(arrivals));
        }
        MlperfScenario::Offline => {
            let step = context.shared.threads.max(1) as usize;
            for number in (context.thread..plan.connections).step_by(step) {
                tokio::spawn(share(context.clone(), number, Arc::clone(left)));
            }
        }
    }
}

/// A query is sent as soon as the one before it is complete.
async fn one_after_another(context: ThreadContext, plan: MlperfPlan) {
    let start = context.start();
    let end = start.after_seconds(plan.seconds);
    let mut visitors: Vec<Visitor> = (0..plan.samples_per_query)
        .map(|number| Visitor::new(context.clone(), u64::from(number), false))
        .collect();
    context.timer.sleep_until(start).await;
    context.tally.enter();
    let mut queries = Times::new();
    let mut due = start;
    while queries.count() < plan.queries || due < end {
        let ended = together(&mut visitors, due).await;
        queries.record(ended.since(due));
        due = ended;
        if plan.samples_per_query > 1 {
            context.tally.lock().queries = Some(queries.clone());
        }
    }
    context.tally.leave();
}

/// All samples of a query at once; when the last one is complete.
async fn together(visitors: &mut [Visitor], due: Moment) -> Moment {
    let mut open: Vec<Pin<Box<dyn Future<Output = Moment> + Send + '_>>> = Vec::new();
    for visitor in visitors {
        open.push(Box::pin(async move { visitor.request(due, due).await.at }));
    }
    let mut last = due;
    poll_fn(|task| {
        open.retain_mut(|sample| match sample.as_mut().poll(task) {
            Poll::Ready(at) => {
                last = last.max(at);
                false
            }
            Poll::Pending => true,
        });
        if open.is_empty() { Poll::Ready(last) } else { Poll::Pending }
    })
    .await
}

/// Takes samples of the one query until none is left. All of them were due at the start.
async fn share(context: ThreadContext, number: u32, left: Arc<AtomicU64>) {
    let start = context.start();
    let mut visitor = Visitor::new(context.clone(), u64::from(number), false);
    context.timer.sleep_until(start).await;
    context.tally.enter();
    let mut sendable = start;
    let take = |left: u64| left.checked_sub(1);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
        sendable = visitor.request(start, sendable).await.at;
    }
    context.tally.leave();
}
