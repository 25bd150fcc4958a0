//! The open model: requests are sent when they are due, whether or not answers came.
//!
//! One dispatcher for each thread keeps the due times and hands each request to a free lane,
//! a visitor with its connection. A lane is opened where none is free, up to a limit; what is
//! due beyond it waits in a bounded queue, and is counted as dropped where that is full too.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::context::ThreadContext;
use super::moment::Moment;
use super::visitor::Visitor;

/// Requests that wait for a lane, for each lane there may be.
const WAITING_PER_LANE: usize = 10;
const LEAST_WAITING: usize = 10_000;
/// Requests handed out at once before the lanes have a turn.
const IN_A_ROW: u32 = 64;

/// The lanes of one thread.
pub(super) struct Lanes {
    context: ThreadContext,
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    opened: usize,
    /// The lane used last is used next: few connections stay warm, the others idle.
    idle: Vec<Arc<Lane>>,
    waiting: VecDeque<Moment>,
    /// No more requests come. What waits is sent until this moment.
    closed: Option<Moment>,
}

/// Where a request is put for one lane.
#[derive(Default)]
struct Lane(Mutex<(Option<Moment>, Option<Waker>)>);

impl Lanes {
    /// Lanes for one of the threads, which share the limit.
    pub(super) fn new(context: ThreadContext, connections: u32) -> Arc<Self> {
        let (place, threads) = context.place();
        let most = (connections / threads + u32::from(place < connections % threads)).max(1);
        Arc::new(Self { context, most: most as usize, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the due times, given in seconds from the start, and hands out what is due.
    pub(super) async fn dispatch(self: Arc<Self>, due_seconds: impl Iterator<Item = f64>) {
        let mut in_a_row = 0;
        for seconds in due_seconds {
            let due = self.context.start().after_seconds(seconds);
            if Moment::now() < due {
                self.context.timer.sleep_until(due).await;
                in_a_row = 0;
            } else if in_a_row == IN_A_ROW {
                tokio::task::yield_now().await;
                in_a_row = 0;
            }
            in_a_row += 1;
            self.hand_out(due);
        }
        let until = Moment::now().after(self.context.shared.timeout);
        let idle = {
            let mut state = self.lock();
            state.closed = Some(until);
            std::mem::take(&mut state.idle)
        };
        idle.iter().for_each(|lane| lane.wake());
    }

    fn hand_out(self: &Arc<Self>, due: Moment) {
        let mut state = self.lock();
        if let Some(lane) = state.idle.pop() {
            drop(state);
            lane.put(due);
        } else if state.opened < self.most {
            state.opened += 1;
            let number = state.opened;
            drop(state);
            tokio::spawn(Arc::clone(self).serve(number, due));
        } else if state.waiting.len() < (self.most * WAITING_PER_LANE).max(LEAST_WAITING) {
            state.waiting.push_back(due);
            self.context.tally.lock().waited_sends += 1;
        } else {
            self.context.tally.lock().dropped_sends += 1;
        }
    }

    async fn serve(self: Arc<Self>, number: usize, first: Moment) {
        let number = (u64::from(self.context.thread) << 20) + number as u64;
        let mut visitor = Box::new(Visitor::new(self.context.clone(), number, false));
        let lane = Arc::new(Lane::default());
        let (mut due, mut sendable) = (first, first);
        loop {
            self.context.tally.enter();
            let ended = visitor.request(due, sendable).await;
            self.context.tally.leave();
            if let Some(waited) = self.next_waiting(&lane) {
                (due, sendable) = (waited, ended.at.max(waited));
                continue;
            }
            match visitor.idle(self.next(&lane)).await {
                Some(next) => (due, sendable) = (next, next),
                None => return,
            }
        }
    }

    /// What waits longest; without that, the lane is put among the idle ones.
    fn next_waiting(&self, lane: &Arc<Lane>) -> Option<Moment> {
        let mut state = self.lock();
        if state.closed.is_some_and(|until| Moment::now() > until) {
            let given_up = state.waiting.len() as u64;
            state.waiting.clear();
            self.context.tally.lock().dropped_sends += given_up;
        }
        let waited = state.waiting.pop_front();
        if waited.is_none() && state.closed.is_none() {
            state.idle.push(Arc::clone(lane));
        }
        waited
    }

    /// The next request put for a lane; `None` once no more come.
    async fn next(&self, lane: &Lane) -> Option<Moment> {
        poll_fn(|task| {
            let mut slot = lane.lock();
            if let Some(due) = slot.0.take() {
                return Poll::Ready(Some(due));
            }
            slot.1 = Some(task.waker().clone());
            drop(slot);
            if self.lock().closed.is_some() { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
    }
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, (Option<Moment>, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, due: Moment) {
        self.lock().0 = Some(due);
        self.wake();
    }

    fn wake(&self) {
        let waker = self.lock().1.take();
        waker.into_iter().for_each(Waker::wake);
    }
}
