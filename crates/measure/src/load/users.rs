//! The closed model: users that wait for their answer, pause, and ask again.

use std::time::Duration;

use weighbridge_experiment::load::{Presence, Profile, ThinkTime};

use super::context::ThreadContext;
use super::moment::Moment;
use super::visitor::Visitor;

/// A user who got no connection does not try again at once: a thousand of them would only
/// measure how fast a host refuses.
const AFTER_NO_CONNECTION: Duration = Duration::from_millis(100);

/// Starts the users of one thread: every so-manyth, so that each thread ramps evenly too.
pub(super) fn start(context: &ThreadContext, profile: &Profile, think: ThinkTime) {
    let users = profile.peak().ceil() as u32;
    let step = context.shared.threads.max(1) as usize;
    for user in (context.thread..users).step_by(step) {
        let presences = profile.presences(user);
        tokio::spawn(live(context.clone(), user, presences, think));
    }
}

async fn live(context: ThreadContext, user: u32, presences: Vec<Presence>, think: ThinkTime) {
    for presence in presences {
        let from = context.start().after_seconds(presence.from);
        context.timer.sleep_until(from).await;
        // Made on arrival: a user who is not there yet takes no memory of one.
        let visitor = Box::new(Visitor::new(context.clone(), u64::from(user), true));
        context.tally.enter();
        stay(&context, visitor, (from, context.start().after_seconds(presence.to)), think).await;
        context.tally.leave();
    }
}

async fn stay(
    context: &ThreadContext,
    mut visitor: Box<Visitor>,
    (from, to): (Moment, Moment),
    think: ThinkTime,
) {
    let mut due = from;
    while due < to {
        visitor.idle(context.timer.sleep_until(due)).await;
        let ended = visitor.request(due, due).await;
        let pause = if think.is_none() { Duration::ZERO } else { think.at(visitor.draw()) };
        let least = if ended.without_connection { AFTER_NO_CONNECTION } else { Duration::ZERO };
        due = ended.at.after(pause.max(least));
    }
}
