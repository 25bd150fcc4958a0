//! The numbers of one cell. Does not know of any other cell.

use weighbridge_experiment::{
    ByteSize, CellPlan, EnvironmentKind, EnvironmentPlan, InferenceTiming, Instrument, Instruments,
    ResolvedPrice, RunRecord, TaskPlan, TrialForm, TrialMeasurement, WorkloadPlan,
};

use super::build::CostOfTime;
use super::cpu::cpu_percent;
use super::disagreement::disagreements;
use super::model::{
    Cell, CellStatus, Cost, Engine, Failure, InferenceMilliseconds, InstrumentLines, LimitsSummary,
    StageMilliseconds, StartSeconds, TrialSeconds, WarmupSeconds, facts_by_name,
};
use super::percentile::Latencies;
use super::statistics::{mean, mean_interval_95, median, standard_deviation};
use super::system;
use super::trials::CellTrials;

const NO_STAGES: &str = "a command has no stages: only its whole time is measured";
const NO_INFERENCES: &str = "a benchmark has no inferences; its figures stand in `system`";
const ONE_TRIAL: &str = "one trial has no spread";

/// What the numbers of one cell are made from.
pub(crate) struct CellInput<'a> {
    pub(crate) record: &'a RunRecord,
    pub(crate) plan: &'a CellPlan,
    pub(crate) environment: &'a EnvironmentPlan,
    pub(crate) workload: &'a WorkloadPlan,
    pub(crate) trials: &'a CellTrials<'a>,
}

/// Splits a result into a value and the reason for its absence, as they stand in the report.
fn apart<T>(result: Result<T, String>) -> (Option<T>, Option<String>) {
    match result {
        Ok(value) => (Some(value), None),
        Err(reason) => (None, Some(reason)),
    }
}

pub(crate) fn cell(input: &CellInput<'_>, cost_of_time: &CostOfTime<'_>) -> Cell {
    let CellInput { record, plan, environment, workload, trials } = input;
    let first =
        trials.worked.first().map(|(_, measurement)| *measurement).ok_or_else(|| trials.absence());
    let is_command = matches!(workload.task, TaskPlan::Command(_));
    let is_benchmark = workload.task.is_benchmark();
    let has_no_engine = is_command || (is_benchmark && workload.task.application().is_none());
    let no_engine =
        || format!("a {} runs on no engine", if is_command { "command" } else { "benchmark" });
    let (engine, engine_reason) =
        apart(first.clone().map(engine).and_then(|engine| match has_no_engine {
            true => Err(no_engine()),
            false => Ok(engine),
        }));
    let (instruments, instruments_reason) =
        apart(first.clone().map(|first| lines(&first.instruments)));
    let (trial_seconds, trial_seconds_reason) = apart(trial_seconds(trials));
    let (inference_ms, inference_ms_reason) = apart(match is_benchmark {
        true => Err(NO_INFERENCES.to_owned()),
        false => inference_milliseconds(trials, is_command),
    });
    let (warmup, warmup_reason) = apart(warmup(trials));
    let (cpu_percent, cpu_percent_reason) =
        apart(cpu_percent(trials, environment.limits.cpus.count()));
    let (memory_peak_bytes, memory_peak_bytes_reason) = apart(memory_peak(trials));
    let (start, start_seconds_reason) = apart(start(trials));
    let inferences = match is_benchmark {
        true => 0,
        false => measurements(trials).map(|measurement| measurement.inferences.len()).sum(),
    };
    let (cost_per_1000, cost_per_1000_reason) = apart(match is_benchmark {
        true => Err(NO_INFERENCES.to_owned()),
        false => cost(environment.price.as_ref(), trial_seconds.as_ref(), inferences, cost_of_time),
    });
    Cell {
        environment: environment.name.clone(),
        kind: environment.kind,
        workload: workload.name.clone(),
        application: workload.task.name().to_owned(),
        status: status(trials, workload.trials as usize),
        labels: labels(environment, workload),
        restriction: environment.restriction.clone(),
        engine,
        engine_reason,
        limits: LimitsSummary {
            cpus: environment.limits.cpus.count(),
            memory_bytes: environment.limits.memory.map(ByteSize::bytes),
        },
        instruments,
        instruments_reason,
        host: record
            .environment_facts(&plan.key.environment)
            .map(facts_by_name)
            .unwrap_or_default(),
        price_source: environment.price.as_ref().map(ResolvedPrice::source_line),
        price_source_reason: environment.price.is_none().then(|| NO_PRICE.to_owned()),
        trials: trials.worked.len(),
        trials_asked: workload.trials as usize,
        failures: failures(trials),
        inferences,
        trial_seconds,
        trial_seconds_reason,
        inference_ms,
        inference_ms_reason,
        warmup,
        warmup_reason,
        cpu_percent,
        cpu_percent_reason,
        memory_peak_bytes,
        memory_peak_bytes_reason,
        memory_peak_inside_bytes: measurements(trials)
            .filter_map(|m| m.agent_usage.memory_peak_bytes)
            .max(),
        start_seconds: start.as_ref().map(|start| start.mean),
        start_seconds_reason,
        start,
        cost_per_1000,
        cost_per_1000_reason,
        sampler_cpu_percent: sampler_percent(trials),
        steal_percent: mean(
            &measurements(trials).filter_map(|m| m.noise.steal_percent).collect::<Vec<_>>(),
        ),
        disagreements: disagreements(trials),
        system: is_benchmark.then(|| system::rows(trials)),
    }
}

