use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::{Clock, SystemClock};

/// The time, and waiting for it: injected, so that a week passes in a test in no time.
pub(crate) trait Time {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Returns when `until` has come by the wall clock.
    async fn wait(&mut self, until: Timestamp);
}

/// The wall clock of this host.
pub(crate) struct HostTime;

/// The wall clock is asked again this often: a sleeping machine and a clock that is set do
/// not move the clock that timers run by.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

impl Time for HostTime {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    async fn wait(&mut self, until: Timestamp) {
        loop {
            let left = self.now().duration_until(until);
            if left <= SignedDuration::ZERO {
                return;
            }
            let left = Duration::try_from(left).unwrap_or(LOOK_AGAIN);
            tokio::time::sleep(left.min(LOOK_AGAIN)).await;
        }
    }
}
