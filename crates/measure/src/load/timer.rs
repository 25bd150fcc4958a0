//! A timer that keeps microseconds: a heap of due times and one `timerfd` for the earliest.
//!
//! The runtime's own timers are rounded to milliseconds, which at 1,000 requests a second is
//! the whole distance between two of them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use super::moment::Moment;

/// Wakes tasks of one thread at exact moments. Copies share the one timer.
#[derive(Clone)]
pub(super) struct PreciseTimer(Arc<Shared>);

struct Shared {
    descriptor: AsyncFd<OwnedFd>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    heap: BinaryHeap<Reverse<Entry>>,
    /// For what the kernel's timer is set.
    armed: Option<Moment>,
    number: u64,
}

struct Entry {
    due: Moment,
    /// Tells entries of one moment apart, so that those who came first are woken first.
    number: u64,
    waker: Waker,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

impl PreciseTimer {
    /// A timer for the tasks of the current runtime, on which it is driven.
    #[allow(
        deprecated,
        reason = "what it warns of, a descriptor closed while registered, cannot happen to an owned one that is private here"
    )]
    pub(super) fn start() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let descriptor = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let shared = Shared {
            descriptor: AsyncFd::new(descriptor)?,
            waiting: Mutex::new(Waiting::default()),
        };
        let timer = Self(Arc::new(shared));
        let driven = timer.clone();
        tokio::spawn(async move { driven.drive().await });
        Ok(timer)
    }

    async fn drive(&self) {
        let mut expirations = [0_u8; 8];
        loop {
            let Ok(mut ready) = self.0.descriptor.readable().await else { return };
            let read = |descriptor: &AsyncFd<OwnedFd>| {
                rustix::io::read(descriptor.get_ref(), &mut expirations).map_err(io::Error::from)
            };
            if ready.try_io(read).is_ok() {
                self.wake_due();
            }
        }
    }

    fn wake_due(&self) {
        let now = Moment::now();
        let mut due = Vec::new();
        {
            let mut waiting = self.lock();
            waiting.armed = None;
            while waiting.heap.peek().is_some_and(|Reverse(entry)| entry.due <= now) {
                due.extend(waiting.heap.pop().map(|Reverse(entry)| entry.waker));
            }
            self.arm(&mut waiting);
        }
        for waker in due {
            waker.wake();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the kernel's timer for the earliest entry, unless it is set for one as early.
    fn arm(&self, waiting: &mut Waiting) {
        let Some(Reverse(earliest)) = waiting.heap.peek() else { return };
        if waiting.armed.is_some_and(|armed| armed <= earliest.due) {
            return;
        }
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let due = Timespec {
            tv_sec: (earliest.due.0 / 1_000_000_000).cast_signed(),
            tv_nsec: (earliest.due.0 % 1_000_000_000).cast_signed(),
        };
        let setting = Itimerspec { it_interval: zero, it_value: due };
        waiting.armed = Some(earliest.due);
        // It fails for a descriptor or a time that is none, which neither is.
        let _ = timerfd_settime(self.0.descriptor.get_ref(), TimerfdTimerFlags::ABSTIME, &setting);
    }

    /// Returns at a moment, at once where it is past.
    pub(super) async fn sleep_until(&self, due: Moment) {
        let mut entered = false;
        poll_fn(|context| {
            if Moment::now() >= due {
                return Poll::Ready(());
            }
            // The task may be polled for other reasons; its waker stays good.
            if !entered {
                entered = true;
                let mut waiting = self.lock();
                waiting.number += 1;
                let number = waiting.number;
                waiting.heap.push(Reverse(Entry { due, number, waker: context.waker().clone() }));
                self.arm(&mut waiting);
            }
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleepers_wake_in_the_order_of_their_times_and_never_early() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let timer = PreciseTimer::start().expect("a timer");
            let start = Moment::now();
            let order = Arc::new(Mutex::new(Vec::new()));
            let mut tasks = tokio::task::JoinSet::new();
            for microseconds in [4_000_u64, 1_500, 300, 2_700] {
                let (timer, order) = (timer.clone(), Arc::clone(&order));
                tasks.spawn(async move {
                    let due = Moment(start.0 + microseconds * 1000);
                    timer.sleep_until(due).await;
                    assert!(Moment::now() >= due);
                    order.lock().expect("no panic").push(microseconds);
                });
            }
            while let Some(done) = tasks.join_next().await {
                done.expect("no panic");
            }
            assert_eq!(*order.lock().expect("no panic"), [300, 1_500, 2_700, 4_000]);
        });
    }
}
