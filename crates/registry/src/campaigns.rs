use async_trait::async_trait;
use weighbridge_experiment::{CampaignHeader, CampaignRecord, RunId, SlotEvent};

use crate::RegistryError;

/// Campaigns: begun once, then only added to.
///
/// A method that writes returns when what it wrote survives the death of this process and
/// of the machine; until then nothing is promised.
#[async_trait]
pub trait Campaigns: Send + Sync {
    /// Writes down a campaign before its first slot.
    ///
    /// # Errors
    ///
    /// [`RegistryError::DuplicateCampaign`] where the id is taken; what storage gives.
    async fn begin_campaign(&self, header: &CampaignHeader) -> Result<(), RegistryError>;

    /// Adds something that happened to a slot.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoSuchCampaign`], [`RegistryError::NewerRecord`]; what storage gives.
    async fn append_slot_event(
        &self,
        campaign: &RunId,
        event: &SlotEvent,
    ) -> Result<(), RegistryError>;

    /// The whole campaign, events in the order in which they were added.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoSuchCampaign`], [`RegistryError::NewerRecord`],
    /// [`RegistryError::Damaged`]; what storage gives.
    async fn get_campaign(&self, campaign: &RunId) -> Result<CampaignRecord, RegistryError>;

    /// All campaigns, the one begun last first.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Damaged`], [`RegistryError::NewerRecord`]; what storage gives.
    async fn list_campaigns(&self) -> Result<Vec<CampaignRecord>, RegistryError>;

    /// The campaign that a user means by `latest`, an id, or the first characters of one.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NoCampaigns`], [`RegistryError::NoSuchCampaign`] or
    /// [`RegistryError::AmbiguousRun`] with the candidates; what storage gives.
    async fn find_campaign(&self, reference: &str) -> Result<RunId, RegistryError>;
}
