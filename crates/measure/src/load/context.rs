use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use weighbridge_experiment::load::LoadPlan;

use super::connect::Connector;
use super::distributed::Share;
use super::moment::Moment;
use super::prepared::PreparedRequests;
use super::tally::Tally;
use super::timer::PreciseTimer;

/// What all threads of a load share.
pub(super) struct Shared {
    pub(super) plan: LoadPlan,
    pub(super) requests: PreparedRequests,
    pub(super) connector: Connector,
    /// Beginning of the load, the same for all threads.
    pub(super) start: Moment,
    pub(super) timeout: Duration,
    pub(super) threads: u32,
    /// Which part of the load all of them send.
    pub(super) share: Share,
}

/// What all tasks of one thread share.
#[derive(Clone)]
pub(super) struct ThreadContext {
    pub(super) shared: Arc<Shared>,
    /// Which of the threads, from 0.
    pub(super) thread: u32,
    pub(super) timer: PreciseTimer,
    pub(super) tally: Arc<Tally>,
    /// Held by every task: the thread is done when the last one has dropped it.
    #[allow(dead_code, reason = "it is only ever dropped")]
    pub(super) alive: mpsc::Sender<()>,
}

impl ThreadContext {
    pub(super) fn start(&self) -> Moment {
        self.shared.start
    }

    /// Which of all threads of all machines this is, and how many there are: it takes every
    /// so-manyth user or request from its own number on.
    pub(super) fn place(&self) -> (u32, u32) {
        let Share { index, of } = self.shared.share;
        (index + of * self.thread, of * self.shared.threads.max(1))
    }
}
