use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// Longest time that a load takes: four weeks, a campaign's length.
const LONGEST: Duration = Duration::from_hours(28 * 24);
const UNITS: [(&str, f64); 5] =
    [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// A text is not a time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoadTimeProblem {
    /// It has another form.
    #[error("`{0}` is not a time; write a number and a unit, such as \"500ms\", \"10s\" or \"5m\"")]
    Form(String),
    /// It is longer than four weeks.
    #[error("`{0}` is out of range; a time is at most 4 weeks (672h)")]
    Range(String),
    /// The second time of a range is the shorter one.
    #[error("`{0}` ends before it begins; write the shorter time first, such as \"1s..3s\"")]
    Reversed(String),
}

/// A length of time, written with a unit: `"500ms"`, `"10s"`, `"1m30s"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoadTime(pub Duration);

impl FromStr for LoadTime {
    type Err = LoadTimeProblem;

    fn from_str(text: &str) -> Result<Self, LoadTimeProblem> {
        let form = || LoadTimeProblem::Form(text.to_owned());
        let mut rest = text.trim();
        let mut seconds = 0.0;
        if rest.is_empty() {
            return Err(form());
        }
        while !rest.is_empty() {
            let split = rest.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(form)?;
            let (number, tail) = rest.split_at(split);
            let end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(end);
            let factor = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(form)?.1;
            let number = number.trim();
            // `f64` reads signs, exponents, `inf`: none of them is how a time is written.
            if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit() || c == '.') {
                return Err(form());
            }
            seconds += number.parse::<f64>().map_err(|_| form())? * factor;
            rest = tail.trim_start();
        }
        if seconds > LONGEST.as_secs_f64() {
            return Err(LoadTimeProblem::Range(text.to_owned()));
        }
        // Whole nanoseconds: the sum of decimal parts is not exact.
        Ok(Self(Duration::from_nanos((seconds * 1e9).round() as u64)))
    }
}

impl fmt::Display for LoadTime {
    /// In the largest unit in which the number is whole.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        let whole = [
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
        ]
        .into_iter()
        .find(|(unit, _)| nanoseconds >= *unit && nanoseconds.is_multiple_of(*unit));
        match whole {
            Some((unit, name)) => write!(formatter, "{}{name}", nanoseconds / unit),
            None if nanoseconds == 0 => write!(formatter, "0s"),
            None => write!(formatter, "{}us", nanoseconds as f64 / 1e3),
        }
    }
}

/// The pause of a user between an answer and the next request: one length, or drawn evenly
/// from a range, `"1s..3s"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ThinkTime {
    /// The shortest pause.
    pub shortest: LoadTime,
    /// The longest pause.
    pub longest: LoadTime,
}

impl ThinkTime {
    /// The pause at a place from 0 to 1 of the range.
    #[must_use]
    pub fn at(&self, place: f64) -> Duration {
        let span = self.longest.0.saturating_sub(self.shortest.0);
        self.shortest.0 + span.mul_f64(place.clamp(0.0, 1.0))
    }

    /// Whether users do not pause at all.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.longest.0.is_zero()
    }
}

impl FromStr for ThinkTime {
    type Err = LoadTimeProblem;

    fn from_str(text: &str) -> Result<Self, LoadTimeProblem> {
        let (shortest, longest): (LoadTime, LoadTime) = match text.split_once("..") {
            Some((shortest, longest)) => (shortest.parse()?, longest.parse()?),
            None => {
                let both = text.parse()?;
                (both, both)
            }
        };
        if shortest > longest {
            return Err(LoadTimeProblem::Reversed(text.to_owned()));
        }
        Ok(Self { shortest, longest })
    }
}

impl fmt::Display for ThinkTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shortest == self.longest {
            self.shortest.fmt(formatter)
        } else {
            write!(formatter, "{}..{}", self.shortest, self.longest)
        }
    }
}

macro_rules! as_text {
    ($name:ident, $description:literal, $pattern:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"description": $description, "type": "string", "pattern": $pattern})
            }
        }
    };
}

as_text!(
    LoadTime,
    "a time with its unit, such as \"500ms\", \"10s\" or \"1m30s\"",
    r"^\s*([0-9.]+\s*(us|ms|s|m|h)\s*)+$"
);
as_text!(
    ThinkTime,
    "a time with its unit, or a range of two from which each pause is drawn evenly: \"1s..3s\"",
    r"^\s*([0-9.]+\s*(us|ms|s|m|h)\s*)+(\.\.\s*([0-9.]+\s*(us|ms|s|m|h)\s*)+)?$"
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_read_in_every_unit() {
        let read = |text: &str| text.parse::<LoadTime>().map(|time| time.0.as_micros());
        assert_eq!(read("250us"), Ok(250));
        assert_eq!(read("1.5s"), Ok(1_500_000));
        assert_eq!(read("1m30s"), Ok(90_000_000));
        assert_eq!(read("0s"), Ok(0));
        for wrong in ["", "10", "-1s", "1e3s", "infs", "s", "1 day", "1..2s", "1s 2"] {
            assert!(matches!(read(wrong), Err(LoadTimeProblem::Form(_))), "{wrong}");
        }
        assert!(matches!(read("673h"), Err(LoadTimeProblem::Range(_))));
    }

    #[test]
    fn a_pause_is_one_time_or_a_range() {
        let think: ThinkTime = "1s..3s".parse().expect("a range");
        assert_eq!((think.at(0.0).as_secs(), think.at(0.5).as_secs()), (1, 2));
        assert_eq!("2s".parse::<ThinkTime>().map(|think| think.at(0.9).as_secs()), Ok(2));
        assert!(matches!("3s..1s".parse::<ThinkTime>(), Err(LoadTimeProblem::Reversed(_))));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(microseconds in 0_u64..1_000_000_000_000) {
            let time = LoadTime(Duration::from_micros(microseconds));
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn reading_never_panics(text in "\\PC*") {
            let _ = text.parse::<ThinkTime>();
        }
    }
}
