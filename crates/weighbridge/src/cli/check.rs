use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::json;

use super::arguments::{CheckArguments, Format};
use super::{Outcome, UsageError, output};
use crate::campaign::{HostTime, Time, slot_times};
use weighbridge_experiment::{CpuCount, Experiment};

/// Reads an experiment file and says what it asks for. Nothing outside the file is touched.
pub(super) fn check(arguments: &CheckArguments) -> anyhow::Result<Outcome> {
    let experiment = crate::run::read_experiment(&arguments.file)?;
    // A cron expression and a time zone are checked by what evaluates them.
    let slots = experiment
        .schedule
        .as_ref()
        .map(|schedule| slot_times(schedule, HostTime.now()))
        .transpose()
        .map_err(|error| UsageError(error.to_string()))?;
    match arguments.format {
        Format::Table => output::write_text(&summary(&experiment, slots.as_deref()))?,
        Format::Json => output::write_json(&json!({
            "format": "weighbridge.experiment/1",
            "valid": true,
            "experiment": serde_json::to_value(&experiment).context("cannot write JSON")?,
        }))?,
        Format::Csv => output::write_text(&csv(&experiment))?,
    }
    Ok(Outcome::Done)
}

fn summary(experiment: &Experiment, slots: Option<&[Timestamp]>) -> String {
    let mut lines = vec![format!("{}: valid, seed {}", experiment.name, experiment.seed)];
    for environment in &experiment.environments {
        let mut limits = Vec::new();
        let unit = |cpus: CpuCount| if cpus.count() == 1.0 { "CPU" } else { "CPUs" };
        limits.extend(environment.cpus.map(|cpus| format!("{cpus} {}", unit(cpus))));
        limits.extend(environment.memory.map(|memory| format!("{memory} of memory")));
        let limits =
            if limits.is_empty() { "all CPUs of the host".to_owned() } else { limits.join(", ") };
        lines.push(format!("  environment {}: {}, {limits}", environment.name, environment.kind));
    }
    for workload in &experiment.workloads {
        lines.push(format!(
            "  workload {}: {}, {} trials, {} warm-up",
            workload.name,
            workload.task.name(),
            workload.trials,
            workload.warmup
        ));
    }
    if let (Some(schedule), Some([first, .., last] | [first @ last])) =
        (&experiment.schedule, slots)
    {
        lines.push(format!(
            "  schedule: {} slots, {}; begun now, the first is due {} and the last {}",
            schedule.count,
            schedule.rule,
            first.strftime("%Y-%m-%d %H:%M:%SZ"),
            last.strftime("%Y-%m-%d %H:%M:%SZ")
        ));
    }
    lines.join("\n")
}

fn csv(experiment: &Experiment) -> String {
    let mut lines = vec!["environment,kind,workload,application,trials".to_owned()];
    for workload in &experiment.workloads {
        for environment in &experiment.environments {
            // Names are letters, digits, `-`, `_` and `.` only: nothing to quote.
            lines.push(format!(
                "{},{},{},{},{}",
                environment.name,
                environment.kind,
                workload.name,
                workload.task.name(),
                workload.trials
            ));
        }
    }
    lines.join("\n")
}
