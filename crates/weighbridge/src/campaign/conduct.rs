//! The slots of a campaign, until all are over or the user stops.

use jiff::Timestamp;
use weighbridge_experiment::{CampaignRecord, RunId, SlotEvent, SlotEventKind, Step, next_step};
use weighbridge_registry::Campaigns;

use super::Time;
use crate::run::Ending;

/// What runs a slot: the real thing, or a fake in tests.
pub(crate) trait Slots {
    /// Runs a slot under this id from its beginning.
    async fn begin(&mut self, slot: u32, run: &RunId) -> anyhow::Result<Ran>;

    /// Goes on with the run of a slot; begins it where a kill came before its header.
    async fn resume(&mut self, slot: u32, run: &RunId) -> anyhow::Result<Ran>;

    /// Returns once the user wants to stop.
    async fn stopped(&mut self);
}

/// How the run of a slot ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ran {
    /// All its trials are there, or the user stopped it.
    Ended(Ending),
    /// It cannot be run now, and this is why.
    Failed(String),
}

/// What a user is told while a campaign goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told<'a> {
    /// Something happened to a slot.
    Event(&'a SlotEvent),
    /// The next slot is due then.
    Waiting { slot: u32, until: Timestamp },
}

/// Where a campaign tells how it goes.
pub(crate) trait Progress {
    /// Told once for each event and each wait.
    fn tell(&mut self, told: &Told<'_>);
}

/// Does every slot that is not over. Each event is recorded before what it announces.
pub(crate) async fn conduct(
    registry: &impl Campaigns,
    record: &mut CampaignRecord,
    time: &mut impl Time,
    slots: &mut impl Slots,
    progress: &mut impl Progress,
) -> anyhow::Result<Ending> {
    loop {
        let now = time.now();
        let (slot, ran) = match next_step(record, now) {
            Step::Done => return Ok(Ending::Finished),
            Step::Wait { slot, until } => {
                progress.tell(&Told::Waiting { slot, until });
                tokio::select! {
                    () = time.wait(until) => continue,
                    () = slots.stopped() => return Ok(Ending::Interrupted),
                }
            }
            Step::Miss { slot, reason } => {
                let kind = SlotEventKind::Missed { reason };
                write(registry, record, SlotEvent { at: now, slot, kind }, progress).await?;
                continue;
            }
            Step::CutShort { slot, reason } => {
                let kind = SlotEventKind::CutShort { reason };
                write(registry, record, SlotEvent { at: now, slot, kind }, progress).await?;
                continue;
            }
            Step::Begin { slot } => {
                let run = RunId::from_random(rand::random());
                let kind = SlotEventKind::Begun { run: run.clone() };
                write(registry, record, SlotEvent { at: now, slot, kind }, progress).await?;
                (slot, slots.begin(slot, &run).await?)
            }
            Step::Resume { slot, run } => {
                let kind = SlotEventKind::Resumed;
                write(registry, record, SlotEvent { at: now, slot, kind }, progress).await?;
                (slot, slots.resume(slot, &run).await?)
            }
        };
        let kind = match ran {
            Ran::Ended(Ending::Interrupted) => return Ok(Ending::Interrupted),
            Ran::Ended(Ending::Finished) => SlotEventKind::Finished,
            Ran::Failed(reason) => SlotEventKind::CutShort { reason },
        };
        write(registry, record, SlotEvent { at: time.now(), slot, kind }, progress).await?;
    }
}

async fn write(
    registry: &impl Campaigns,
    record: &mut CampaignRecord,
    event: SlotEvent,
    progress: &mut impl Progress,
) -> anyhow::Result<()> {
    registry.append_slot_event(&record.header.id, &event).await?;
    progress.tell(&Told::Event(&event));
    record.events.push(event);
    Ok(())
}

#[cfg(test)]
mod tests;
