//! `weighbridge run` and `weighbridge reap`.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use weighbridge_experiment::{
    CellKey, DockerSettings, Plan, RunId, RunRecord, RunStatus, TrialOutcome,
};
use weighbridge_registry::{Owner, Runs, SqliteRegistry};

use super::arguments::{Format, RunArguments};
use super::{Outcome, UsageError, output, reading};
use crate::clock::SystemClock;
use crate::data_directory::{DataDirectory, create_private};
use crate::interrupt::Interrupt;
use crate::run::{self, Ending, Host, Options};

/// Opens the data directory and the registry, and removes what killed runs left.
pub(super) async fn open_host() -> anyhow::Result<Host> {
    let host = host().await?;
    reap_of(&host).await?;
    Ok(host)
}

async fn host() -> anyhow::Result<Host> {
    let data = DataDirectory::from_environment()?;
    let registry = SqliteRegistry::open(&data.registry()).await?;
    let executable = std::env::current_exe().context("cannot find the running executable")?;
    let executable_sha256 = run::executable_digest(&executable)
        .with_context(|| format!("cannot read the executable {}", executable.display()))?;
    Ok(Host {
        clock: Box::new(SystemClock),
        data,
        registry,
        owner: owner()?,
        executable,
        executable_sha256,
    })
}

fn owner() -> anyhow::Result<Owner> {
    let identity = weighbridge_environment::ProcessIdentity::of(std::process::id())
        .context("cannot read this process's own identity in /proc; mount /proc")?;
    Ok(Owner {
        boot_id: identity.boot,
        process: identity.process,
        process_start_ticks: identity.start_ticks,
    })
}

/// `weighbridge reap`: what killed runs left, and the images that a Docker daemon keeps of
/// agents, so that the next container takes longer but nothing of ours is left.
pub(super) async fn reap() -> anyhow::Result<Outcome> {
    let host = host().await?;
    let remaining = reap_of(&host).await?;
    let usual = DockerSettings::default();
    for name in weighbridge_environment::docker::remove_images(&usual).await? {
        output::note(&format!("removed image {name} from the Docker daemon"));
    }
    if remaining > 0 {
        anyhow::bail!("{remaining} of them could not be removed; the notes above say why");
    }
    output::write_text("nothing of an earlier run is left on this host")?;
    Ok(Outcome::Done)
}

/// Removes what killed runs left and says so; returns how many could not be reached.
async fn reap_of(host: &Host) -> anyhow::Result<usize> {
    let reaped = run::reap(host)
        .await
        .context("cannot remove what an earlier run left; `weighbridge reap` tries again")?;
    for name in reaped.removed {
        output::note(&format!("removed {name}, left behind by a run that was killed"));
    }
    for (name, error) in &reaped.remaining {
        output::note(&format!(
            "cannot remove {name}, left behind by a run that was killed: {error:#}"
        ));
    }
    Ok(reaped.remaining.len())
}

/// `weighbridge run`.
pub(super) async fn run(arguments: RunArguments) -> anyhow::Result<Outcome> {
    let asked = match &arguments.resume {
        Some(_) => None,
        None => Some(run::experiment(arguments.file.as_deref(), &options(&arguments))?),
    };
    let host = open_host().await?;
    let mut interrupt = Interrupt::install().context("cannot listen for Ctrl-C")?;
    if let Some(finished) = finished_already(&host, arguments.resume.as_deref()).await? {
        output::note(&format!("run {finished} is finished; there is nothing to resume"));
        return finish(&host, &finished, arguments.format).await;
    }
    let begun = match (&arguments.resume, asked) {
        (Some(reference), _) => Some(run::resume(&host, reference).await?),
        (None, Some(asked)) => {
            let mut planned = run::plan(&host, &asked).await?;
            let slow_down = arguments.slow_down.as_deref();
            slow_down.map_or(Ok(()), |slow_down| apply_slow_down(&mut planned.plan, slow_down))?;
            run::begin(&host, planned, RunId::from_random(rand::random()), &mut interrupt).await?
        }
        (None, None) => unreachable!("without --resume an experiment was read"),
    };
    let Some(begun) = begun else {
        output::note("interrupted before the run began; nothing was recorded");
        return Ok(Outcome::Interrupted);
    };
    match run::conduct(&host, begun, &mut interrupt).await? {
        (run, Ending::Interrupted) => {
            output::note(&format!(
                "interrupted; what was measured is kept\nresume with: weighbridge run --resume {run}"
            ));
            Ok(Outcome::Interrupted)
        }
        (run, Ending::Finished) => finish(&host, &run, arguments.format).await,
    }
}