const NO_PRICE: &str = "no price named";

fn measurements<'a>(trials: &'a CellTrials<'a>) -> impl Iterator<Item = &'a TrialMeasurement> {
    trials.worked.iter().map(|(_, measurement)| *measurement)
}

fn status(trials: &CellTrials<'_>, asked: usize) -> CellStatus {
    if trials.worked.is_empty() && !trials.failed.is_empty() {
        CellStatus::Failed
    } else if trials.failed.is_empty() && trials.worked.len() >= asked {
        CellStatus::Ok
    } else {
        CellStatus::Partial
    }
}

fn labels(environment: &EnvironmentPlan, workload: &WorkloadPlan) -> Vec<String> {
    let mut labels = Vec::new();
    if workload.trial == TrialForm::Process {
        labels.push("process trials: start, load, infer, exit".to_owned());
    }
    if environment.kind == EnvironmentKind::Simulated {
        labels.push("simulated".to_owned());
    }
    if environment.emulated {
        labels.push("emulated".to_owned());
    }
    if let Some(percent) = environment.slowdown_percent {
        labels.push(format!("slowed down on purpose by {percent} %"));
    }
    labels.extend(workload.labels.iter().cloned());
    labels
}

fn engine(first: &TrialMeasurement) -> Engine {
    Engine {
        name: first.engine.name.clone(),
        version: first.engine.version.clone(),
        instruction_set: first.engine.instruction_set.clone(),
        threads: first.engine.threads,
    }
}

fn lines(instruments: &Instruments) -> InstrumentLines {
    InstrumentLines {
        cpu: instruments.cpu.line(),
        memory: instruments.memory.line(),
        time: instruments.time.line(),
        storage: instruments.storage.line(),
        network: instruments.network.line(),
    }
}

fn failures(trials: &CellTrials<'_>) -> Vec<Failure> {
    let failure = |(block, failure): &(u32, &weighbridge_experiment::TrialFailure)| Failure {
        block: *block,
        reason: failure.reason.clone(),
        ended: failure.ended.clone(),
    };
    trials.failed.iter().map(failure).collect()
}

fn trial_seconds(trials: &CellTrials<'_>) -> Result<TrialSeconds, String> {
    let values = trials.seconds();
    let (Some(centre), Some(middle)) = (mean(&values), median(&values)) else {
        return Err(trials.absence());
    };
    let spread = standard_deviation(&values);
    let ci95 = mean_interval_95(&values).map(|(low, high)| [low, high]);
    Ok(TrialSeconds {
        mean: centre,
        std: spread,
        std_reason: spread.is_none().then(|| ONE_TRIAL.to_owned()),
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        p50: middle,
        ci95,
        ci95_reason: ci95.is_none().then(|| ONE_TRIAL.to_owned()),
        std_by_ten: (10..=values.len())
            .step_by(10)
            .filter_map(|n| standard_deviation(&values[..n]))
            .collect(),
        values,
        blocks: trials.worked.iter().map(|(block, _)| *block).collect(),
    })
}

