//! `weighbridge env list`.

use serde::Serialize;
use weighbridge_experiment::{Availability, EnvironmentKind, EnvironmentSettings};

use super::arguments::{EnvArguments, EnvCommand, Format};
use super::{Outcome, output, reading, weigh};
use crate::run::Probes;

#[derive(Serialize, schemars::JsonSchema)]
pub(crate) struct EnvironmentList {
    /// Always `weighbridge.environments/1`.
    format: &'static str,
    /// One for each kind of this version.
    environments: Vec<EnvironmentRow>,
}

#[derive(Serialize, schemars::JsonSchema)]
struct EnvironmentRow {
    environment: EnvironmentKind,
    #[serde(flatten)]
    availability: Availability,
}

/// Tries every environment for real and prints what was found.
pub(super) async fn list(arguments: &EnvArguments) -> anyhow::Result<Outcome> {
    let EnvCommand::List { format } = arguments.command;
    let host = weigh::open_host().await?;
    let mut probes = Probes::afresh(&host);
    let mut environments = Vec::new();
    for environment in EnvironmentKind::ALL {
        let settings = EnvironmentSettings::of_kind(environment);
        let availability = probes.ask(environment, &settings).await;
        environments.push(EnvironmentRow { environment, availability });
    }
    let list = EnvironmentList { format: "weighbridge.environments/1", environments };
    match format {
        Format::Json => output::write_json(&list)?,
        Format::Table => {
            output::write_text(&reading::table(&HEADER, rows(&list)))?;
        }
        Format::Csv => output::write_text(&reading::csv(&HEADER, &rows(&list))?)?,
    }
    Ok(Outcome::Done)
}

const HEADER: [&str; 4] = ["environment", "works", "version", "why, and what to do"];

fn rows(list: &EnvironmentList) -> Vec<Vec<String>> {
    let row = |row: &EnvironmentRow| {
        let answer = &row.availability;
        let works = match (answer.available, answer.emulated) {
            (true, false) => "yes",
            (true, true) => "emulated",
            (false, _) => "no",
        };
        let mut notes: Vec<String> = answer.reason.iter().cloned().collect();
        notes.extend(answer.enable.iter().map(|command| format!("enable: {command}")));
        vec![
            row.environment.to_string(),
            works.to_owned(),
            answer.version.clone().unwrap_or_default(),
            notes.join("; "),
        ]
    };
    list.environments.iter().map(row).collect()
}
