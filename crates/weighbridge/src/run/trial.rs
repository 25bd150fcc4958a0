//! One trial: the meters around the agent's timed loop.

use std::time::{Duration, Instant};

use thiserror::Error;
use weighbridge_agent::ClientError;
use weighbridge_agent::wire::{Pass, Trial};
use weighbridge_environment::EnvironmentError;
use weighbridge_experiment::{
    Ended, InferenceTiming, InstrumentChoice, Sample, TrialFailure, TrialMeasurement, WorkloadPlan,
};
use weighbridge_measure::{
    HostNoiseMeter, MeterError, OutsideMeter, PaperMeter, Sampler, SamplerError,
    process_cpu_nanoseconds,
};

use super::instance::{Instance, InstanceError, Ready};

/// Ten samples a second, inside and outside.
const SAMPLE_HERTZ: f64 = 10.0;

/// Why a trial gave no measurement.
#[derive(Debug, Error)]
pub(crate) enum TrialError {
    #[error("the agent failed")]
    Agent(#[from] ClientError),
    #[error("the environment does not say what to meter")]
    Target(#[from] EnvironmentError),
    #[error("the instance cannot be metered from outside")]
    Meter(#[from] MeterError),
    #[error("sampling failed")]
    Sampler(#[from] SamplerError),
    #[error("the instances beside it cannot be kept account of")]
    Beside(#[from] InstanceError),
}

/// Passes over the inputs before the timed one; kept, and shown apart.
pub(crate) async fn warm_up(
    ready: &mut Ready,
    workload: &WorkloadPlan,
    block: u32,
) -> Result<Vec<InferenceTiming>, ClientError> {
    let mut inferences = Vec::new();
    for _ in 0..workload.warmup {
        let done = ready.client.warmup(pass(workload, block), None).await?;
        inferences.extend(done.inferences);
    }
    Ok(inferences)
}

fn pass(workload: &WorkloadPlan, block: u32) -> Pass {
    // Each block takes the inputs up where the one before left them, so that all are used
    // however few make one trial; in every environment the same ones in the same block.
    let inputs = workload.inputs.len().max(1) as u64;
    let first = u64::from(block) * u64::from(workload.inputs_per_trial) % inputs;
    Pass {
        block,
        start_at: u32::try_from(first).unwrap_or(0),
        inferences: workload.inputs_per_trial,
    }
}

/// The timed trial of an instance that is ready and warm.
pub(crate) async fn measure(
    instance: &Instance,
    ready: &mut Ready,
    workload: &WorkloadPlan,
    block: u32,
    warmup: Vec<InferenceTiming>,
    instrument: InstrumentChoice,
) -> Result<TrialMeasurement, TrialError> {
    let target = instance.environment.meter_target(&instance.resource).await?;
    let (meter, instruments) = OutsideMeter::open(&target)?;
    let paper = match instrument {
        InstrumentChoice::One => None,
        InstrumentChoice::Paper => {
            let target = weighbridge_environment::paper_target(&instance.resource, &target);
            Some(PaperMeter::start(&target).await)
        }
    };
    let process_before = process_cpu_nanoseconds(&target)?;
    let noise = HostNoiseMeter::start();
    let began = Instant::now();
    let sampler = Sampler::start(meter, Duration::from_secs_f64(1.0 / SAMPLE_HERTZ), began)?;
    let asked = Instant::now();
    let pass = pass(workload, block);
    let done = ready.client.trial(Trial { pass, sample_hertz: SAMPLE_HERTZ }, None).await;
    let host_total = asked.elapsed();
    // The sampler is stopped whether or not the trial worked.
    let sampled = sampler.stop()?;
    let paper_cpu = match paper {
        Some(paper) => Some(paper.stop(began).await),
        None => None,
    };
    let done = done?;
    let process_after = process_cpu_nanoseconds(&target)?;
    let noise = noise.stop(cpu_over(&sampled.samples));
    let output_sha256 = match done.output_sha256 {
        Some(digest) => digest,
        // Without a warm-up the results are computed once more, now that nothing is timed.
        None => ready.client.digest(pass, None).await?,
    };
    Ok(TrialMeasurement {
        engine: ready.engine.clone(),
        start: ready.start,
        warmup,
        inferences: done.inferences,
        total_nanoseconds: done.total_nanoseconds,
        host_total_nanoseconds: u64::try_from(host_total.as_nanos()).unwrap_or(u64::MAX),
        noise,
        outside: sampled.samples,
        inside: done.samples,
        agent_usage: done.agent_usage,
        process_cpu_nanoseconds: process_before
            .zip(process_after)
            .map(|(a, b)| b.saturating_sub(a)),
        outside_sampler: sampled.cost,
        inside_sampler: done.sampler_cost,
        instruments,
        output_sha256,
        benchmark: done.benchmark,
        paper_cpu,
    })
}

fn cpu_over(samples: &[Sample]) -> Option<u64> {
    let at = |sample: Option<&Sample>| sample.and_then(|sample| sample.usage.cpu_nanoseconds);
    at(samples.last())?.checked_sub(at(samples.first())?)
}

/// The failure as it is recorded: what the instance's end explains better than the broken
/// connection is said first.
pub(crate) fn failure(
    error: &(dyn std::error::Error + 'static),
    ended: Option<Ended>,
    limit: Option<String>,
) -> TrialFailure {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        chain = format!("{chain}: {cause}");
        source = cause.source();
    }
    let silent = is_silent(error);
    let explained = ended
        .as_ref()
        .and_then(|ended| explain(ended, limit).or_else(|| last_words(ended).filter(|_| silent)));
    let reason = match explained {
        Some(explanation) => format!("{explanation} ({chain})"),
        None => chain,
    };
    TrialFailure { reason, ended, command_exit_code: exit_code_of_command(error) }
}

/// Whether the agent gave no answer at all, so that what its environment wrote last is the
/// only explanation that there is.
fn is_silent(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref() {
            return matches!(
                error,
                ClientError::NotListening { .. }
                    | ClientError::Lost { .. }
                    | ClientError::Deadline { .. }
            );
        }
        next = error.source();
    }
    false
}

fn last_words(ended: &Ended) -> Option<String> {
    let words = ended.last_words.trim();
    (!words.is_empty()).then(|| format!("it gave no answer, and wrote last: {words}"))
}

/// With which code the user's command ended, where that is what failed.
fn exit_code_of_command(error: &(dyn std::error::Error + 'static)) -> Option<i32> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(ClientError::Failed(failure)) = error.downcast_ref() {
            return failure.command_exit_code;
        }
        next = error.source();
    }
    None
}

const SIGKILL: i32 = 9;

fn explain(ended: &Ended, limit: Option<String>) -> Option<String> {
    let limit = limit.unwrap_or_else(|| "that it has".to_owned());
    match (ended.signal, ended.exit_code, ended.oom_kills) {
        // The counter alone proves it: whoever destroyed the instance may have come before
        // the kernel had told of the signal.
        (Some(SIGKILL) | None, None, Some(kills)) if kills > 0 => Some(format!(
            "out of memory: the kernel killed it for exceeding the memory limit {limit}; exit code 137 \
             is 128 + signal 9, and its cgroup counted {kills} out-of-memory kill{}; give it more memory",
            if kills == 1 { "" } else { "s" }
        )),
        (Some(signal), _, _) => {
            Some(format!("it was ended by signal {signal}, exit code {}", 128 + signal))
        }
        (None, Some(code), _) if code != 0 => {
            let words = ended.last_words.trim();
            let said = if words.is_empty() { String::new() } else { format!(", saying: {words}") };
            Some(format!("it ended with exit code {code}{said}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_out_of_memory_kill_is_called_that_and_137_is_explained() {
        let ended = Ended { signal: Some(9), oom_kills: Some(1), ..Ended::default() };
        let failure =
            failure(&std::io::Error::other("connection lost"), Some(ended), Some("64 MiB".into()));
        assert!(failure.reason.starts_with("out of memory: "), "{}", failure.reason);
        for part in [
            "64 MiB",
            "exit code 137",
            "128 + signal 9",
            "1 out-of-memory kill;",
            "connection lost",
        ] {
            assert!(failure.reason.contains(part), "{part} in {}", failure.reason);
        }
    }

    #[test]
    fn the_last_words_explain_a_silence_and_nothing_else() {
        let words = "on the guest's console: Kernel panic";
        let ended = || Some(Ended { last_words: words.into(), ..Ended::default() });
        let silence = ClientError::Deadline { during: "the greeting", seconds: 60.0 };
        let silent = failure(&silence, ended(), None).reason;
        assert!(silent.contains("Kernel panic") && silent.contains("60.0 s"), "{silent}");
        let other = failure(&std::io::Error::other("no such model"), ended(), None).reason;
        assert_eq!(other, "no such model");
    }

    #[test]
    fn a_kill_without_the_counter_is_not_called_out_of_memory() {
        let ended = Ended { signal: Some(9), oom_kills: Some(0), ..Ended::default() };
        let failure = failure(&std::io::Error::other("lost"), Some(ended), None);
        assert!(
            failure.reason.starts_with("it was ended by signal 9, exit code 137"),
            "{}",
            failure.reason
        );
    }
}
