use async_trait::async_trait;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use weighbridge_experiment::{CampaignHeader, CampaignRecord, RunId, SlotEvent};

use super::SqliteRegistry;
use super::runs::is_unique_violation;
use crate::{Campaigns, RegistryError, format, reference};

#[async_trait]
impl Campaigns for SqliteRegistry {
    async fn begin_campaign(&self, header: &CampaignHeader) -> Result<(), RegistryError> {
        format::check_campaign(&header.id, &header.format, &header.tool_version)?;
        let record = format::write(header, || format!("the header of campaign {}", header.id))?;
        let mut connection = self.connection().await;
        sqlx::query(
            "INSERT INTO campaigns (id, format, tool_version, name, started, record) \
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(header.id.as_str())
        .bind(&header.format)
        .bind(&header.tool_version)
        .bind(&header.name)
        .bind(header.started.to_string())
        .bind(record)
        .execute(&mut *connection)
        .await
        .map_err(|error| match error {
            error if is_unique_violation(&error) => {
                RegistryError::DuplicateCampaign { campaign: header.id.clone() }
            }
            error => self.failed("begin a campaign")(error),
        })?;
        Ok(())
    }

    async fn append_slot_event(
        &self,
        campaign: &RunId,
        event: &SlotEvent,
    ) -> Result<(), RegistryError> {
        let record = format::write(event, || format!("an event of slot {}", event.slot))?;
        let mut connection = self.connection().await;
        self.check_campaign(&mut connection, campaign).await?;
        sqlx::query("INSERT INTO slot_events (campaign, slot, record) VALUES (?, ?, ?)")
            .bind(campaign.as_str())
            .bind(i64::from(event.slot))
            .bind(record)
            .execute(&mut *connection)
            .await
            .map_err(self.failed("append an event of a slot"))?;
        Ok(())
    }

    async fn get_campaign(&self, campaign: &RunId) -> Result<CampaignRecord, RegistryError> {
        let mut connection = self.connection().await;
        let mut snapshot = connection.begin().await.map_err(self.failed("read a campaign"))?;
        self.campaign(&mut snapshot, campaign).await
    }

    async fn list_campaigns(&self) -> Result<Vec<CampaignRecord>, RegistryError> {
        let mut connection = self.connection().await;
        let mut snapshot = connection.begin().await.map_err(self.failed("list the campaigns"))?;
        let mut records = Vec::new();
        for id in self.campaign_ids(&mut snapshot).await? {
            records.push(self.campaign(&mut snapshot, &id).await?);
        }
        Ok(records)
    }

    async fn find_campaign(&self, reference: &str) -> Result<RunId, RegistryError> {
        let mut connection = self.connection().await;
        let ids = self.campaign_ids(&mut connection).await?;
        reference::resolve(reference, &ids).map_err(|error| match error {
            RegistryError::NoRuns => RegistryError::NoCampaigns,
            RegistryError::NoSuchRun { reference } => RegistryError::NoSuchCampaign { reference },
            error => error,
        })
    }
}

impl SqliteRegistry {
    /// The ids of all campaigns, the one begun last first.
    async fn campaign_ids(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<RunId>, RegistryError> {
        let ids: Vec<String> =
            sqlx::query_scalar("SELECT id FROM campaigns ORDER BY sequence DESC")
                .fetch_all(connection)
                .await
                .map_err(self.failed("find a campaign"))?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// The campaign exists, and this version may read and write it.
    async fn check_campaign(
        &self,
        connection: &mut SqliteConnection,
        campaign: &RunId,
    ) -> Result<(), RegistryError> {
        let row = sqlx::query_as::<_, (String, String)>(
            "SELECT format, tool_version FROM campaigns WHERE id = ?",
        )
        .bind(campaign.as_str())
        .fetch_optional(connection)
        .await
        .map_err(self.failed("look up a campaign"))?;
        let (format, written_by) =
            row.ok_or_else(|| RegistryError::NoSuchCampaign { reference: campaign.to_string() })?;
        format::check_campaign(campaign, &format, &written_by)
    }

    async fn campaign(
        &self,
        connection: &mut SqliteConnection,
        campaign: &RunId,
    ) -> Result<CampaignRecord, RegistryError> {
        self.check_campaign(connection, campaign).await?;
        let header: String = sqlx::query_scalar("SELECT record FROM campaigns WHERE id = ?")
            .bind(campaign.as_str())
            .fetch_one(&mut *connection)
            .await
            .map_err(self.failed("read a campaign"))?;
        let header = self.read(&header, || format!("the header of campaign {campaign}"))?;
        let events: Vec<String> = sqlx::query_scalar(
            "SELECT record FROM slot_events WHERE campaign = ? ORDER BY sequence",
        )
        .bind(campaign.as_str())
        .fetch_all(connection)
        .await
        .map_err(self.failed("read a campaign"))?;
        let events = events
            .iter()
            .map(|event| self.read(event, || format!("a slot event of campaign {campaign}")))
            .collect::<Result<_, _>>()?;
        Ok(CampaignRecord { header, events })
    }
}
