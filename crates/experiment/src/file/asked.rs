//! What the user asked, checked: every value is possible by itself, names are unique,
//! defaults that need no host are filled in.

use std::collections::HashSet;

use serde::Serialize;

use super::error::Problem;
use super::keys::nearest;
use super::schedule;
use super::settings::{settings, written_again};
use super::workload::workloads;
use super::workload_again::table as workload_table;
use super::written::{EnvironmentTable, ExperimentFile, PriceTable};
use crate::{
    Difference, EnvironmentKind, EnvironmentSpec, InstrumentChoice, PriceSpec, Restart, Schedule,
    WorkloadSpec,
};

pub use super::workload::{application, default_workload};

const DEFAULT_SEED: u64 = 42;

/// An experiment as asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Experiment {
    /// Its name.
    pub name: String,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// When agents start anew.
    pub restart: Restart,
    /// What may differ between cells that are compared.
    pub allow_differences: Vec<Difference>,
    /// How often a trial that the host disturbed is done again, at most.
    pub repeat_disturbed: u32,
    /// Which instruments read processor use.
    pub instrument: InstrumentChoice,
    /// At least one.
    pub environments: Vec<EnvironmentSpec>,
    /// At least one.
    pub workloads: Vec<WorkloadSpec>,
    /// When a campaign runs it again.
    pub schedule: Option<Schedule>,
}

impl Default for Experiment {
    /// The main job: two applications, native and in a container.
    fn default() -> Self {
        check(ExperimentFile { name: Some("main".to_owned()), ..ExperimentFile::default() })
            .unwrap_or_else(|problems| {
                unreachable!("the default experiment is valid: {problems:?}")
            })
    }
}

/// Checks a file that has been read.
///
/// # Errors
///
/// Everything that is wrong with it, without places.
pub fn check(written: ExperimentFile) -> Result<Experiment, Vec<Problem>> {
    let mut problems = Problems(Vec::new());
    let environments = environments(written.environment, &mut problems);
    let workloads = workloads(written.workload, &mut problems);
    problems
        .unique("environment", environments.iter().map(|environment| environment.name.as_str()));
    problems.unique("workload", workloads.iter().map(|workload| workload.name.as_str()));
    let schedule = written.schedule.and_then(|table| schedule::check(table, &mut problems));
    let cold = workloads.iter().find(|workload| workload.task.starts_instances());
    if let (Some(workload), Some(Restart::Run)) = (cold, written.restart) {
        let message = format!(
            "workload `{}` starts instances, and `restart = \"run\"` does so once",
            workload.name
        );
        problems.add("restart", message, "use `restart = \"block\"`, the default");
    }
    if !problems.0.is_empty() {
        return Err(problems.0);
    }
    Ok(Experiment {
        name: written.name.unwrap_or_else(|| "experiment".to_owned()),
        seed: written.seed.unwrap_or(DEFAULT_SEED),
        restart: written.restart.unwrap_or_default(),
        allow_differences: written.allow_differences,
        repeat_disturbed: written.repeat_disturbed.unwrap_or(0),
        instrument: written.instrument.unwrap_or_default(),
        environments,
        workloads,
        schedule,
    })
}

/// What is wrong so far.
pub(super) struct Problems(pub(super) Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, path: &str, message: String, help: impl Into<String>) {
        self.0.push(Problem::at(path, message, help));
    }

    fn unique<'a>(&mut self, what: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = HashSet::new();
        for (index, name) in names.enumerate() {
            if !seen.insert(name) {
                self.add(
                    &format!("{what}.{index}"),
                    format!("two {what}s are named `{name}`"),
                    format!("give each [[{what}]] its own `name`"),
                );
            }
        }
    }

    /// Names end up in file names, tables and SVG: letters, digits, `-`, `_`, `.` only.
    pub(super) fn name(&mut self, path: &str, what: &str, name: &str) {
        let fits = !name.is_empty()
            && name.len() <= 40
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if !fits {
            self.add(
                &format!("{path}.name"),
                format!("`{name}` cannot name {what}"),
                "use 1 to 40 letters, digits, `-`, `_` or `.`",
            );
        }
    }

    pub(super) fn within(&mut self, path: &str, key: &str, value: u32, least: u32, most: u32) {
        if !(least..=most).contains(&value) {
            self.add(
                &format!("{path}.{key}"),
                format!("`{key} = {value}` is out of range"),
                format!("give a number from {least} to {most}"),
            );
        }
    }

    pub(super) fn supported(&mut self, path: &str, key: &str, value: Option<&str>, known: &[&str]) {
        if let Some(value) = value.filter(|value| !known.contains(value)) {
            self.add(
                &format!("{path}.{key}"),
                format!("`{key} = \"{value}\"` is not supported by this version"),
                format!("use one of: {}", known.join(", ")),
            );
        }
    }
}

