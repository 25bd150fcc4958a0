//! Slots as runs of this host: each is a run of its own, of the same experiment.

use std::path::Path;

use rand::{Rng as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use weighbridge_experiment::{CampaignRecord, Plan, RunId, RunStatus};
use weighbridge_registry::{RegistryError, Runs};

use super::conduct::{Ran, Slots};
use crate::interrupt::Interrupt;
use crate::run::{self, Asked, Ending, Host};

/// Runs the slots of one campaign.
pub(crate) struct RunSlots<'a> {
    pub(crate) host: &'a Host,
    pub(crate) asked: &'a Asked,
    pub(crate) interrupt: &'a mut Interrupt,
    /// The first run of the campaign: all others must weigh the same.
    pub(crate) first: Option<RunId>,
}

impl<'a> RunSlots<'a> {
    /// For a campaign whose experiment file is read again from its record.
    pub(crate) fn new(
        host: &'a Host,
        asked: &'a Asked,
        record: &CampaignRecord,
        interrupt: &'a mut Interrupt,
    ) -> Self {
        let first = record.states().iter().find_map(|state| state.run().cloned());
        Self { host, asked, interrupt, first }
    }

    async fn first_plan(&self) -> anyhow::Result<Option<Plan>> {
        let Some(first) = &self.first else { return Ok(None) };
        match self.host.registry.get(first).await {
            Ok(record) => Ok(Some(record.header.plan)),
            Err(RegistryError::NoSuchRun { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn conduct(&mut self, begun: run::Begun) -> anyhow::Result<Ran> {
        let (_, ending) = run::conduct(self.host, begun, self.interrupt).await?;
        Ok(Ran::Ended(ending))
    }
}

impl Slots for RunSlots<'_> {
    async fn begin(&mut self, slot: u32, id: &RunId) -> anyhow::Result<Ran> {
        // What is wrong now, a photo that was removed, say, may be right in six hours.
        let mut planned = match run::plan(self.host, self.asked).await {
            Ok(planned) => planned,
            Err(error) => return Ok(Ran::Failed(format!("it could not begin: {error:#}"))),
        };
        if let Some(changed) = self.first_plan().await?.and_then(|f| changed(&f, &planned.plan)) {
            return Ok(Ran::Failed(changed));
        }
        planned.plan.seed = seed_of_slot(planned.plan.seed, slot);
        let begun = match run::begin(self.host, planned, id.clone(), self.interrupt).await {
            Ok(Some(begun)) => begun,
            Ok(None) => return Ok(Ran::Ended(Ending::Interrupted)),
            Err(error) => return Ok(Ran::Failed(format!("it could not begin: {error:#}"))),
        };
        self.first.get_or_insert_with(|| id.clone());
        self.conduct(begun).await
    }

    async fn resume(&mut self, slot: u32, id: &RunId) -> anyhow::Result<Ran> {
        match self.host.registry.get(id).await {
            // The kill came after the last trial.
            Ok(record) if record.status() == RunStatus::Finished => {
                return Ok(Ran::Ended(Ending::Finished));
            }
            Ok(_) => {}
            Err(RegistryError::NoSuchRun { .. }) => return self.begin(slot, id).await,
            Err(error) => return Err(error.into()),
        }
        let begun = run::resume(self.host, id.as_str()).await?;
        self.conduct(begun).await
    }

    async fn stopped(&mut self) {
        self.interrupt.wait().await;
    }
}

/// The order of trials differs from slot to slot, so that no platform is always the first;
/// it follows from the seed, so that a resumed slot goes on in its own order.
fn seed_of_slot(seed: u64, slot: u32) -> u64 {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(u64::from(slot));
    // SQLite and JSON readers of others keep 53 bits of a number.
    generator.next_u64() >> 11
}

/// What is not the same as in the first slot, where numbers could not be put side by side.
fn changed(first: &Plan, now: &Plan) -> Option<String> {
    let same = "the first slot";
    if first.executable_sha256 != now.executable_sha256 {
        return Some(format!("the executable is not that of {same}"));
    }
    for workload in &first.workloads {
        let Some(other) = now.workload(&workload.name) else {
            return Some(format!("workload `{}` of {same} is gone", workload.name));
        };
        let file = |name: &str| {
            let name = Path::new(name).file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        };
        if let Some((input, _)) = workload
            .inputs
            .iter()
            .zip(&other.inputs)
            .find(|(before, after)| before.sha256 != after.sha256)
        {
            let input = file(&input.name);
            return Some(format!("input {input} of `{}` is not that of {same}", workload.name));
        }
        if workload != other {
            return Some(format!(
                "workload `{}` is not that of {same}: its model, inputs or engine changed",
                workload.name
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_slot_has_an_order_of_its_own_and_always_the_same() {
        let seeds: HashSet<u64> = (0..28).map(|slot| seed_of_slot(42, slot)).collect();
        assert_eq!(seeds.len(), 28);
        assert_eq!(seed_of_slot(42, 3), seed_of_slot(42, 3));
        assert_ne!(seed_of_slot(42, 3), seed_of_slot(43, 3));
    }
}
