//! Model and inputs are tried once before a run begins, in a plain process outside every
//! environment: a corrupt photo or a wrong model is an error now, not after an hour.

use std::sync::Arc;

use anyhow::Context as _;
use weighbridge_experiment::{CpuCount, EnvironmentKind, EnvironmentSettings, Limits, Plan};

use super::instance::{Fitting, Instance};
use super::{Host, Materials, trial};
use crate::interrupt::Interrupt;

/// Loads each workload's model and runs each of its inputs once. `None` if the user
/// stopped it.
pub(crate) async fn preflight(
    host: &Host,
    plan: &Plan,
    materials: &std::collections::BTreeMap<String, Materials>,
    interrupt: &mut Interrupt,
) -> anyhow::Result<Option<()>> {
    for workload in &plan.workloads {
        let environment = host.environment(EnvironmentKind::Native);
        let name = format!("wb-preflight-{:012x}", rand::random::<u64>() & 0xffff_ffff_ffff);
        let instance = Instance::intend(
            host,
            None,
            Arc::clone(&environment),
            &EnvironmentSettings::None,
            name,
        )
        .await?;
        let tried = tokio::select! {
            tried = try_once(host, workload, &materials[&workload.name], &instance) => Some(tried),
            () = interrupt.wait() => None,
        };
        let ended = instance.end(host).await?;
        match tried {
            None => return Ok(None),
            Some(Ok(())) => {}
            Some(Err(error)) => {
                let failure = trial::failure(error.as_ref(), Some(ended), None);
                return Err(anyhow::anyhow!(failure.reason))
                    .with_context(|| format!("workload `{}` cannot run", workload.name));
            }
        }
    }
    Ok(Some(()))
}

async fn try_once(
    host: &Host,
    workload: &weighbridge_experiment::WorkloadPlan,
    materials: &Materials,
    instance: &Instance,
) -> anyhow::Result<()> {
    let cpus = CpuCount::new(1.0)?;
    let fitting = Fitting { workload, materials, threads: cpus.threads(), slowdown_percent: None };
    let mut ready = instance.make_ready(host, Limits { cpus, memory: None }, &fitting).await?;
    let everything = weighbridge_experiment::WorkloadPlan {
        inputs_per_trial: u32::try_from(workload.inputs.len().max(1)).unwrap_or(u32::MAX),
        warmup: 1,
        ..workload.clone()
    };
    trial::warm_up(&mut ready, &everything, 0).await?;
    Ok(())
}
