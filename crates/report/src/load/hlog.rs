//! HdrHistogram's interval log, version 1.2: response times in nanoseconds, an interval a
//! line, times of intervals relative to the start.

use std::fmt::Write as _;
use std::time::Duration;

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;
use jiff::Timestamp;
use weighbridge_experiment::load::LoadRecord;

use super::files::LoadFile;
use super::times::{LoadTimesError, Times};

/// What the Java library divides the greatest value of a line by: nanoseconds to milliseconds.
const MAX_DIVISOR: f64 = 1e6;

pub(super) fn file(record: &LoadRecord) -> Result<LoadFile, LoadTimesError> {
    let started = record.started_unix_milliseconds;
    let date = Timestamp::from_millisecond(started.cast_signed()).map_or_else(
        |_| String::new(),
        |time| time.strftime("%a %b %d %H:%M:%S UTC %Y").to_string(),
    );
    let mut out = String::from("#[Histogram log format version 1.2]\n");
    // Writing into a string cannot fail.
    let _ =
        writeln!(out, "#[StartTime: {:.3} (seconds since epoch), {date}]", started as f64 / 1e3);
    out.push_str("\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n");
    for interval in &record.intervals {
        let times = Times::read(&interval.response)?;
        let from = Duration::from_secs_f64(interval.from_seconds.max(0.0));
        out.push_str(&line(&times, from, Duration::from_secs_f64(interval.seconds)));
    }
    Ok(LoadFile::text(".hlog", out))
}

fn line(times: &Times, from: Duration, length: Duration) -> String {
    let (mut bytes, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut builder = IntervalLogWriterBuilder::new();
    builder.with_max_value_divisor(MAX_DIVISOR);
    // Neither fails: memory takes what is written, and the histogram is a valid one.
    if let Ok(mut writer) = builder.begin_log_with(&mut bytes, &mut serializer) {
        let _ = writer.write_histogram(&times.0, from, length, None);
    }
    // The library notes its divisor before the line, which Java's does not.
    let text = String::from_utf8(bytes).unwrap_or_default();
    text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}