fn inference_milliseconds(
    trials: &CellTrials<'_>,
    is_command: bool,
) -> Result<InferenceMilliseconds, String> {
    let timings: Vec<&InferenceTiming> =
        measurements(trials).flat_map(|measurement| &measurement.inferences).collect();
    let latencies = Latencies::of(timings.iter().map(|timing| timing.total_nanoseconds()))
        .ok_or_else(|| trials.absence())?;
    let stage = |nanoseconds: fn(&InferenceTiming) -> u64| {
        timings.iter().map(|timing| nanoseconds(timing) as f64).sum::<f64>()
            / timings.len() as f64
            / 1e6
    };
    // A command is timed as a whole: a stage of it is not 0, it is not known.
    let part = |nanoseconds: fn(&InferenceTiming) -> u64| match is_command {
        true => Err(NO_STAGES.to_owned()),
        false => Ok(stage(nanoseconds)),
    };
    let (decode, decode_reason) = apart(part(|timing| timing.decode_nanoseconds));
    let (prepare, prepare_reason) = apart(part(|timing| timing.prepare_nanoseconds));
    let (interpret, interpret_reason) = apart(part(|timing| timing.interpret_nanoseconds));
    let (p50, p50_reason) = apart(latencies.percentile_milliseconds(0.5));
    let (p90, p90_reason) = apart(latencies.percentile_milliseconds(0.9));
    let (p99, p99_reason) = apart(latencies.percentile_milliseconds(0.99));
    Ok(InferenceMilliseconds {
        mean: latencies.mean_milliseconds(),
        p50,
        p50_reason,
        p90,
        p90_reason,
        p99,
        p99_reason,
        max: latencies.max_milliseconds(),
        stages: StageMilliseconds {
            decode,
            decode_reason,
            prepare,
            prepare_reason,
            infer: stage(|timing| timing.infer_nanoseconds),
            interpret,
            interpret_reason,
        },
    })
}

fn warmup(trials: &CellTrials<'_>) -> Result<WarmupSeconds, String> {
    let milliseconds = |timing: &InferenceTiming| timing.total_nanoseconds() as f64 / 1e6;
    let all: Vec<f64> = measurements(trials).flat_map(|m| &m.warmup).map(milliseconds).collect();
    let first: Vec<f64> =
        measurements(trials).filter_map(|m| m.warmup.first()).map(milliseconds).collect();
    match (mean(&all), mean(&first)) {
        (Some(mean_inference_ms), Some(first_inference_ms)) => {
            Ok(WarmupSeconds { inferences: all.len(), first_inference_ms, mean_inference_ms })
        }
        _ if trials.worked.is_empty() => Err(trials.absence()),
        _ => Err("no warm-up was asked for".to_owned()),
    }
}

fn memory_peak(trials: &CellTrials<'_>) -> Result<u64, String> {
    let (_, first) = trials.worked.first().ok_or_else(|| trials.absence())?;
    measurements(trials)
        .flat_map(|measurement| &measurement.outside)
        .filter_map(|sample| sample.usage.memory_peak_bytes.max(sample.usage.memory_resident_bytes))
        .max()
        .ok_or_else(|| match &first.instruments.memory {
            Instrument::Missing(reason) => reason.clone(),
            Instrument::Present(_) => "no sample holds the memory".to_owned(),
        })
}

fn start(trials: &CellTrials<'_>) -> Result<StartSeconds, String> {
    let values: Vec<f64> = measurements(trials).map(|m| m.start.ready_seconds).collect();
    let loads: Vec<f64> = measurements(trials).map(|m| m.start.load_seconds).collect();
    let (Some(centre), Some(load_mean)) = (mean(&values), mean(&loads)) else {
        return Err(trials.absence());
    };
    Ok(StartSeconds {
        mean: centre,
        std: standard_deviation(&values),
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        values,
        load_mean,
    })
}

/// Cost of the time in which 1,000 inferences are done one after another at the speed of the
/// mean trial: eq. 2 of the cost paper, without storage and network.
fn cost(
    price: Option<&ResolvedPrice>,
    trial: Option<&TrialSeconds>,
    inferences: usize,
    cost_of_time: &CostOfTime<'_>,
) -> Result<Cost, String> {
    let price = price.ok_or(NO_PRICE)?;
    let trial = trial.ok_or("no trial worked")?;
    if inferences == 0 {
        return Err("the trials hold no inference".to_owned());
    }
    let per_trial = inferences as f64 / trial.values.len() as f64;
    let of_thousand =
        |trial_seconds: f64| cost_of_time(price, trial_seconds.max(0.0) / per_trial * 1000.0);
    let amount =
        |seconds: f64| Ok::<_, String>(of_thousand(seconds)?.amount.normalize().to_string());
    let ends = trial.ci95.map(|[low, high]| Ok::<_, String>([amount(low)?, amount(high)?]));
    Ok(Cost {
        amount: amount(trial.mean)?,
        currency: of_thousand(trial.mean)?.currency.to_string(),
        ci95: ends.transpose()?,
        ci95_reason: trial.ci95_reason.clone(),
    })
}

fn sampler_percent(trials: &CellTrials<'_>) -> Option<f64> {
    let cpu: u64 = measurements(trials).map(|m| m.outside_sampler.cpu_nanoseconds).sum();
    let time: u64 = measurements(trials).map(|m| m.host_total_nanoseconds).sum();
    (time > 0).then(|| 100.0 * cpu as f64 / time as f64)
}
