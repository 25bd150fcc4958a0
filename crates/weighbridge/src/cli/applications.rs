//! `weighbridge app list`.

use serde::Serialize;
use weighbridge_experiment::{ApplicationName, Sha256Digest};
use weighbridge_inference::catalogue;

use super::arguments::{AppArguments, AppCommand, Format};
use super::{Outcome, app_export, app_run, output, reading};

#[derive(Serialize, schemars::JsonSchema)]
pub(crate) struct ApplicationList {
    /// Always `weighbridge.applications/1`.
    format: &'static str,
    applications: Vec<ApplicationRow>,
}

#[derive(Serialize, schemars::JsonSchema)]
struct ApplicationRow {
    application: ApplicationName,
    summary: &'static str,
    input: &'static str,
    result: &'static str,
    model: &'static str,
    model_sha256: Sha256Digest,
    model_bytes: usize,
    trained: bool,
    trained_on: &'static str,
    quality: String,
    licence: &'static str,
    sample_inputs: Vec<&'static str>,
}

fn row(name: ApplicationName) -> ApplicationRow {
    let entry = catalogue::shipped(name);
    let model = (entry.model)();
    ApplicationRow {
        application: name,
        summary: entry.summary,
        input: entry.input_kinds,
        result: entry.result,
        model: entry.model_file,
        model_sha256: Sha256Digest::of(&model),
        model_bytes: model.len(),
        trained: entry.trained,
        trained_on: entry.trained_on,
        quality: (entry.quality)(),
        licence: entry.licence,
        sample_inputs: entry.samples.iter().map(|(name, _)| *name).collect(),
    }
}

/// `weighbridge app`.
pub(super) fn app(arguments: AppArguments) -> anyhow::Result<Outcome> {
    match arguments.command {
        AppCommand::List { format } => list(format),
        AppCommand::Run(arguments) => app_run::run(&arguments),
        AppCommand::Export(arguments) => app_export::export(&arguments),
    }
}

/// Prints the applications of this version.
fn list(format: Format) -> anyhow::Result<Outcome> {
    let applications: Vec<_> = ApplicationName::ALL.into_iter().map(row).collect();
    match format {
        Format::Json => {
            output::write_json(&ApplicationList {
                format: "weighbridge.applications/1",
                applications,
            })?;
        }
        Format::Table => {
            output::write_text(&reading::table(&HEADER, rows(&applications)))?;
        }
        Format::Csv => output::write_text(&reading::csv(&HEADER, &rows(&applications))?)?,
    }
    Ok(Outcome::Done)
}

const HEADER: [&str; 4] = ["application", "what it does", "model", "trained"];

fn rows(applications: &[ApplicationRow]) -> Vec<Vec<String>> {
    let row = |row: &ApplicationRow| {
        let trained = if row.trained {
            format!("yes, on {}; {}", row.trained_on, row.quality)
        } else {
            "no: seeded weights, speed only".to_owned()
        };
        vec![
            row.application.to_string(),
            format!("{}; takes a {}", row.summary, row.input),
            format!("{} {} ({} KiB)", row.model, row.model_sha256.short(), row.model_bytes / 1024),
            trained,
        ]
    };
    applications.iter().map(row).collect()
}
