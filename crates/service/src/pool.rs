//! A bounded queue before a fixed number of workers, each with a session of its own.
//!
//! The limit is the promise: what does not fit is refused at once, so the longest wait is the
//! limit divided by the throughput and memory does not grow with the number of users. A job
//! whose client left, or whose deadline passed, is dropped without being run.
//!
//! Deliberately unknown here: requests, pictures, tensors. A job is a function of a session.

use std::any::Any;
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::oneshot;
use weighbridge_inference::{InferenceError, Session};

/// How a worker gets its session, and a fresh one after a job broke it.
pub type MakeSession = Arc<dyn Fn() -> Result<Session, InferenceError> + Send + Sync>;

/// Why a job gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    /// As many jobs wait as may.
    #[error("{waiting} requests are waiting, which is the limit")]
    Full {
        /// The limit.
        waiting: usize,
        /// When it is worth to ask again.
        retry_after: Duration,
    },
    /// Its time was over before it was its turn.
    #[error("the deadline passed while the request was waiting")]
    Late {
        /// When it is worth to ask again.
        retry_after: Duration,
    },
    /// The service is being stopped.
    #[error("the service is stopping")]
    Stopping,
    /// The job broke off in a way that only a defect explains.
    #[error("the inference broke off: {0}")]
    Broke(String),
}

/// What a job gave, and how long it took.
#[derive(Debug)]
pub(crate) struct Finished<T> {
    /// What the job gave.
    pub(crate) value: T,
    /// From being queued until a worker took it.
    pub(crate) waited: Duration,
}

/// A worker could not be given a session.
#[derive(Debug, Error)]
pub enum PoolError {
    /// The model cannot be loaded.
    #[error(transparent)]
    Session(#[from] InferenceError),
    /// The system gave no thread.
    #[error("cannot start a worker thread")]
    Thread(#[source] std::io::Error),
}

type Run = Box<dyn FnOnce(Result<&mut Session, Refusal>, Duration) -> bool + Send>;

struct Job {
    number: u64,
    queued: Instant,
    deadline: Instant,
    run: Run,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    next: u64,
    running: usize,
    stopping: bool,
    /// Smoothed time that one job keeps a worker busy; 0 until one was done.
    job_seconds: f64,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    limit: usize,
    workers: usize,
}

impl Shared {
    /// A job's panic is caught, and no lock is held while one runs: the state is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the queue as it is now will have been worked off.
    fn retry_after(&self, state: &State) -> Duration {
        let rounds = (state.jobs.len() + state.running) as f64 / self.workers as f64;
        Duration::from_secs_f64((rounds * state.job_seconds).clamp(1.0, 3600.0).ceil())
    }
}

/// The queue of one model and its workers. Dropping it waits for the jobs that are running.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts `workers` threads, and returns when each has its session; with what `inspect`
    /// says of the first.
    ///
    /// # Errors
    ///
    /// When a session cannot be made, or no thread can be had.
    pub(crate) fn start<T>(
        workers: usize,
        limit: usize,
        make: &MakeSession,
        inspect: impl FnOnce(&Session) -> T,
    ) -> Result<(Self, T), PoolError> {
        let workers = workers.max(1);
        let shared =
            Arc::new(Shared { state: Mutex::default(), work: Condvar::new(), limit, workers });
        let mut pool = Self { shared, threads: Vec::with_capacity(workers) };
        let first = make()?;
        let seen = inspect(&first);
        let mut first = Some(first);
        for number in 0..workers {
            let session = first.take().map_or_else(|| make(), Ok)?;
            let (shared, make) = (Arc::clone(&pool.shared), Arc::clone(make));
            let thread = std::thread::Builder::new()
                .name(format!("inference-{number}"))
                .spawn(move || work(&shared, session, &make))
                .map_err(PoolError::Thread)?;
            pool.threads.push(thread);
        }
        Ok((pool, seen))
    }

    /// Queues a job; it is dropped when what is returned is dropped before its turn.
    ///
    /// # Errors
    ///
    /// [`Refusal::Full`] or [`Refusal::Stopping`], at once.
    pub(crate) fn submit<T, F>(&self, deadline: Instant, job: F) -> Result<Pending<T>, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&mut Session) -> T + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let run: Run = Box::new(move |session, waited| {
            let session = match session {
                Ok(session) => session,
                Err(refusal) => {
                    let _ = sender.send(Err(refusal));
                    return true;
                }
            };
            let (answer, whole) = match catch_unwind(AssertUnwindSafe(|| job(session))) {
                Ok(value) => (Ok(Finished { value, waited }), true),
                Err(panic) => (Err(Refusal::Broke(last_words(&*panic))), false),
            };
            // Nobody may be there to take it: the client left while the job ran.
            let _ = sender.send(answer);
            whole
        });
        let mut state = self.shared.state();
        if state.stopping {
            return Err(Refusal::Stopping);
        }
        if state.jobs.len() >= self.shared.limit + self.idle(&state) {
            let retry_after = self.shared.retry_after(&state);
            return Err(Refusal::Full { waiting: self.shared.limit, retry_after });
        }
        let number = state.next;
        state.next += 1;
        state.jobs.push_back(Job { number, queued: Instant::now(), deadline, run });
        drop(state);
        self.shared.work.notify_one();
        Ok(Pending { number, shared: Arc::clone(&self.shared), receiver })
    }

    /// Why a job would be refused now; asked before a body is read, so that a crowd is turned
    /// away without its photos.
    #[must_use]
    pub(crate) fn refuses(&self) -> Option<Refusal> {
        let state = self.shared.state();
        if state.stopping {
            return Some(Refusal::Stopping);
        }
        (state.jobs.len() >= self.shared.limit + self.idle(&state)).then(|| Refusal::Full {
            waiting: self.shared.limit,
            retry_after: self.shared.retry_after(&state),
        })
    }

    fn idle(&self, state: &State) -> usize {
        self.shared.workers - state.running
    }

    /// Jobs that wait, and jobs that run.
    #[must_use]
    pub(crate) fn load(&self) -> (usize, usize) {
        let state = self.shared.state();
        (state.jobs.len(), state.running)
    }

    /// Takes no further job; those that wait are still done.
    pub(crate) fn stop(&self) {
        self.shared.state().stopping = true;
        self.shared.work.notify_all();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stop();
        self.shared.state().jobs.clear();
        for thread in self.threads.drain(..) {
            // A worker catches what its jobs do; one that died has nothing more to say.
            let _ = thread.join();
        }
    }
}

