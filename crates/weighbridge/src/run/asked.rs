//! What the user asked: the file, and the options that change it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use weighbridge_experiment::file::asked::{application, default_workload, environment_kind, write};
use weighbridge_experiment::file::parse;
use weighbridge_experiment::{
    Benchmark, Difference, EngineWish, EnvironmentSettings, EnvironmentSpec, Experiment,
    InstrumentChoice, ModelSource, TaskSpec, WorkloadSpec,
};

use crate::cli::UsageError;

/// Options of `weighbridge run` that change what the file asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) environments: Vec<String>,
    pub(crate) applications: Vec<String>,
    pub(crate) trials: Option<u32>,
    pub(crate) inputs: Option<PathBuf>,
    pub(crate) engine: Option<EngineWish>,
    pub(crate) seed: Option<u64>,
    pub(crate) allow_differences: Vec<Difference>,
    pub(crate) repeat_disturbed: Option<u32>,
    pub(crate) instrument: Option<InstrumentChoice>,
    pub(crate) agent_directory: Option<PathBuf>,
}

/// An experiment as asked, with its text for the record.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) experiment: Experiment,
    /// The file as it was written; where options changed it, a file that asks the same.
    pub(crate) text: String,
}

/// Reads an experiment file. Paths in it mean what they mean beside the file.
pub(crate) fn read_experiment(path: &Path) -> anyhow::Result<Experiment> {
    Ok(read(path)?.experiment)
}

fn read(path: &Path) -> anyhow::Result<Asked> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut experiment = parse(&text, &path.display().to_string())?;
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    for environment in &mut experiment.environments {
        // What begins with `~` is a path already, which its reader expands.
        for written in
            environment.settings.paths().into_iter().filter(|path| !path.starts_with('~'))
        {
            *written = absolute(&directory.join(&*written))?;
        }
    }
    for workload in &mut experiment.workloads {
        for written in paths(workload) {
            *written = absolute(&directory.join(&*written))?;
        }
    }
    Ok(Asked { experiment, text })
}

/// Everything in a workload that is a path.
fn paths(workload: &mut WorkloadSpec) -> Vec<&mut String> {
    let mut found = Vec::new();
    if let Some(ModelSource::File(path)) = &mut workload.model {
        found.push(path);
    }
    found.extend([&mut workload.labels, &mut workload.inputs].into_iter().flatten());
    match &mut workload.task {
        TaskSpec::Benchmark(Benchmark::Transfer(transfer)) => {
            found.extend(&mut transfer.identity);
            found.push(&mut transfer.known_hosts);
        }
        TaskSpec::Application(_) | TaskSpec::Benchmark(_) => {}
        TaskSpec::Onnx(onnx) => {
            found.extend(&mut onnx.expected);
            found.extend(onnx.tensors.values_mut().filter_map(|tensor| tensor.file.as_mut()));
        }
        TaskSpec::Command(command) => {
            found.extend(&mut command.files);
            // Without a separator it is looked for where programs are.
            found.extend(command.command.first_mut().filter(|program| program.contains('/')));
        }
    }
    found
}

fn absolute(path: &Path) -> anyhow::Result<String> {
    let absolute =
        std::path::absolute(path).with_context(|| format!("cannot resolve {}", path.display()))?;
    let text = absolute.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        UsageError(format!("the path {} is not UTF-8; rename it", absolute.display())).into()
    })
}

/// The experiment of a file, or the main job, after the options have changed it.
pub(crate) fn experiment(file: Option<&Path>, options: &Options) -> anyhow::Result<Asked> {
    let mut asked = match file {
        Some(path) => read(path)?,
        None => Asked { experiment: Experiment::default(), text: String::new() },
    };
    let written = asked.experiment.clone();
    let experiment = &mut asked.experiment;
    choose_environments(experiment, &options.environments)?;
    choose_workloads(experiment, &options.applications)?;
    if let Some(seed) = options.seed {
        experiment.seed = seed;
    }
    if let Some(times) = options.repeat_disturbed {
        experiment.repeat_disturbed = times;
    }
    if let Some(instrument) = options.instrument {
        experiment.instrument = instrument;
    }
    if let Some(directory) = &options.agent_directory {
        let directory = absolute(directory)?;
        for environment in &mut experiment.environments {
            if let EnvironmentSettings::Ssh(ssh) = &mut environment.settings {
                ssh.agents = Some(directory.clone());
            }
        }
    }
    for difference in &options.allow_differences {
        if !experiment.allow_differences.contains(difference) {
            experiment.allow_differences.push(*difference);
        }
    }
    for workload in &mut experiment.workloads {
        workload.trials = options.trials.unwrap_or(workload.trials);
        workload.engine = options.engine.unwrap_or(workload.engine);
        if let Some(inputs) = &options.inputs {
            workload.inputs = Some(absolute(inputs)?);
        }
    }
    if file.is_none() || *experiment != written {
        asked.text = write(experiment);
    }
    Ok(asked)
}