fn options(arguments: &RunArguments) -> Options {
    Options {
        environments: arguments.environments.clone(),
        applications: arguments.applications.clone(),
        trials: arguments.trials,
        inputs: arguments.inputs.clone(),
        engine: arguments.engine,
        seed: arguments.seed,
        repeat_disturbed: arguments.strict,
        instrument: arguments.instrument,
        agent_directory: arguments.agent_dir.clone(),
        allow_differences: arguments.allow_differences.clone(),
    }
}

fn apply_slow_down(plan: &mut Plan, written: &str) -> anyhow::Result<()> {
    let usage = || UsageError(format!("`{written}` is not ENVIRONMENT=PERCENT"));
    let (name, percent) = written.split_once('=').ok_or_else(usage)?;
    let percent: f64 =
        percent.parse().ok().filter(|p: &f64| p.is_finite() && *p >= 0.0).ok_or_else(usage)?;
    let environment = plan.environments.iter_mut().find(|environment| environment.name == name);
    environment.ok_or_else(usage)?.slowdown_percent = Some(percent);
    Ok(())
}

/// The run that is to be resumed, if a kill came after its last trial: only its report is
/// missing then.
async fn finished_already(host: &Host, reference: Option<&str>) -> anyhow::Result<Option<RunId>> {
    let Some(reference) = reference else { return Ok(None) };
    let run = host.registry.find(reference).await?;
    let finished = host.registry.get(&run).await?.status() == RunStatus::Finished;
    Ok(finished.then_some(run))
}

/// Prints what the run came to and leaves the HTML report.
async fn finish(host: &Host, run: &RunId, format: Format) -> anyhow::Result<Outcome> {
    let record = host.registry.get(run).await?;
    let report = reading::build(&record);
    let path = write_html(host, &record, &report)?;
    match format {
        Format::Table => {
            let table = weighbridge_report::render::table(
                &report,
                output::width(),
                output::coloured_stdout(),
            );
            output::write_text(&format!("{table}\nreport: {}", path.display()))?;
        }
        Format::Json => output::write_json(&report)?,
        Format::Csv => output::write_text(&weighbridge_report::render::csv(&report)?)?,
    }
    Ok(outcome(&record))
}

pub(super) fn write_html(
    host: &Host,
    record: &RunRecord,
    report: &weighbridge_report::Report,
) -> anyhow::Result<PathBuf> {
    let path = host.data.report(record.header.id.as_str());
    path.parent().map_or(Ok(()), create_private)?;
    fs::write(&path, weighbridge_report::render::html(report, record))
        .with_context(|| format!("cannot write the report {}", path.display()))?;
    Ok(path)
}

/// Incomplete where an environment that was asked for is missing, or a cell has no number.
fn outcome(record: &RunRecord) -> Outcome {
    let plan = &record.header.plan;
    let missing = plan.unavailable.iter().any(|left_out| left_out.requested);
    let measured = |key: &CellKey| {
        record
            .trials
            .iter()
            .any(|trial| trial.cell == *key && matches!(trial.outcome, TrialOutcome::Ok(_)))
    };
    let empty = plan.cells().iter().any(|cell| !measured(&cell.key));
    if missing || empty || plan.environments.is_empty() {
        Outcome::Incomplete
    } else {
        Outcome::Done
    }
}
