//! The figures of a load's page: latency over time, throughput with errors, users, and the
//! percentile curve. Drawn with the project's own shapes.

use weighbridge_experiment::load::LoadRecord;

use super::times::{LoadTimesError, Times};
use crate::figure::Svg;
use crate::figure::load_chart::{Chart, Line, percentile_curve};

/// Title, caption and drawing of every figure.
pub(super) fn all(record: &LoadRecord) -> Result<Vec<(String, String, Svg)>, LoadTimesError> {
    let ends: Vec<f64> =
        record.intervals.iter().map(|interval| interval.from_seconds + interval.seconds).collect();
    let mut percentiles: [Vec<(f64, f64)>; 3] = Default::default();
    for (interval, end) in record.intervals.iter().zip(&ends) {
        let times = Times::read(&interval.response)?;
        for (line, percentile) in percentiles.iter_mut().zip([50.0, 95.0, 99.0]) {
            line.extend(times.milliseconds(percentile).map(|time| (*end, time)));
        }
    }
    let [p50, p95, p99] = percentiles;
    let per_second = |count: fn(&weighbridge_experiment::load::IntervalTally) -> u64| {
        let rates = record.intervals.iter().zip(&ends);
        rates.map(|(interval, end)| (*end, count(interval) as f64 / interval.seconds)).collect()
    };
    let users =
        record.intervals.iter().zip(&ends).map(|(interval, end)| (*end, f64::from(interval.users)));
    let charts = [
        (
            "Response time over time",
            "Percentiles of the requests that came to an end in each interval, failed ones included.",
            Chart {
                unit: "ms",
                lines: vec![Line::new("p50", p50), Line::new("p95", p95), Line::new("p99", p99)],
            },
        ),
        (
            "Throughput and errors",
            "Requests that came to an end in each interval, and those of them that failed.",
            Chart {
                unit: "requests a second",
                lines: vec![
                    Line::new("all", per_second(|interval| interval.requests)),
                    Line::new("failed", per_second(|interval| interval.failures)),
                ],
            },
        ),
        (
            "Users",
            "Users, or in the open model busy connections, at the end of each interval.",
            Chart { unit: "users", lines: vec![Line::new("users", users.collect())] },
        ),
    ];
    let mut figures: Vec<(String, String, Svg)> = charts
        .into_iter()
        .enumerate()
        .map(|(index, (title, caption, chart))| {
            let id = format!("load.fig{}", index + 1);
            (title.to_owned(), caption.to_owned(), chart.draw().described(&id, title, caption))
        })
        .collect();
    figures.push(curve(record)?);
    Ok(figures)
}

fn curve(record: &LoadRecord) -> Result<(String, String, Svg), LoadTimesError> {
    let response = Times::of_all(record, |tally| &tally.response)?;
    let service = Times::of_all(record, |tally| &tally.service)?;
    let points = |times: &Times| -> Vec<(f64, f64)> {
        // Each step leaves less of the slow ones: 1/(1−p) from 1 to the number of samples.
        let samples = times.count().max(1) as f64;
        (0..=120)
            .map(|step| samples.powf(f64::from(step) / 120.0))
            .filter_map(|odds| Some((odds, times.milliseconds((1.0 - 1.0 / odds) * 100.0)?)))
            .collect()
    };
    let (title, caption) = (
        "Percentile curve",
        "Each step to the right is ten times rarer. Where response and service part, requests left later than they were due.",
    );
    let lines =
        vec![Line::new("response", points(&response)), Line::new("service", points(&service))];
    let svg = percentile_curve(&lines).described("load.fig4", title, caption);
    Ok((title.to_owned(), caption.to_owned(), svg))
}
