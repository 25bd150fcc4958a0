//! `weighbridge schema`: the JSON Schema of everything that others read or write.

use clap::ValueEnum;
use schemars::{Schema, schema_for};
use weighbridge_experiment::{CampaignRecord, RunRecord, file::experiment_schema};
use weighbridge_report::load::LoadSummary;

use super::app_result::AppRun;
use super::applications::ApplicationList;
use super::bills::BillCheckDocument;
use super::engines::EngineList;
use super::environments::EnvironmentList;
use super::prices::{PriceLists, Prices};
use super::{Outcome, output};

/// A published format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaName {
    /// The experiment file
    Experiment,
    /// weighbridge.run/1: the record of a run, as the registry keeps it
    Run,
    /// weighbridge.campaign/1: a campaign and what became of its slots
    Campaign,
    /// weighbridge.campaign-report/1: what `campaign report --format json` prints
    CampaignReport,
    /// weighbridge.report/1: what `report --format json` prints
    Report,
    /// weighbridge.environments/1: what `env list --format json` prints
    Environments,
    /// weighbridge.applications/1: what `app list --format json` prints
    Applications,
    /// weighbridge.app-run/1: what `app run --format json` prints
    AppRun,
    /// weighbridge.bill-check/1: what `bill check --format json` prints for one file
    BillCheck,
    /// weighbridge.engines/1: what `engine list --format json` prints
    Engines,
    /// weighbridge.load/1: what `load --format json` prints
    Load,
    /// weighbridge.inference/1: what `serve` answers to POST /v1/{application}
    Inference,
    /// weighbridge.price-lists/1: what `price list --format json` prints
    PriceLists,
    /// weighbridge.prices/1: what `price list TEXT`, `price show` and `price quote` print
    Prices,
    /// The frames between a host and the agent inside an environment
    Wire,
}

/// Prints one schema.
pub(super) fn print(name: SchemaName) -> anyhow::Result<Outcome> {
    let schema: Schema = match name {
        SchemaName::Experiment => experiment_schema(),
        SchemaName::Run => schema_for!(RunRecord),
        SchemaName::Campaign => schema_for!(CampaignRecord),
        SchemaName::CampaignReport => weighbridge_report::campaign::campaign_report_schema(),
        SchemaName::Report => weighbridge_report::analysis::report_schema(),
        SchemaName::Environments => schema_for!(EnvironmentList),
        SchemaName::Applications => schema_for!(ApplicationList),
        SchemaName::AppRun => schema_for!(AppRun),
        SchemaName::BillCheck => schema_for!(BillCheckDocument),
        SchemaName::Engines => schema_for!(EngineList),
        SchemaName::Load => schema_for!(LoadSummary),
        SchemaName::Inference => schema_for!(weighbridge_service::InferenceAnswer),
        SchemaName::PriceLists => schema_for!(PriceLists),
        SchemaName::Prices => schema_for!(Prices),
        SchemaName::Wire => weighbridge_agent::wire::wire_schema(),
    };
    output::write_json(&schema)?;
    Ok(Outcome::Done)
}