/// A job that waits or runs. Dropped, it gives its place in the queue to another.
pub(crate) struct Pending<T> {
    number: u64,
    shared: Arc<Shared>,
    receiver: oneshot::Receiver<Result<Finished<T>, Refusal>>,
}

impl<T> Future for Pending<T> {
    type Output = Result<Finished<T>, Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver)
            .poll(context)
            .map(|answer| answer.unwrap_or(Err(Refusal::Stopping)))
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        // Numbers ascend along the queue.
        let found = state.jobs.binary_search_by_key(&self.number, |job| job.number);
        let dropped = found.ok().and_then(|index| state.jobs.remove(index));
        drop(state);
        drop(dropped);
    }
}

fn work(shared: &Shared, mut session: Session, make: &MakeSession) {
    while let Some(job) = next(shared) {
        let begun = Instant::now();
        let waited = begun.duration_since(job.queued);
        if begun >= job.deadline {
            let retry_after = shared.retry_after(&shared.state());
            (job.run)(Err(Refusal::Late { retry_after }), waited);
            done(shared, None);
            continue;
        }
        let whole = (job.run)(Ok(&mut session), waited);
        done(shared, Some(begun.elapsed()));
        if !whole {
            // What broke off may have left the session half changed.
            match make() {
                Ok(fresh) => session = fresh,
                Err(error) => {
                    tracing::error!(%error, "a worker cannot load its model again and goes on with the old");
                }
            }
        }
    }
}

/// The next job, or `None` when the pool stops and none is left.
fn next(shared: &Shared) -> Option<Job> {
    let mut state = shared.state();
    loop {
        if let Some(job) = state.jobs.pop_front() {
            state.running += 1;
            return Some(job);
        }
        if state.stopping {
            return None;
        }
        state = shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

fn done(shared: &Shared, took: Option<Duration>) {
    let mut state = shared.state();
    state.running -= 1;
    if let Some(took) = took.map(|took| took.as_secs_f64()) {
        let before = state.job_seconds;
        state.job_seconds = if before == 0.0 { took } else { before * 0.9 + took * 0.1 };
    }
}

fn last_words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

#[cfg(test)]
mod tests;
