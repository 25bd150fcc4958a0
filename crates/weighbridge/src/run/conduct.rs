//! The trials of a run, block by block, until all are recorded or the user stops.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use weighbridge_experiment::{
    Benchmark, CellKey, CellPlan, EnvironmentFacts, EnvironmentPlan, InstrumentChoice, Limits,
    Plan, RepeatedTrial, Restart, RunEvent, RunEventKind, RunId, TaskPlan, TrialFailure,
    TrialMeasurement, TrialOutcome, TrialRecord, WorkloadPlan,
};
use weighbridge_registry::Runs;

use super::density::{Crowd, Kind};
use super::instance::{Fitting, Instance, InstanceError, Ready};
use super::order::block_order;
use super::progress::Progress;
use super::trial::{self, TrialError};
use super::{Host, Materials, overhead, startup};
use crate::interrupt::Interrupt;

/// For requests that compute nothing.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// How the conduct of a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Every trial is recorded.
    Finished,
    /// The user stopped it; what was recorded stays.
    Interrupted,
}

/// A run while it is conducted.
pub(crate) struct Conduct<'a> {
    host: &'a Host,
    run: &'a RunId,
    plan: &'a Plan,
    materials: BTreeMap<String, Materials>,
    /// Environments whose facts the record has already.
    described: BTreeSet<String>,
    interrupt: &'a mut Interrupt,
    progress: Progress,
    /// Instances that live on between trials: only where agents start once a run.
    standing: BTreeMap<CellKey, Standing>,
}

/// An instance between two of its trials.
struct Standing {
    instance: Instance,
    ready: Ready,
}

/// One trial that is to be done now.
struct Turn<'p> {
    cell: &'p CellPlan,
    index: usize,
    environment: &'p EnvironmentPlan,
    workload: &'p WorkloadPlan,
    block: u32,
    position: u32,
    instrument: InstrumentChoice,
}

enum Trial {
    Measured(Box<TrialMeasurement>),
    Failed(TrialFailure),
    Interrupted,
}

impl<'a> Conduct<'a> {
    /// A run about to be conducted; `bars` are its cells with the trials asked and done.
    pub(crate) fn new(
        host: &'a Host,
        run: &'a RunId,
        plan: &'a Plan,
        materials: BTreeMap<String, Materials>,
        described: BTreeSet<String>,
        interrupt: &'a mut Interrupt,
        bars: &[(CellKey, u64, u64)],
    ) -> Self {
        let progress = Progress::new(bars);
        Self {
            host,
            run,
            plan,
            materials,
            described,
            interrupt,
            progress,
            standing: BTreeMap::new(),
        }
    }

    /// Does every trial that is not in `done`. Each is recorded before the next begins.
    pub(crate) async fn all(&mut self, done: &BTreeSet<(u32, CellKey)>) -> anyhow::Result<Ending> {
        let plan = self.plan;
        let cells = plan.cells();
        let trials: Vec<u32> = cells
            .iter()
            .map(|cell| plan.workload(&cell.key.workload).map_or(0, |workload| workload.trials))
            .collect();
        for block in 0..trials.iter().copied().max().unwrap_or(0) {
            for (position, index) in block_order(plan.seed, block, &trials).into_iter().enumerate()
            {
                let cell = &cells[index];
                if done.contains(&(block, cell.key.clone())) {
                    continue;
                }
                let (Some(environment), Some(workload)) =
                    (plan.environment(&cell.key.environment), plan.workload(&cell.key.workload))
                else {
                    continue;
                };
                let position = u32::try_from(position).unwrap_or(u32::MAX);
                let instrument = plan.instrument;
                let turn = Turn { cell, index, environment, workload, block, position, instrument };
                if !self.turn(&turn).await? {
                    return self.stop(Ending::Interrupted).await;
                }
            }
        }
        self.stop(Ending::Finished).await
    }

