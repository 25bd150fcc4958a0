use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use weighbridge_experiment::ApplicationName;
use weighbridge_inference::catalogue;

use super::*;

/// Sessions of the smallest shipped model; counts how many were made.
fn make(made: &Arc<AtomicUsize>) -> MakeSession {
    let made = Arc::clone(made);
    Arc::new(move || {
        made.fetch_add(1, Ordering::Relaxed);
        let name = ApplicationName::TrafficLight;
        Session::load(name, (catalogue::shipped(name).model)().into_owned(), 1)
    })
}

fn pool(workers: usize, limit: usize) -> Pool {
    Pool::start(workers, limit, &make(&Arc::default()), |_| ()).expect("the model loads").0
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// A job that runs until its sender is dropped.
fn hold(pool: &Pool) -> (Pending<()>, mpsc::Sender<()>) {
    let (sender, receiver) = mpsc::channel();
    let (begun, has_begun) = mpsc::channel();
    let pending = pool
        .submit(soon(), move |_| {
            let _ = begun.send(());
            let _ = receiver.recv();
        })
        .expect("queued");
    has_begun.recv().expect("it runs");
    (pending, sender)
}

#[tokio::test]
async fn what_does_not_fit_is_refused_at_once_and_said_when_to_come_back() {
    let pool = pool(1, 2);
    let (running, release) = hold(&pool);
    let first = pool.submit(soon(), |_| 1).expect("waits");
    let second = pool.submit(soon(), |_| 2).expect("waits");
    let refused = pool.submit(soon(), |_| 3).map(|_| ()).expect_err("full");
    assert!(
        matches!(refused, Refusal::Full { waiting: 2, retry_after } if retry_after >= Duration::from_secs(1))
    );
    assert_eq!((pool.refuses().is_some(), pool.load()), (true, (2, 1)));
    drop(release);
    running.await.expect("done");
    assert_eq!(first.await.expect("done").value, 1);
    assert_eq!(second.await.expect("done").value, 2);
    assert_eq!((pool.refuses(), pool.load().0), (None, 0));
}

#[tokio::test]
async fn a_client_that_leaves_gives_its_place_free_and_its_job_is_not_run() {
    let pool = pool(1, 1);
    let (running, release) = hold(&pool);
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    let left = pool.submit(soon(), move |_| count.fetch_add(1, Ordering::Relaxed)).expect("waits");
    assert!(pool.refuses().is_some());
    drop(left);
    assert!(pool.refuses().is_none(), "its place is free");
    let next = pool.submit(soon(), |_| ()).expect("waits");
    drop(release);
    running.await.expect("done");
    next.await.expect("done");
    assert_eq!(ran.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_job_whose_time_is_over_is_not_run() {
    let pool = pool(1, 1);
    let late = pool.submit(Instant::now(), |_| ()).expect("queued");
    assert!(matches!(late.await.expect_err("late"), Refusal::Late { .. }));
}

#[tokio::test]
async fn a_job_that_panics_is_refused_alone_and_the_worker_gets_a_new_session() {
    let made = Arc::default();
    let (pool, ()) = Pool::start(1, 4, &make(&made), |_| ()).expect("the model loads");
    let broken = pool.submit(soon(), |_| -> u8 { panic!("a defect") }).expect("queued");
    let after = pool.submit(soon(), |session| session.engine().threads).expect("queued");
    assert_eq!(broken.await.expect_err("broke"), Refusal::Broke("a defect".into()));
    assert_eq!(after.await.expect("done").value, 1);
    assert_eq!(made.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_pool_that_stops_takes_nothing_more() {
    let pool = pool(2, 1);
    pool.stop();
    assert_eq!(pool.submit(soon(), |_| ()).map(|_| ()).expect_err("no"), Refusal::Stopping);
}
