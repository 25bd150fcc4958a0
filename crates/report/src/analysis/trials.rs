//! The trials of one cell, put in block order and split into those that worked and those
//! that did not. Does not compute anything.

use weighbridge_experiment::{
    CellKey, RunRecord, TrialFailure, TrialMeasurement, TrialOutcome, TrialRecord,
};

/// The trials of one cell in block order.
pub(crate) struct CellTrials<'a> {
    pub(crate) worked: Vec<(u32, &'a TrialMeasurement)>,
    pub(crate) failed: Vec<(u32, &'a TrialFailure)>,
}

impl<'a> CellTrials<'a> {
    pub(crate) fn of(record: &'a RunRecord, key: &CellKey) -> Self {
        let mut trials: Vec<&TrialRecord> =
            record.trials.iter().filter(|trial| trial.cell == *key).collect();
        trials.sort_by_key(|trial| trial.block);
        // A registry keeps one trial a cell and block; should a record carry two, the first
        // one finished counts, so that no block weighs double.
        trials.dedup_by_key(|trial| trial.block);
        let mut split = Self { worked: Vec::new(), failed: Vec::new() };
        for trial in trials {
            match &trial.outcome {
                TrialOutcome::Ok(measurement) => split.worked.push((trial.block, measurement)),
                TrialOutcome::Failed(failure) => split.failed.push((trial.block, failure)),
            }
        }
        split
    }

    /// Seconds of each trial that worked, in block order.
    pub(crate) fn seconds(&self) -> Vec<f64> {
        self.worked
            .iter()
            .map(|(_, measurement)| measurement.total_nanoseconds as f64 / 1e9)
            .collect()
    }

    /// Why there is no number at all, for a cell without a trial that worked.
    pub(crate) fn absence(&self) -> String {
        match self.failed.len() {
            0 => "no trial has been run".to_owned(),
            1 => "the one trial failed".to_owned(),
            count => format!("all {count} trials failed"),
        }
    }
}
