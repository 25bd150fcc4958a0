//! One sending thread: a runtime of its own, its tasks, its cost.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use weighbridge_experiment::load::LoadModel;

use super::context::{Shared, ThreadContext};
use super::error::LoadError;
use super::health::ThreadCost;
use super::open::Lanes;
use super::schedule::Arrivals;
use super::tally::Tally;
use super::timer::PreciseTimer;
use super::{mlperf, users};

/// A runtime for one thread.
pub(super) fn runtime() -> Result<Runtime, LoadError> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| LoadError::Thread { source })
}

/// A thread that sends its part of a load.
pub(super) struct SendingThread {
    pub(super) tally: Arc<Tally>,
    pub(super) handle: JoinHandle<Result<ThreadCost, LoadError>>,
}

impl SendingThread {
    /// Starts it. It ends when its part is done or `stop` becomes true.
    pub(super) fn start(
        shared: Arc<Shared>,
        thread: u32,
        queries_left: Arc<AtomicU64>,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, LoadError> {
        let tally = Arc::new(Tally::new(shared.plan.requests.len(), shared.start));
        let counted = Arc::clone(&tally);
        let handle = std::thread::Builder::new()
            .name(format!("load-{thread}"))
            .spawn(move || {
                let runtime = runtime()?;
                let before = ThreadCost::read();
                runtime.block_on(send(shared, thread, counted, queries_left, stop))?;
                Ok(ThreadCost::read().since(before))
            })
            .map_err(|source| LoadError::Thread { source })?;
        Ok(Self { tally, handle })
    }
}

async fn send(
    shared: Arc<Shared>,
    thread: u32,
    tally: Arc<Tally>,
    queries_left: Arc<AtomicU64>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), LoadError> {
    let timer = PreciseTimer::start().map_err(|source| LoadError::Thread { source })?;
    let (alive, mut all_done) = mpsc::channel(1);
    let context = ThreadContext { shared: Arc::clone(&shared), thread, timer, tally, alive };
    match &shared.plan.model {
        LoadModel::Users { profile, think } => users::start(&context, profile, *think),
        LoadModel::Rate { profile, arrival, connections } => {
            let seed = shared.plan.seed;
            let arrivals = Arrivals::new(profile.clone(), *arrival, context.place(), seed);
            tokio::spawn(Lanes::new(context.clone(), *connections).dispatch(arrivals));
        }
        LoadModel::Mlperf(plan) => mlperf::start(&context, plan, &queries_left),
    }
    drop(context);
    tokio::select! {
        _ = all_done.recv() => {}
        // A sender that is gone cannot ask to stop any more.
        Ok(_) = stop.wait_for(|stop| *stop) => {}
    }
    Ok(())
}