    /// One trial and its record. `false` if the user stopped it.
    async fn turn(&mut self, turn: &Turn<'_>) -> anyhow::Result<bool> {
        let started = self.host.clock.now();
        self.progress.begin(&turn.cell.key);
        let outcome = match self.undisturbed(turn).await? {
            Trial::Measured(measurement) => TrialOutcome::Ok(measurement),
            Trial::Failed(failure) => TrialOutcome::Failed(failure),
            Trial::Interrupted => return Ok(false),
        };
        self.progress.end(&turn.cell.key, &outcome);
        let record = TrialRecord {
            block: turn.block,
            position: turn.position,
            cell: turn.cell.key.clone(),
            started,
            outcome,
        };
        self.host.registry.append_trial(self.run, &record).await?;
        Ok(!self.interrupt.seen())
    }

    /// A trial, done again while the host disturbs it and the plan allows; each one that is
    /// given up for another is written down first.
    async fn undisturbed(&mut self, turn: &Turn<'_>) -> anyhow::Result<Trial> {
        for _ in 0..self.plan.repeat_disturbed {
            let trial = self.trial(turn).await?;
            let Trial::Measured(measurement) = &trial else { return Ok(trial) };
            let reasons = measurement.noise.disturbances();
            if reasons.is_empty() {
                return Ok(trial);
            }
            let repeated = RepeatedTrial {
                block: turn.block,
                cell: turn.cell.key.clone(),
                reasons,
                total_nanoseconds: measurement.total_nanoseconds,
            };
            let event =
                RunEvent { at: self.host.clock.now(), kind: RunEventKind::Repeated(repeated) };
            self.host.registry.append_event(self.run, &event).await?;
            if self.interrupt.seen() {
                return Ok(Trial::Interrupted);
            }
        }
        self.trial(turn).await
    }

    async fn trial(&mut self, turn: &Turn<'_>) -> anyhow::Result<Trial> {
        let Standing { instance, mut ready } = match self.standing.remove(&turn.cell.key) {
            Some(standing) => {
                standing.instance.environment.pause(&standing.instance.resource, false).await?;
                standing
            }
            None => match self.start(turn).await? {
                Ok(standing) => standing,
                Err(trial) => return Ok(trial),
            },
        };
        let host = self.host;
        let mut crowd = Crowd::default();
        let materials = &self.materials[&turn.workload.name];
        let measured = tokio::select! {
            measured = measure(host, self.run, &instance, &mut ready, turn, materials, &mut crowd) => {
                Some(measured)
            }
            () = self.interrupt.wait() => None,
        };
        crowd.end(host).await?;
        match measured {
            Some(Ok(measurement)) if self.plan.restart == Restart::Run => {
                instance.environment.pause(&instance.resource, true).await?;
                self.standing.insert(turn.cell.key.clone(), Standing { instance, ready });
                Ok(Trial::Measured(Box::new(measurement)))
            }
            Some(Ok(measurement)) => {
                // A polite end only spares the log a line; the instance is destroyed anyway.
                let _ = ready.client.shutdown(ANSWER_WITHIN).await;
                instance.end(host).await?;
                Ok(Trial::Measured(Box::new(measurement)))
            }
            Some(Err(error)) => {
                Ok(Trial::Failed(failed(host, instance, &error, turn.environment.limits).await?))
            }
            None => {
                instance.end(host).await?;
                Ok(Trial::Interrupted)
            }
        }
    }

    /// A new instance that is ready for its first trial, or why this trial is over already.
    async fn start(&mut self, turn: &Turn<'_>) -> anyhow::Result<Result<Standing, Trial>> {
        let host = self.host;
        let environment = host.environment(turn.environment.kind);
        let name = instance_name(self.run, turn);
        let instance =
            Instance::intend(host, Some(self.run), environment, &turn.environment.settings, name)
                .await?;
        let materials = &self.materials[&turn.workload.name];
        let fitting = Fitting::of(turn.cell, turn.workload, turn.environment, materials);
        let ready = tokio::select! {
            ready = instance.make_ready(host, turn.environment.limits, &fitting) => Some(ready),
            () = self.interrupt.wait() => None,
        };
        match ready {
            Some(Ok(mut ready)) => {
                self.describe(&instance, &mut ready, turn.environment).await?;
                Ok(Ok(Standing { instance, ready }))
            }
            // The journal or the disk failed: no further trial can be recorded either.
            Some(Err(error @ InstanceError::Registry(_))) => {
                instance.end(host).await?;
                Err(error.into())
            }
            Some(Err(error)) => Ok(Err(Trial::Failed(
                failed(host, instance, &error, turn.environment.limits).await?,
            ))),
            None => {
                instance.end(host).await?;
                Ok(Err(Trial::Interrupted))
            }
        }
    }