/// Keeps the environments that are named, by name or by kind; a kind that the file does not
/// have is added with its defaults.
fn choose_environments(experiment: &mut Experiment, wanted: &[String]) -> anyhow::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let mut chosen: Vec<EnvironmentSpec> = Vec::new();
    for name in wanted {
        let matching: Vec<_> = experiment
            .environments
            .iter()
            .filter(|environment| environment.name == *name || environment.kind.as_str() == name)
            .cloned()
            .collect();
        let found = if matching.is_empty() {
            let kind = environment_kind(name).map_err(|problem| UsageError(problem.to_string()))?;
            vec![EnvironmentSpec::of_kind(kind)]
        } else {
            matching
        };
        chosen.extend(found);
    }
    experiment.environments = without_repeats(chosen, |environment| &environment.name);
    Ok(())
}

/// Keeps the workloads that are named, by name or by application, or adds the application.
fn choose_workloads(experiment: &mut Experiment, wanted: &[String]) -> anyhow::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let mut chosen: Vec<WorkloadSpec> = Vec::new();
    for name in wanted {
        let matching: Vec<_> = experiment
            .workloads
            .iter()
            .filter(|workload| workload.name == *name || workload.task.name() == name)
            .cloned()
            .collect();
        let found = if matching.is_empty() {
            vec![default_workload(
                application(name).map_err(|problem| UsageError(problem.to_string()))?,
            )]
        } else {
            matching
        };
        chosen.extend(found);
    }
    experiment.workloads = without_repeats(chosen, |workload| &workload.name);
    Ok(())
}

fn without_repeats<T>(items: Vec<T>, name: impl Fn(&T) -> &String) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for item in items {
        if !kept.iter().any(|other| name(other) == name(&item)) {
            kept.push(item);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(experiment: &Experiment) -> (Vec<&str>, Vec<&str>) {
        (
            experiment.environments.iter().map(|e| e.name.as_str()).collect(),
            experiment.workloads.iter().map(|w| w.name.as_str()).collect(),
        )
    }

    #[test]
    fn without_anything_it_is_the_main_job() {
        let asked = experiment(None, &Options::default()).expect("valid");
        assert_eq!(
            names(&asked.experiment),
            (vec!["native", "container"], vec!["derain", "traffic-light"])
        );
        let again = parse(&asked.text, "record").expect("the record can be read again");
        assert_eq!(again, asked.experiment);
    }

    #[test]
    fn options_choose_by_name_by_kind_and_without_repeats() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("edge.toml");
        let text = "[[environment]]\nname = \"a\"\nkind = \"native\"\n[[environment]]\nname = \"b\"\nkind = \"native\"\n";
        fs::write(&file, text).expect("written");
        let choose = |environments: &[&str]| {
            let options = Options {
                environments: environments.iter().map(ToString::to_string).collect(),
                ..Options::default()
            };
            experiment(Some(&file), &options)
        };
        let of = |asked: &Asked| names(&asked.experiment).0.join(" ");
        assert_eq!(of(&choose(&["native"]).expect("valid")), "a b");
        assert_eq!(of(&choose(&["b", "native"]).expect("valid")), "b a");
        assert_eq!(of(&choose(&["container", "a"]).expect("valid")), "container a");
        assert_eq!(choose(&[]).expect("valid").text, text, "an unchanged file is kept as written");
        let refused = choose(&["aws"]).expect_err("not in this version").to_string();
        assert!(refused.contains("`aws` is not supported by this version"), "{refused}");
    }

    #[test]
    fn agents_for_other_processors_are_for_hosts_by_ssh() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("edge.toml");
        let text = "[[environment]]\nkind = \"ssh\"\nssh = { destination = \"pi@edge\" }\n\
                    [[environment]]\nkind = \"native\"\n";
        fs::write(&file, text).expect("written");
        let options = Options { agent_directory: Some("/opt/agents".into()), ..Options::default() };
        let asked = experiment(Some(&file), &options).expect("valid");
        let EnvironmentSettings::Ssh(ssh) = &asked.experiment.environments[0].settings else {
            panic!("{:?}", asked.experiment.environments[0]);
        };
        assert_eq!(ssh.agents.as_deref(), Some("/opt/agents"));
        assert_eq!(parse(&asked.text, "record").expect("again"), asked.experiment);
    }

    #[test]
    fn paths_in_a_file_mean_what_they_mean_beside_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("edge.toml");
        fs::write(&file, "[[workload]]\napplication = \"derain\"\ninputs = \"photos\"\n")
            .expect("written");
        let experiment = read_experiment(&file).expect("valid");
        let expected = directory.path().join("photos");
        assert_eq!(experiment.workloads[0].inputs.as_deref(), expected.to_str());
    }
}
