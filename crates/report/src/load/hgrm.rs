//! HdrHistogram's percentile distribution, as its Java library prints it: five steps for each
//! halving of what is left, values in milliseconds.

use std::fmt::Write as _;

use weighbridge_experiment::load::LoadRecord;

use super::files::LoadFile;
use super::times::{LoadTimesError, Times};

const STEPS_PER_HALF: u32 = 5;

pub(super) fn files(record: &LoadRecord) -> Result<Vec<LoadFile>, LoadTimesError> {
    let response = Times::of_all(record, |tally| &tally.response)?;
    let service = Times::of_all(record, |tally| &tally.service)?;
    Ok(vec![
        LoadFile::text(".hgrm", distribution(&response)),
        LoadFile::text("_service.hgrm", distribution(&service)),
    ])
}

fn distribution(times: &Times) -> String {
    let histogram = &times.0;
    let milliseconds = |nanoseconds: f64| nanoseconds / 1e6;
    let mut out = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let mut count = 0;
    // Writing into a string cannot fail.
    for step in histogram.iter_quantiles(STEPS_PER_HALF) {
        count += step.count_since_last_iteration();
        let value = milliseconds(step.value_iterated_to() as f64);
        let share = step.quantile_iterated_to();
        let _ = write!(out, "{value:12.3} {share:2.12} {count:10}");
        if share < 1.0 {
            let _ = write!(out, " {:14.2}", 1.0 / (1.0 - share));
        }
        out.push('\n');
    }
    let (mean, deviation, max) = if histogram.is_empty() {
        (0.0, 0.0, 0.0)
    } else {
        (histogram.mean(), histogram.stdev(), histogram.max() as f64)
    };
    let _ = writeln!(
        out,
        "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]",
        milliseconds(mean),
        milliseconds(deviation)
    );
    let _ = writeln!(
        out,
        "#[Max     = {:12.3}, Total count    = {:12}]",
        milliseconds(max),
        histogram.len()
    );
    // Sub-buckets: the power of two that holds 2 · 10^digits.
    let sub_buckets = (2 * 10_u64.pow(u32::from(histogram.sigfig()))).next_power_of_two();
    let _ =
        writeln!(out, "#[Buckets = {:12}, SubBuckets     = {sub_buckets:12}]", histogram.buckets());
    out
}
