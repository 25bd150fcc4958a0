//! From request to first result: the phases of a cold start that can be told apart from
//! outside, as rows of a benchmark.

use weighbridge_experiment::{
    BenchmarkOutcome, BenchmarkRow, BenchmarkUnit, InferenceTiming, Measured, Quantity, StartTiming,
};

const HOST: &str = "monotonic clock of the host";
const AGENT: &str = "monotonic clock of the agent";

/// The rows of one cold start.
pub(crate) fn rows(start: &StartTiming, first: &InferenceTiming) -> Vec<BenchmarkRow> {
    let inference = first.total_nanoseconds() as f64 / 1e9;
    let mut rows = Vec::new();
    if let Some(created) = start.created_seconds {
        rows.push(row("created", HOST, created));
        rows.push(row("agent answers", HOST, (start.ready_seconds - created).max(0.0)));
    } else {
        rows.push(row("created and agent answers", HOST, start.ready_seconds));
    }
    rows.push(row("files copied and model loaded", HOST, start.load_seconds));
    rows.push(row("first inference", AGENT, inference));
    let all = start.ready_seconds + start.load_seconds + inference;
    rows.push(row("request to first result", "both clocks, the phases added up", all));
    rows
}

fn row(mode: &str, instrument: &str, seconds: f64) -> BenchmarkRow {
    BenchmarkRow {
        mode: mode.to_owned(),
        instrument: instrument.to_owned(),
        labels: Vec::new(),
        outcome: BenchmarkOutcome::Measured(Measured {
            quantities: vec![Quantity { unit: BenchmarkUnit::Seconds, value: seconds }],
            operations: 1,
            seconds,
            latency_nanoseconds: vec![[(seconds * 1e9).max(1.0) as u64, 1]],
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phases_add_up_to_the_whole() {
        let start =
            StartTiming { created_seconds: Some(0.2), ready_seconds: 0.5, load_seconds: 0.25 };
        let first =
            InferenceTiming { infer_nanoseconds: 125_000_000, ..InferenceTiming::default() };
        let rows = rows(&start, &first);
        let values: Vec<f64> =
            rows.iter().filter_map(|row| Some(row.measured()?.quantities[0].value)).collect();
        let (whole, phases) = values.split_last().expect("rows");
        assert!((phases.iter().sum::<f64>() - whole).abs() < 1e-12);
        assert_eq!((values[0], *whole), (0.2, 0.875));
        let unknown = StartTiming { created_seconds: None, ..start };
        assert_eq!(super::rows(&unknown, &first).len(), 4);
    }
}
