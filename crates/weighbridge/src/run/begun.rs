//! A run from its header on: begun anew or taken up again, and conducted to its end.

use std::collections::{BTreeMap, BTreeSet};

use weighbridge_experiment::{
    CellKey, HostFacts, Plan, RUN_FORMAT, RunEvent, RunEventKind, RunHeader, RunId,
};
use weighbridge_registry::Runs;

use super::{Asked, Conduct, Ending, Host, Materials, Probes, Waiting};
use crate::cli::UsageError;
use crate::interrupt::Interrupt;

/// A run whose header is in the registry.
pub(crate) struct Begun {
    pub(crate) run: RunId,
    plan: Plan,
    materials: BTreeMap<String, Materials>,
    done: BTreeSet<(u32, CellKey)>,
    described: BTreeSet<String>,
}

/// What is resolved already, and waits for its header to be written.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    facts: HostFacts,
    asked: String,
}

/// Resolves what was asked on this host as it is now.
pub(crate) async fn plan(host: &Host, asked: &Asked) -> anyhow::Result<Planned> {
    let facts = weighbridge_measure::host_facts();
    let mut probes = Probes::remembered(host);
    let plan = super::resolve(&asked.experiment, host, &facts, &mut probes).await?;
    Ok(Planned { plan, facts, asked: asked.text.clone() })
}

/// Tries the models and inputs of a plan and writes the header of a new run under `id`.
/// `None` if the user stopped it before that.
pub(crate) async fn begin(
    host: &Host,
    planned: Planned,
    id: RunId,
    interrupt: &mut Interrupt,
) -> anyhow::Result<Option<Begun>> {
    let Planned { plan, facts, asked } = planned;
    say_engines(&plan);
    let materials = materials(&plan)?;
    let waiting = Waiting::on("trying each model and each input once");
    if super::preflight(host, &plan, &materials, interrupt).await?.is_none() {
        return Ok(None);
    }
    drop(waiting);
    let header = RunHeader {
        format: RUN_FORMAT.to_owned(),
        id,
        started: host.clock.now(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        asked,
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
            crate::cli::note(&line);
        }
    }
}

fn materials(plan: &Plan) -> anyhow::Result<BTreeMap<String, Materials>> {
    let of = |workload: &weighbridge_experiment::WorkloadPlan| {
        Ok((workload.name.clone(), Materials::of(workload)?))
    };
    plan.workloads.iter().map(of).collect()
}

/// Takes up a run that was interrupted or killed, if everything it compares is still the same.
pub(crate) async fn resume(host: &Host, reference: &str) -> anyhow::Result<Begun> {
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

/// Does every trial of a run that is not done yet.
pub(crate) async fn conduct(
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
