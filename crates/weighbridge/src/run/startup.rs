//! From request to first result: the phases of a cold start that can be told apart from
//! outside, as rows of a benchmark.

use weighbridge_experiment::{
    BenchmarkOutcome, BenchmarkRow, BenchmarkUnit, GuestBoot, InferenceTiming, Measured, Quantity,
    StartTiming,
};

const HOST: &str = "monotonic clock of the host";
const GUEST: &str = "boot clock of the guest";
/// Two clocks that differ by more than this are said to.
const CLOCK_ERROR_SHARE: f64 = 0.005;
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
    rows.extend(start.guest.iter().flat_map(|guest| guest_rows(guest, start.ready_seconds)));
    rows.push(row("files copied and model loaded", HOST, start.load_seconds));
    rows.push(row("first inference", AGENT, inference));
    let all = start.ready_seconds + start.load_seconds + inference;
    rows.push(row("request to first result", "both clocks, the phases added up", all));
    rows
}

/// What the guest tells of the time until its agent answered. Its clock is held against the
/// host's: it cannot have seen more time than the whole start took.
fn guest_rows(guest: &GuestBoot, ready_seconds: f64) -> Vec<BenchmarkRow> {
    let seconds = |nanoseconds: u64| nanoseconds as f64 / 1e9;
    let phases = [
        ("of that, the guest's kernel", seconds(guest.kernel_nanoseconds)),
        ("of that, its first process", seconds(guest.init_nanoseconds)),
        ("of that, its agent", seconds(guest.agent_nanoseconds)),
    ];
    let told: f64 = phases.iter().map(|(_, seconds)| seconds).sum();
    let fast = told > ready_seconds * (1.0 + CLOCK_ERROR_SHARE);
    let labels: Vec<String> = fast
        .then(|| format!("clock runs fast: {told:.2} s there, {ready_seconds:.2} s on the host"))
        .into_iter()
        .collect();
    let rows = phases.into_iter().map(|(mode, seconds)| row(mode, GUEST, seconds));
    rows.map(|row| BenchmarkRow { labels: labels.clone(), ..row }).collect()
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
        let start = StartTiming {
            created_seconds: Some(0.2),
            ready_seconds: 0.5,
            load_seconds: 0.25,
            guest: None,
        };
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

    #[test]
    fn phases_of_a_guest_stand_apart_and_a_fast_clock_is_said() {
        let first = InferenceTiming::default();
        let of = |kernel_nanoseconds| {
            let guest = GuestBoot {
                kernel_nanoseconds,
                init_nanoseconds: 100_000_000,
                agent_nanoseconds: 50_000_000,
            };
            let start = StartTiming {
                created_seconds: Some(0.2),
                ready_seconds: 2.0,
                load_seconds: 0.25,
                guest: Some(guest),
            };
            rows(&start, &first)
        };
        let right = of(1_500_000_000);
        assert_eq!(right.len(), 8);
        assert!(right.iter().all(|row| row.labels.is_empty()));
        let whole = right.last().and_then(BenchmarkRow::measured).expect("the whole");
        assert!((whole.quantities[0].value - 2.25).abs() < 1e-9, "phases are not counted twice");
        let fast = of(4_000_000_000);
        let labelled: Vec<_> = fast.iter().filter(|row| !row.labels.is_empty()).collect();
        assert_eq!(labelled.len(), 3);
        assert!(labelled[0].labels[0].contains("4.15 s there, 2.00 s on the host"));
    }
}
