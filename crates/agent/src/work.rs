//! What an agent has prepared: a real application, or a simulation of one.

use std::path::Path;

use weighbridge_experiment::Sha256Digest;

use crate::measured::MeasuredWork;
use crate::process::ProcessWork;
use crate::simulated::SimulatedWork;
use crate::wire::{
    Failure, INFERENCES_MAX, Pass, Prepare, Ready, Stage, Task, Trial, TrialDone, WarmupDone,
};

pub(crate) enum Work {
    Measured(Box<MeasuredWork>),
    Processes(ProcessWork),
    Simulated(Box<SimulatedWork>),
}

impl Work {
    pub(crate) fn prepare(
        base: &Path,
        request: &Prepare,
        simulate: Option<u64>,
    ) -> Result<(Self, Ready), Failure> {
        let without_inputs =
            matches!(request.task, Task::Command(_) | Task::Benchmark(_) | Task::Transfer(_));
        if request.inputs.is_empty() && !without_inputs {
            return Err(Failure::new(
                Stage::Prepare,
                "no inputs were given; at least one is needed",
            ));
        }
        if let Some(percent) = request.slowdown_percent
            && !(0.0..=1000.0).contains(&percent)
        {
            let reason =
                format!("a slowdown of {percent} % is out of range; it lies between 0 and 1000");
            return Err(Failure::new(Stage::Prepare, reason));
        }
        Ok(match simulate {
            Some(seed) => {
                let (work, ready) = SimulatedWork::prepare(base, request, seed)?;
                (Self::Simulated(Box::new(work)), ready)
            }
            None if request.process => {
                let (work, ready) = ProcessWork::prepare(base, request)?;
                (Self::Processes(work), ready)
            }
            None => {
                let (work, ready) = MeasuredWork::prepare(base, request)?;
                (Self::Measured(Box::new(work)), ready)
            }
        })
    }

    pub(crate) fn warmup(&mut self, pass: Pass) -> Result<WarmupDone, Failure> {
        check_pass(pass, Stage::Warmup)?;
        match self {
            Self::Measured(work) => work.warmup(pass),
            Self::Processes(work) => work.warmup(pass),
            Self::Simulated(work) => Ok(work.warmup(pass)),
        }
    }

    pub(crate) fn trial(&mut self, trial: Trial) -> Result<TrialDone, Failure> {
        check_pass(trial.pass, Stage::Trial)?;
        if !(trial.sample_hertz > 0.0 && trial.sample_hertz <= 1000.0) {
            let reason = format!(
                "{} samples a second are out of range; give more than 0 and at most 1000",
                trial.sample_hertz
            );
            return Err(Failure::new(Stage::Trial, reason));
        }
        match self {
            Self::Measured(work) => work.trial(trial),
            Self::Processes(work) => work.trial(trial),
            Self::Simulated(work) => Ok(work.trial(trial)),
        }
    }

    pub(crate) fn digest(&mut self, pass: Pass) -> Result<Sha256Digest, Failure> {
        check_pass(pass, Stage::Digest)?;
        match self {
            Self::Measured(work) => work.digest(pass),
            Self::Processes(work) => work.digest(pass),
            Self::Simulated(work) => Ok(work.digest(pass)),
        }
    }
}

fn check_pass(pass: Pass, stage: Stage) -> Result<(), Failure> {
    if (1..=INFERENCES_MAX).contains(&pass.inferences) {
        return Ok(());
    }
    let reason =
        format!("{} inferences were asked for; a pass has 1 to {INFERENCES_MAX}", pass.inferences);
    Err(Failure::new(stage, reason))
}

/// Indices of the inputs of a pass, in turn.
pub(crate) fn inputs_of(pass: Pass, inputs: usize) -> impl Iterator<Item = usize> {
    let start = pass.start_at as usize % inputs;
    (start..inputs).chain((0..inputs).cycle()).take(pass.inferences as usize)
}

/// The digest of a pass from those of its single results, if all are known.
pub(crate) fn combined_digest(
    pass: Pass,
    digests: &[Option<Sha256Digest>],
) -> Option<Sha256Digest> {
    let single: Option<Vec<&str>> = inputs_of(pass, digests.len())
        .map(|input| Some(digests[input].as_ref()?.as_str()))
        .collect();
    Some(Sha256Digest::of(single?.concat().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(start_at: u32, inferences: u32) -> Pass {
        Pass { block: 0, start_at, inferences }
    }

    #[test]
    fn inputs_are_taken_in_turn_from_any_start() {
        assert_eq!(inputs_of(pass(0, 2), 3).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(inputs_of(pass(2, 5), 3).collect::<Vec<_>>(), [2, 0, 1, 2, 0]);
        assert_eq!(inputs_of(pass(7, 2), 3).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(inputs_of(pass(u32::MAX, 3), 1).collect::<Vec<_>>(), [0, 0, 0]);
    }

    #[test]
    fn a_digest_needs_every_result_and_depends_on_their_order() {
        let digests = [Some(Sha256Digest::of(b"a")), Some(Sha256Digest::of(b"b")), None];
        assert_eq!(combined_digest(pass(0, 3), &digests), None);
        let forward = combined_digest(pass(0, 2), &digests[..2]);
        assert!(forward.is_some());
        assert_ne!(forward, combined_digest(pass(1, 2), &digests[..2]));
    }
}
