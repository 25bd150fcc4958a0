//! What was asked, resolved on this host: every default filled in, every file found and
//! hashed, every environment tried, every price looked up. After this nothing is decided.

use anyhow::Context as _;
use weighbridge_experiment::{
    Availability, ByteSize, CpuCount, EngineName, EnvironmentKind, EnvironmentPlan,
    EnvironmentSpec, Experiment, HostFacts, Limits, Plan, Unavailable, WorkloadPlan,
};
use weighbridge_price::PriceBook;

use super::workload::{self, Resolver};
use super::{Host, Probes};
use crate::cli::UsageError;
use crate::engines::Chooser;

/// Facts of the host that limits are checked against.
const CPU_COUNT_FACT: &str = "cpu_logical_count";
const MEMORY_FACT: &str = "memory_total_bytes";

/// Resolves an experiment. Environments that do not work here are listed in the plan; what
/// cannot be meant (more CPUs than there are, an unknown price, a missing file) is an error.
pub(crate) async fn resolve(
    experiment: &Experiment,
    host: &Host,
    facts: &HostFacts,
    probes: &mut Probes<'_>,
) -> anyhow::Result<Plan> {
    let mut chooser = Chooser::new(&host.data, &host.executable);
    let workloads = experiment
        .workloads
        .iter()
        .map(|spec| {
            let mut choose = |wish| Ok(chooser.choose(wish)?);
            let (seed, data) = (experiment.seed, &host.data);
            workload::resolve(spec, &mut Resolver { seed, data, choose: &mut choose })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut environments = Vec::new();
    let mut unavailable = Vec::new();
    for spec in &experiment.environments {
        let limits = limits(spec, facts)?;
        let price = spec
            .price
            .as_ref()
            .map(|price| weighbridge_price::resolve(price, PriceBook::shipped()))
            .transpose()?;
        let answer = probes.ask(spec.kind, &spec.settings).await;
        if answer.available {
            environments.push(environment(spec, limits, price, answer));
        } else {
            unavailable.push(left_out(spec, answer));
        }
    }
    refuse_gpu_elsewhere(&workloads, &environments)?;
    Ok(Plan {
        name: experiment.name.clone(),
        seed: experiment.seed,
        restart: experiment.restart,
        allow_differences: experiment.allow_differences.clone(),
        repeat_disturbed: experiment.repeat_disturbed,
        instrument: experiment.instrument,
        executable_sha256: host.executable_sha256.clone(),
        environments,
        workloads,
        unavailable,
    })
}

/// No environment but the host itself is given a GPU by this version.
fn refuse_gpu_elsewhere(
    workloads: &[WorkloadPlan],
    environments: &[EnvironmentPlan],
) -> Result<(), UsageError> {
    let wants =
        workloads.iter().find(|workload| workload.engine.name == EngineName::OnnxruntimeCuda);
    let lacks = environments.iter().find(|environment| environment.kind != EnvironmentKind::Native);
    match (wants, lacks) {
        (Some(workload), Some(environment)) => Err(UsageError(format!(
            "workload `{}` asks for the engine onnxruntime-cuda, and environment `{}` has no GPU; use `native` environments only, or the engine onnxruntime",
            workload.name, environment.name
        ))),
        _ => Ok(()),
    }
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
        settings: spec.settings.clone(),
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
    let online = number(CPU_COUNT_FACT).context(
        "cannot tell how many CPUs this host has; give each environment its `cpus` in an experiment file",
    );
    // Asked for outright, CPUs are only checked against a count that is known.
    let online = match (online, spec.cpus) {
        (Ok(online), _) => online,
        (Err(_), Some(cpus)) => cpus.count(),
        (Err(error), None) => return Err(error),
    };
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
    if let (Some(memory), Some(total)) = (spec.memory, number(MEMORY_FACT))
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

#[cfg(test)]
mod tests {
    use weighbridge_experiment::Fact;

    use super::*;

    fn facts(cpus: &str) -> HostFacts {
        HostFacts(vec![
            Fact::known(CPU_COUNT_FACT, cpus, "here"),
            Fact::known(MEMORY_FACT, "1073741824", "here"),
        ])
    }

    fn spec(cpus: Option<f64>, memory: Option<&str>) -> EnvironmentSpec {
        EnvironmentSpec {
            name: "small".to_owned(),
            cpus: cpus.map(|cpus| CpuCount::new(cpus).expect("a count")),
            memory: memory.map(|memory| memory.parse().expect("a size")),
            ..EnvironmentSpec::of_kind(EnvironmentKind::Native)
        }
    }

    #[test]
    fn the_host_gives_the_facts_that_limits_need() {
        let facts = weighbridge_measure::host_facts();
        for name in [CPU_COUNT_FACT, MEMORY_FACT] {
            let value = facts.value(name).unwrap_or_else(|| panic!("no fact {name}"));
            assert!(value.parse::<f64>().is_ok_and(|number| number >= 1.0), "{name} = {value}");
        }
    }

    #[test]
    fn an_environment_has_all_cpus_unless_told_and_never_more_than_there_are() {
        let cpus = |spec| limits(&spec, &facts("8")).map(|limits| limits.cpus.count());
        assert_eq!(cpus(spec(None, None)).expect("the host's"), 8.0);
        assert_eq!(cpus(spec(Some(0.5), None)).expect("as asked"), 0.5);
        assert!(
            cpus(spec(Some(9.0), None))
                .expect_err("too many")
                .to_string()
                .contains("this host has 8")
        );
        assert!(limits(&spec(None, None), &HostFacts::default()).is_err(), "never a silent 1");
    }

    #[test]
    fn more_memory_than_there_is_is_refused() {
        assert!(limits(&spec(None, Some("1GiB")), &facts("1")).is_ok());
        let refused =
            limits(&spec(None, Some("2GiB")), &facts("1")).expect_err("too much").to_string();
        assert!(refused.contains("2 GiB") && refused.contains("1 GiB"), "{refused}");
    }
}
