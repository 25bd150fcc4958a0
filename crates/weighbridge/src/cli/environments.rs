//! `weighbridge env list` and `weighbridge env prepare`.

use serde::Serialize;
use weighbridge_environment::{KernelSource, prepare_kernel, unpacked_kernel};
use weighbridge_experiment::{Availability, EnvironmentKind, EnvironmentSettings};

use super::arguments::{EnvArguments, EnvCommand, Format, PrepareArguments};
use super::{Outcome, output, reading, weigh};
use crate::data_directory::{DataDirectory, create_private};
use crate::run::{Probes, Waiting};

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

/// Answers the commands about environments.
pub(super) async fn env(arguments: EnvArguments) -> anyhow::Result<Outcome> {
    match arguments.command {
        EnvCommand::List { format } => list(format).await,
        EnvCommand::Prepare(arguments) => prepare(arguments),
    }
}

/// Gets a kernel for guests and says what was got.
fn prepare(arguments: PrepareArguments) -> anyhow::Result<Outcome> {
    let source = match arguments.kernel {
        Some(kernel) => KernelSource::File { kernel, modules: arguments.modules },
        None => KernelSource::Automatic,
    };
    let data = DataDirectory::from_environment()?;
    create_private(&data.guests())?;
    let waiting = Waiting::on("looking for a kernel");
    let kernel = prepare_kernel(&data.guests(), &source, &|step| waiting.say(step))?;
    if arguments.environment == "firecracker" {
        // No firmware unpacks it there.
        waiting.say("unpacking the kernel");
        unpacked_kernel(&data.guests(), &kernel)?;
    }
    drop(waiting);
    output::write_text(&format!(
        "guests boot Linux {}, {}\nsha256 {}; {} modules: {}",
        kernel.release,
        kernel.origin,
        kernel.sha256,
        kernel.modules.len(),
        kernel.modules.join(" "),
    ))?;
    output::note("`weighbridge env list` boots it once and says whether that works");
    Ok(Outcome::Done)
}

/// Tries every environment for real and prints what was found.
async fn list(format: Format) -> anyhow::Result<Outcome> {
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
