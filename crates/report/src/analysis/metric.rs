//! What a comparison compares: the time of a trial, or a figure of a benchmark.

use weighbridge_experiment::{BenchmarkUnit, TrialMeasurement};

use super::system::row_of;
use super::verdict::Words;

/// What is compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Metric {
    /// Time of a whole trial.
    TrialSeconds,
    /// The first figure of a part of a benchmark.
    Benchmark {
        /// The part.
        mode: String,
        /// The figure's unit.
        unit: BenchmarkUnit,
    },
}

impl Metric {
    /// Its value in a trial; above 0 where there is one.
    pub(crate) fn value(&self, measurement: &TrialMeasurement) -> Option<f64> {
        let value = match self {
            Self::TrialSeconds => measurement.total_nanoseconds as f64,
            Self::Benchmark { mode, .. } => {
                row_of(measurement, mode)?.measured()?.quantities.first()?.value
            }
        };
        (value > 0.0 && value.is_finite()).then_some(value)
    }

    /// Whether it is how fast files are read or written.
    pub(crate) fn is_file_throughput(&self) -> bool {
        matches!(self, Self::Benchmark { unit: BenchmarkUnit::MegabytesPerSecond, .. })
    }

    /// As it stands in the report.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::TrialSeconds => "trial_seconds".to_owned(),
            Self::Benchmark { unit, .. } => unit.to_string(),
        }
    }

    /// The part of a benchmark.
    pub(crate) fn mode(&self) -> Option<String> {
        match self {
            Self::TrialSeconds => None,
            Self::Benchmark { mode, .. } => Some(mode.clone()),
        }
    }

    /// What more and less of it are called.
    pub(crate) const fn words(&self) -> Words {
        match self {
            Self::TrialSeconds | Self::Benchmark { unit: BenchmarkUnit::Seconds, .. } => {
                Words::TIME
            }
            Self::Benchmark { .. } => Words::RATE,
        }
    }

    /// All metrics of the trials of two cells: what either has a figure of.
    pub(crate) fn of<'a>(
        is_benchmark: bool,
        measurements: impl Iterator<Item = &'a TrialMeasurement>,
    ) -> Vec<Self> {
        if !is_benchmark {
            return vec![Self::TrialSeconds];
        }
        let mut metrics = Vec::new();
        for row in measurements.flat_map(|measurement| &measurement.benchmark) {
            let first = row.measured().and_then(|measured| measured.quantities.first());
            if let Some(quantity) = first {
                let metric = Self::Benchmark { mode: row.mode.clone(), unit: quantity.unit };
                if !metrics.contains(&metric) {
                    metrics.push(metric);
                }
            }
        }
        metrics
    }
}
