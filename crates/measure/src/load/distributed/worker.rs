use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use weighbridge_experiment::load::LoadRecord;

use super::message::{Message, VERSION};
use super::stream::Way;
use super::{DistributedError, HEARTBEAT, JOINING};
use crate::load::{LoadControl, LoadError, LoadOptions, run_load};

/// What a worker is told by whoever starts it.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// The secret that the coordinator was given too.
    pub token: String,
    /// What it is called in notes.
    pub name: String,
    /// What the engine needs beside the plan; its share comes from the coordinator.
    pub load: LoadOptions,
}

const GONE: DistributedError = DistributedError::Gone {
    whom: "coordinator",
    hint: "see whether it still runs, and whether one side speaks TLS and the other does not",
};

/// Joins a coordinator, carries out a share of its load, and hands the record back.
///
/// # Errors
///
/// The coordinator refuses, goes away, or the load cannot begin here.
pub async fn work(mut way: Way, options: WorkerOptions) -> Result<(), DistributedError> {
    let hello =
        Message::Hello { version: VERSION, token: options.token, name: options.name.clone() };
    way.to.send(hello).await.map_err(|_| GONE)?;
    match timeout(JOINING, way.from.recv()).await.ok().flatten() {
        Some(Message::Welcome) => way.trust(),
        Some(Message::Refused { reason }) => return Err(DistributedError::Refused { reason }),
        Some(_) => return Err(DistributedError::Unexpected { whom: "coordinator" }),
        None => return Err(GONE),
    }
    let (plan, share) = match way.from.recv().await.ok_or(GONE)? {
        Message::Start { plan, share } => (plan, share),
        Message::Stop => return Ok(()),
        _ => return Err(DistributedError::Unexpected { whom: "coordinator" }),
    };
    let load = LoadOptions { share, ..options.load };
    let control = LoadControl::default();
    let (seen, snapshots) = mpsc::unbounded_channel();
    let engine_control = control.clone();
    let engine = tokio::task::spawn_blocking(move || {
        run_load(&plan, &load, &engine_control, &mut |snapshot| {
            let _ = seen.send(Message::Progress { snapshot: snapshot.clone() });
        })
    });
    let result = report(&mut way, engine, snapshots, &control).await?;
    let last = match &result {
        Ok(record) => Message::Done { record: Box::new(record.clone()) },
        Err(error) => Message::Failed { reason: error.to_string() },
    };
    way.to.send(last).await.map_err(|_| GONE)?;
    // The coordinator hangs up once it has read everything.
    while way.from.recv().await.is_some() {}
    result.map(|_| ()).map_err(Into::into)
}

/// Says that it is alive and how far it is until the engine is done.
async fn report(
    way: &mut Way,
    mut engine: tokio::task::JoinHandle<Result<LoadRecord, LoadError>>,
    mut snapshots: mpsc::UnboundedReceiver<Message>,
    control: &LoadControl,
) -> Result<Result<LoadRecord, LoadError>, DistributedError> {
    let mut heartbeat = interval(HEARTBEAT);
    loop {
        let said = tokio::select! {
            done = &mut engine => return Ok(done.unwrap_or(Err(LoadError::ThreadLost))),
            _ = heartbeat.tick() => way.to.send(Message::Alive).await,
            Some(progress) = snapshots.recv() => way.to.send(progress).await,
            heard = way.from.recv() => match heard {
                Some(Message::Stop) => {
                    control.stop();
                    Ok(())
                }
                Some(_) => Ok(()),
                // Nobody is left to tell: a load without end would help nobody.
                None => {
                    control.stop();
                    return Err(GONE);
                }
            },
        };
        if said.is_err() {
            control.stop();
            return Err(GONE);
        }
    }
}
