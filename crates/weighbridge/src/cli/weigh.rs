//! `weighbridge run` and `weighbridge reap`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use weighbridge_experiment::{
    CellKey, DockerSettings, Plan, RUN_FORMAT, RunEvent, RunEventKind, RunHeader, RunId, RunRecord,
    RunStatus, TrialOutcome,
};
use weighbridge_registry::{Owner, Runs, SqliteRegistry};

use super::arguments::{Format, RunArguments};
use super::{Outcome, UsageError, output, reading};
use crate::clock::SystemClock;
use crate::data_directory::{DataDirectory, create_private};
use crate::interrupt::Interrupt;
use crate::run::{self, Asked, Conduct, Ending, Host, Materials, Options, Probes, Waiting};

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
        (Some(reference), _) => Some(resume(&host, reference).await?),
        (None, Some(asked)) => {
            begin(&host, &asked, arguments.slow_down.as_deref(), &mut interrupt).await?
        }
        (None, None) => unreachable!("without --resume an experiment was read"),
    };
    let Some(begun) = begun else {
        output::note("interrupted before the run began; nothing was recorded");
        return Ok(Outcome::Interrupted);
    };
    match conduct(&host, begun, &mut interrupt).await? {
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

/// A run whose header is in the registry.
struct Begun {
    run: RunId,
    plan: Plan,
    materials: BTreeMap<String, Materials>,
    done: BTreeSet<(u32, CellKey)>,
    described: BTreeSet<String>,
}

/// Plans a new run, tries its models and inputs, and writes its header. `None` if the user
/// stopped it before that.
async fn begin(
    host: &Host,
    asked: &Asked,
    slow_down: Option<&str>,
    interrupt: &mut Interrupt,
) -> anyhow::Result<Option<Begun>> {
    let facts = weighbridge_measure::host_facts();
    let mut probes = Probes::remembered(host);
    let mut plan = run::resolve(&asked.experiment, host, &facts, &mut probes).await?;
    slow_down.map_or(Ok(()), |slow_down| apply_slow_down(&mut plan, slow_down))?;
    say_engines(&plan);
    let materials = materials(&plan)?;
    let waiting = Waiting::on("trying each model and each input once");
    if run::preflight(host, &plan, &materials, interrupt).await?.is_none() {
        return Ok(None);
    }
    drop(waiting);
    let header = RunHeader {
        format: RUN_FORMAT.to_owned(),
        id: RunId::from_random(rand::random()),
        started: host.clock.now(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        asked: asked.text.clone(),
        plan: plan.clone(),
        host: facts,
    };
    host.registry.begin(&header).await?;
    Ok(Some(Begun {
        run: header.id,
        plan,
        materials,
        done: BTreeSet::new(),
        described: BTreeSet::new(),
    }))
}

/// Which engine runs what, and why that one.
fn say_engines(plan: &Plan) {
    let mut said = BTreeSet::new();
    for workload in &plan.workloads {
        let line = format!("engine {}, {}", workload.engine.words(), workload.engine.reason);
        if said.insert(line.clone()) {
            output::note(&line);
        }
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

fn materials(plan: &Plan) -> anyhow::Result<BTreeMap<String, Materials>> {
    let of = |workload: &weighbridge_experiment::WorkloadPlan| {
        Ok((workload.name.clone(), Materials::of(workload)?))
    };
    plan.workloads.iter().map(of).collect()
}

/// The run that is to be resumed, if a kill came after its last trial: only its report is
/// missing then.
async fn finished_already(host: &Host, reference: Option<&str>) -> anyhow::Result<Option<RunId>> {
    let Some(reference) = reference else { return Ok(None) };
    let run = host.registry.find(reference).await?;
    let finished = host.registry.get(&run).await?.status() == RunStatus::Finished;
    Ok(finished.then_some(run))
}

/// Takes up a run that was interrupted or killed, if everything it compares is still the same.
async fn resume(host: &Host, reference: &str) -> anyhow::Result<Begun> {
    let run = host.registry.find(reference).await?;
    let record = host.registry.get(&run).await?;
    let plan = record.header.plan.clone();
    if plan.executable_sha256 != host.executable_sha256 {
        return Err(UsageError(format!(
            "run {run} was begun by another executable ({} instead of {}): its trials could not be \
             compared with new ones; start a new run, or resume with the executable that began it",
            plan.executable_sha256.short(),
            host.executable_sha256.short()
        ))
        .into());
    }
    let materials = materials(&plan)?;
    let described = plan.environments.iter().map(|environment| &environment.name);
    let described =
        described.filter(|name| record.environment_facts(name).is_some()).cloned().collect();
    let done = host.registry.done(&run).await?;
    let event = RunEvent { at: host.clock.now(), kind: RunEventKind::Resumed };
    host.registry.append_event(&run, &event).await?;
    Ok(Begun { run, plan, materials, done, described })
}

async fn conduct(
    host: &Host,
    begun: Begun,
    interrupt: &mut Interrupt,
) -> anyhow::Result<(RunId, Ending)> {
    let Begun { run, plan, materials, done, described } = begun;
    let bars = progress_of(&plan, &done);
    let mut conduct = Conduct::new(host, &run, &plan, materials, described, interrupt, &bars);
    let ending = conduct.all(&done).await?;
    Ok((run, ending))
}

fn progress_of(plan: &Plan, done: &BTreeSet<(u32, CellKey)>) -> Vec<(CellKey, u64, u64)> {
    let of = |cell: weighbridge_experiment::CellPlan| {
        let asked = plan.workload(&cell.key.workload).map_or(0, |workload| workload.trials);
        let done = done.iter().filter(|(_, key)| *key == cell.key).count();
        (cell.key, u64::from(asked), done as u64)
    };
    plan.cells().into_iter().map(of).collect()
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

fn write_html(
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
