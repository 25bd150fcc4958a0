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
    let (first, step) = context.place();
    for user in (first..users).step_by(step as usize) {
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use tokio::sync::mpsc;
    use weighbridge_experiment::load::{HttpVersion, LoadSpec};

    use super::super::connect::Connector;
    use super::super::context::Shared;
    use super::super::distributed::Share;
    use super::super::prepared::PreparedRequests;
    use super::super::tally::Tally;
    use super::super::timer::PreciseTimer;
    use super::*;

    /// Ten thousand users have to fit into little memory: what one takes while it waits must
    /// not grow unnoticed, as it does when a large future comes to lie within it.
    #[test]
    fn a_user_takes_little_memory() {
        let plan = LoadSpec::default().resolve("http://127.0.0.1:1/").expect("a plan");
        let connector = Connector::new(plan.target.clone(), HttpVersion::One, 1, false, None);
        let shared = Arc::new(Shared {
            requests: PreparedRequests::new(&plan, Path::new("")).expect("prepared"),
            connector: connector.expect("an address"),
            start: Moment::now(),
            timeout: Duration::from_secs(1),
            threads: 1,
            share: Share::default(),
            plan,
        });
        let runtime = super::super::threads::runtime().expect("a runtime");
        runtime.block_on(async {
            let timer = PreciseTimer::start().expect("a timer");
            let tally = Arc::new(Tally::new(1, shared.start));
            let (alive, _) = mpsc::channel(1);
            let context = ThreadContext { shared, thread: 0, timer, tally, alive };
            let size = size_of_val(&live(context, 0, Vec::new(), ThinkTime::default()));
            assert!(size <= 3072, "{size} bytes");
        });
    }
}
