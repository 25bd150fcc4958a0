//! What was asked, resolved on this host: every default filled in, every file found and
//! hashed, every environment tried, every price looked up. After this nothing is decided.

use weighbridge_experiment::{
    Availability, ByteSize, CpuCount, EnvironmentPlan, EnvironmentSpec, Experiment, HostFacts,
    Limits, Plan, Unavailable, WorkloadPlan, WorkloadSpec,
};
use weighbridge_price::PriceBook;

use super::{Host, Probes, files};
use crate::cli::UsageError;

/// Resolves an experiment. Environments that do not work here are listed in the plan; what
/// cannot be meant (more CPUs than there are, an unknown price, a missing file) is an error.
pub(crate) async fn resolve(
    experiment: &Experiment,
    host: &Host,
    facts: &HostFacts,
    probes: &mut Probes<'_>,
) -> anyhow::Result<Plan> {
    let workloads = experiment.workloads.iter().map(workload).collect::<Result<Vec<_>, _>>()?;
    let mut environments = Vec::new();
    let mut unavailable = Vec::new();
    for spec in &experiment.environments {
        let limits = limits(spec, facts)?;
        let price = spec
            .price
            .as_ref()
            .map(|price| weighbridge_price::resolve(price, PriceBook::shipped()))
            .transpose()?;
        let answer = probes.ask(spec.kind).await;
        if answer.available {
            environments.push(environment(spec, limits, price, answer));
        } else {
            unavailable.push(left_out(spec, answer));
        }
    }
    Ok(Plan {
        name: experiment.name.clone(),
        seed: experiment.seed,
        restart: experiment.restart,
        executable_sha256: host.executable_sha256.clone(),
        environments,
        workloads,
        unavailable,
    })
}

fn environment(
    spec: &EnvironmentSpec,
    limits: Limits,
    price: Option<weighbridge_experiment::ResolvedPrice>,
    answer: Availability,
) -> EnvironmentPlan {
    EnvironmentPlan {
        name: spec.name.clone(),
        kind: spec.kind,
        limits,
        version: answer.version,
        emulated: answer.emulated,
        restriction: answer.reason,
        price,
        slowdown_percent: None,
    }
}

fn left_out(spec: &EnvironmentSpec, answer: Availability) -> Unavailable {
    Unavailable {
        environment: spec.name.clone(),
        requested: true,
        reason: answer.reason.unwrap_or_else(|| "its probe failed and gave no reason".to_owned()),
        enable: answer.enable,
    }
}

/// The limits of an environment; never more than the host has, since a limit that does not
/// bind would be printed as if it did.
fn limits(spec: &EnvironmentSpec, facts: &HostFacts) -> anyhow::Result<Limits> {
    let number = |name: &str| facts.value(name).and_then(|value| value.parse::<f64>().ok());
    let online = number("cpus_online").unwrap_or(1.0);
    let cpus = match spec.cpus {
        Some(cpus) if cpus.count() > online => {
            return Err(UsageError(format!(
                "environment `{}` asks for {cpus} CPUs, and this host has {online}; ask for at most {online}",
                spec.name
            ))
            .into());
        }
        Some(cpus) => cpus,
        None => CpuCount::new(online)?,
    };
    if let (Some(memory), Some(total)) = (spec.memory, number("memory_total_bytes"))
        && memory.bytes() as f64 > total
    {
        let total = ByteSize(total as u64);
        return Err(UsageError(format!(
            "environment `{}` asks for {memory} of memory, and this host has {total}; ask for less",
            spec.name
        ))
        .into());
    }
    Ok(Limits { cpus, memory: spec.memory })
}

fn workload(spec: &WorkloadSpec) -> anyhow::Result<WorkloadPlan> {
    let inputs = files::inputs(spec)?;
    let all = u32::try_from(inputs.len()).unwrap_or(u32::MAX);
    Ok(WorkloadPlan {
        name: spec.name.clone(),
        application: spec.application,
        model: files::model(spec)?,
        labels: Vec::new(),
        inputs_per_trial: spec.inputs_per_trial.unwrap_or(all),
        inputs,
        trials: spec.trials,
        warmup: spec.warmup,
        threads: spec.threads,
    })
}