fn environments(tables: Vec<EnvironmentTable>, problems: &mut Problems) -> Vec<EnvironmentSpec> {
    if tables.is_empty() {
        return [EnvironmentKind::Native, EnvironmentKind::Container]
            .map(EnvironmentSpec::of_kind)
            .to_vec();
    }
    let indexed = tables.into_iter().enumerate();
    indexed
        .filter_map(|(index, table)| environment(&format!("environment.{index}"), table, problems))
        .collect()
}

fn environment(
    path: &str,
    table: EnvironmentTable,
    problems: &mut Problems,
) -> Option<EnvironmentSpec> {
    let kind = match environment_kind(&table.kind) {
        Ok(kind) => kind,
        Err(problem) => {
            problems.0.push(problem.under(&format!("{path}.kind")));
            return None;
        }
    };
    let settings = settings(path, kind, &table, problems);
    let name = table.name.unwrap_or_else(|| kind.to_string());
    problems.name(path, "an environment", &name);
    let price =
        table.price.and_then(|price| price_spec(&format!("{path}.price"), price, &name, problems));
    Some(EnvironmentSpec { name, kind, cpus: table.cpus, memory: table.memory, price, settings })
}

/// The kind of this name.
///
/// # Errors
///
/// A problem that names the nearest known kind, or says that the kind is planned.
pub fn environment_kind(name: &str) -> Result<EnvironmentKind, Problem> {
    if let Some(kind) = EnvironmentKind::from_name(name) {
        return Ok(kind);
    }
    let known = EnvironmentKind::ALL.map(EnvironmentKind::as_str);
    let listed = format!("this version has: {}", known.join(", "));
    let (message, help) = if EnvironmentKind::PLANNED.contains(&name) {
        (format!("environment kind `{name}` is not supported by this version"), listed)
    } else {
        let help = nearest(name, &known).map_or(listed, |near| format!("did you mean `{near}`?"));
        (format!("unknown environment kind `{name}`"), help)
    };
    Err(Problem::at("", message, help))
}

fn price_spec(
    path: &str,
    table: PriceTable,
    environment: &str,
    problems: &mut Problems,
) -> Option<PriceSpec> {
    match (table.entry, table.hourly) {
        (Some(entry), None) => Some(PriceSpec::Entry(entry)),
        (None, Some(hourly)) => match hourly.parse() {
            Ok(money) => Some(PriceSpec::Hourly(money)),
            Err(error) => {
                problems.add(
                    &format!("{path}.hourly"),
                    format!("price of environment `{environment}`"),
                    error.to_string(),
                );
                None
            }
        },
        (None, None) => {
            problems.add(
                path,
                format!("price of environment `{environment}` is empty"),
                "give `entry` or `hourly`, or remove the table",
            );
            None
        }
        (Some(_), Some(_)) => {
            problems.add(
                path,
                format!("price of environment `{environment}` is given twice"),
                "give either `entry` or `hourly`",
            );
            None
        }
    }
}

/// The experiment written as a file again, as the record keeps it when options changed it.
#[must_use]
pub fn write(experiment: &Experiment) -> String {
    let file = ExperimentFile {
        name: Some(experiment.name.clone()),
        seed: Some(experiment.seed),
        restart: Some(experiment.restart),
        allow_differences: experiment.allow_differences.clone(),
        repeat_disturbed: Some(experiment.repeat_disturbed),
        instrument: Some(experiment.instrument),
        environment: experiment.environments.iter().map(environment_table).collect(),
        workload: experiment.workloads.iter().map(workload_table).collect(),
        schedule: experiment.schedule.as_ref().map(schedule::written_again),
    };
    toml::to_string(&file)
        .unwrap_or_else(|error| unreachable!("a checked experiment can be written: {error}"))
}

fn environment_table(spec: &EnvironmentSpec) -> EnvironmentTable {
    let price = spec.price.as_ref().map(|price| match price {
        PriceSpec::Entry(entry) => PriceTable { entry: Some(entry.clone()), hourly: None },
        PriceSpec::Hourly(money) => PriceTable { entry: None, hourly: Some(money.to_string()) },
    });
    EnvironmentTable {
        name: Some(spec.name.clone()),
        kind: spec.kind.to_string(),
        cpus: spec.cpus,
        memory: spec.memory,
        price,
        ..written_again(&spec.settings)
    }
}