    /// Records the facts of an environment, once, from its first instance.
    async fn describe(
        &mut self,
        instance: &Instance,
        ready: &mut Ready,
        environment: &EnvironmentPlan,
    ) -> anyhow::Result<()> {
        if !self.described.insert(environment.name.clone()) {
            return Ok(());
        }
        let mut facts = instance.environment.describe(&instance.resource).await;
        if let Ok(inside) = ready.client.describe(ANSWER_WITHIN).await {
            facts.0.extend(inside.0);
        }
        let described = EnvironmentFacts { environment: environment.name.clone(), facts };
        let event =
            RunEvent { at: self.host.clock.now(), kind: RunEventKind::Described(described) };
        self.host.registry.append_event(self.run, &event).await?;
        Ok(())
    }

    /// Ends what still stands and writes down how the run ended.
    async fn stop(&mut self, ending: Ending) -> anyhow::Result<Ending> {
        for (_, standing) in std::mem::take(&mut self.standing) {
            standing.instance.end(self.host).await?;
        }
        let kind = match ending {
            Ending::Finished => RunEventKind::Finished,
            Ending::Interrupted => RunEventKind::Interrupted,
        };
        self.host
            .registry
            .append_event(self.run, &RunEvent { at: self.host.clock.now(), kind })
            .await?;
        self.progress.finish();
        Ok(ending)
    }
}

async fn measure(
    host: &Host,
    run: &RunId,
    instance: &Instance,
    ready: &mut Ready,
    turn: &Turn<'_>,
    materials: &Materials,
    crowd: &mut Crowd,
) -> Result<TrialMeasurement, TrialError> {
    let warmup = trial::warm_up(ready, turn.workload, turn.block).await?;
    let mut measured =
        trial::measure(instance, ready, turn.workload, turn.block, warmup, turn.instrument).await?;
    match &turn.workload.task {
        TaskPlan::Benchmark(Benchmark::Startup(_)) => {
            if let Some(first) = measured.inferences.first() {
                measured.benchmark = startup::rows(&measured.start, first);
            }
        }
        TaskPlan::Benchmark(Benchmark::Memory(_)) => {
            let row = overhead::row(&instance.resource, &measured);
            measured.benchmark.push(row);
        }
        TaskPlan::Benchmark(Benchmark::Density(density)) => {
            let fitting = Fitting::of(turn.cell, turn.workload, turn.environment, materials);
            let kind = Kind {
                run,
                name: &instance.resource.instance.0,
                environment: Arc::clone(&instance.environment),
                limits: turn.environment.limits,
                settings: &turn.environment.settings,
                fitting: &fitting,
                density,
            };
            measured.benchmark = crowd.fill(host, ready, &kind).await?;
        }
        _ => {}
    }
    Ok(measured)
}

async fn failed(
    host: &Host,
    instance: Instance,
    error: &(dyn std::error::Error + 'static),
    limits: Limits,
) -> anyhow::Result<TrialFailure> {
    let ended = instance.end(host).await?;
    let limit = limits.memory.map(|memory| format!("of {memory}"));
    Ok(trial::failure(error, Some(ended), limit))
}

/// Unique on this host, short enough for a socket path, and telling.
fn instance_name(run: &RunId, turn: &Turn<'_>) -> String {
    format!("wb-{run}-b{}-c{}", turn.block, turn.index)
}
