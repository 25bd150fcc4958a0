use std::collections::BTreeMap;

use subtle::ConstantTimeEq as _;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use weighbridge_experiment::load::{LoadModel, LoadPlan, LoadRecord};

use super::message::{Message, Share, VERSION};
use super::stream::Way;
use super::{DistributedError, JOINING, SILENCE};
use crate::load::{LoadControl, LoadSnapshot, merge_records};

/// What a coordinator is told.
#[derive(Debug, Clone, Copy)]
pub struct Coordination<'a> {
    /// The whole load.
    pub plan: &'a LoadPlan,
    /// Workers that are waited for before it begins.
    pub workers: u32,
    /// The secret that workers have to show.
    pub token: &'a str,
    /// Stops the load.
    pub control: &'a LoadControl,
}

/// What happens on the way to one worker.
enum Event {
    Progress(LoadSnapshot),
    Done(Box<LoadRecord>),
    /// It failed or was lost.
    Ended(String),
}

struct Joined {
    name: String,
    way: Way,
}

/// Waits for workers, who come out of `newcomers`, lets them carry out the load, and merges
/// what they measured. `observe` is called with the sum of all after each one's progress, and
/// `say` with what a person should know meanwhile.
///
/// # Errors
///
/// No worker finished its share, or nobody can join any more.
pub async fn coordinate(
    asked: Coordination<'_>,
    newcomers: &mut mpsc::Receiver<Way>,
    observe: &mut (dyn FnMut(&LoadSnapshot) + Send),
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<LoadRecord, DistributedError> {
    if matches!(asked.plan.model, LoadModel::Mlperf(_)) {
        return Err(DistributedError::Mlperf);
    }
    let mut stop = asked.control.watch();
    let mut joined: Vec<Joined> = Vec::new();
    while joined.len() < asked.workers as usize {
        let way = tokio::select! {
            way = newcomers.recv() => way,
            true = is_stopped(&mut stop) => None,
        };
        let gone = DistributedError::Gone { whom: "listener", hint: "nobody can join any more" };
        match let_in(way.ok_or(gone)?, asked.token).await {
            Ok(worker) => {
                say(&format!(
                    "worker {} joined, {} of {}",
                    worker.name,
                    joined.len() + 1,
                    asked.workers
                ));
                joined.push(worker);
            }
            Err(reason) => say(&format!("a worker was refused: {reason}")),
        }
    }
    let (tell, mut events) = mpsc::channel(64);
    let names: Vec<String> = joined.iter().map(|worker| worker.name.clone()).collect();
    for (index, worker) in joined.into_iter().enumerate() {
        let share = Share { index: u32::try_from(index).unwrap_or(u32::MAX), of: asked.workers };
        let start = Message::Start { plan: Box::new(asked.plan.clone()), share };
        tokio::spawn(follow(index, worker.way, start, stop.clone(), tell.clone()));
    }
    drop(tell);
    let mut records = Vec::new();
    let mut lost = Vec::new();
    let mut latest: BTreeMap<usize, LoadSnapshot> = BTreeMap::new();
    while let Some((index, event)) = events.recv().await {
        match event {
            Event::Progress(snapshot) => {
                latest.insert(index, snapshot);
                observe(&sum(latest.values()));
            }
            Event::Done(record) => records.push(*record),
            Event::Ended(reason) => {
                let known = latest.remove(&index).map_or(0, |snapshot| snapshot.requests);
                let words = format!(
                    "worker {} {reason}; {known} requests that it had sent are in no figure",
                    names[index]
                );
                say(&words);
                lost.push(words);
            }
        }
    }
    if records.is_empty() {
        return Err(DistributedError::NoWorker { reasons: lost.join("; ") });
    }
    let mut whole = merge_records(&records)?;
    whole.client.limited_by.extend(lost);
    Ok(whole)
}

/// Asks a newcomer for the token.
async fn let_in(mut way: Way, token: &str) -> Result<Joined, String> {
    let hello = timeout(JOINING, way.from.recv()).await.ok().flatten();
    let Some(Message::Hello { version, token: shown, name }) = hello else {
        return Err("it did not say who it is".to_owned());
    };
    // In constant time: how long a comparison takes must not tell how much was right.
    let known: bool = shown.as_bytes().ct_eq(token.as_bytes()).into();
    let reason = if !known {
        "the token is not the coordinator's"
    } else if version != VERSION {
        "it speaks another version of the protocol; use one version of weighbridge"
    } else {
        let taken = way.to.send(Message::Welcome).await;
        way.trust();
        let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        return taken.map(|()| Joined { name, way }).map_err(|_| "it is gone".to_owned());
    };
    let _ = way.to.send(Message::Refused { reason: reason.to_owned() }).await;
    Err(reason.to_owned())
}

/// Waits until the load is to be stopped; `false` once nobody can stop it any more.
async fn is_stopped(stop: &mut watch::Receiver<bool>) -> bool {
    stop.wait_for(|stop| *stop).await.is_ok()
}

/// Hears one worker to its end.
async fn follow(
    index: usize,
    mut way: Way,
    start: Message,
    mut stop: watch::Receiver<bool>,
    tell: mpsc::Sender<(usize, Event)>,
) {
    let ended = |reason: &str| Event::Ended(reason.to_owned());
    if way.to.send(start).await.is_err() {
        let _ = tell.send((index, ended("was lost: its connection ended"))).await;
        return;
    }
    let mut stopped = false;
    loop {
        let heard = tokio::select! {
            heard = timeout(SILENCE, way.from.recv()) => heard,
            true = is_stopped(&mut stop), if !stopped => {
                stopped = true;
                let _ = way.to.send(Message::Stop).await;
                continue;
            }
        };
        let event = match heard {
            Ok(Some(Message::Alive)) => continue,
            Ok(Some(Message::Progress { snapshot })) => Event::Progress(snapshot),
            Ok(Some(Message::Done { record })) => Event::Done(record),
            Ok(Some(Message::Failed { reason })) => Event::Ended(format!("failed: {reason}")),
            Ok(Some(_)) => ended("was given up: it said what does not belong here"),
            Ok(None) => ended("was lost: its connection ended"),
            Err(_) => Event::Ended(format!("was lost: silent for {:.1} s", SILENCE.as_secs_f64())),
        };
        let last = !matches!(event, Event::Progress(_));
        if tell.send((index, event)).await.is_err() || last {
            return;
        }
    }
}

/// What all workers came to so far. Percentiles cannot be added: they are known at the end.
fn sum<'a>(snapshots: impl Iterator<Item = &'a LoadSnapshot>) -> LoadSnapshot {
    snapshots.fold(LoadSnapshot::default(), |mut sum, one| {
        sum.elapsed_seconds = sum.elapsed_seconds.max(one.elapsed_seconds);
        sum.planned_seconds = sum.planned_seconds.max(one.planned_seconds);
        sum.users += one.users;
        sum.requests += one.requests;
        sum.failures += one.failures;
        sum.under_way += one.under_way;
        sum.rps += one.rps;
        sum.failures_per_second += one.failures_per_second;
        let lags = [sum.send_lag_milliseconds, one.send_lag_milliseconds];
        sum.send_lag_milliseconds = lags.into_iter().flatten().reduce(f64::max);
        for (words, count) in &one.errors {
            match sum.errors.iter_mut().find(|(known, _)| known == words) {
                Some((_, sum)) => *sum += count,
                None => sum.errors.push((words.clone(), *count)),
            }
        }
        sum
    })
}
