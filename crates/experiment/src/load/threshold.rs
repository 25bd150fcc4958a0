use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::time::LoadTime;

/// What a threshold looks at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdMetric {
    /// A percentile of the response time, from 0 to 100, in milliseconds.
    Percentile(f64),
    /// Mean response time in milliseconds.
    Mean,
    /// Longest response time in milliseconds.
    Max,
    /// Share of failed requests, per cent.
    Failures,
    /// Requests a second.
    Rps,
}

/// A condition on a load: `p95<500ms`, `failures<=1%`, `rps>100`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Threshold {
    /// As it was written.
    pub text: String,
    /// What it looks at.
    pub metric: ThresholdMetric,
    /// Whether the value has to lie below the limit, or above.
    pub below: bool,
    /// Whether the limit itself will do.
    pub inclusive: bool,
    /// The limit, in the unit of the metric.
    pub limit: f64,
}

/// A text is not a threshold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a threshold; write for example \"p95<500ms\", \"mean<200ms\", \"max<2s\", \"failures<1%\" or \"rps>100\""
)]
pub struct ThresholdProblem(pub String);

impl Threshold {
    /// Whether a value holds the condition.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        match (self.below, self.inclusive) {
            (true, true) => value <= self.limit,
            (true, false) => value < self.limit,
            (false, true) => value >= self.limit,
            (false, false) => value > self.limit,
        }
    }
}

impl FromStr for Threshold {
    type Err = ThresholdProblem;

    fn from_str(text: &str) -> Result<Self, ThresholdProblem> {
        let wrong = || ThresholdProblem(text.to_owned());
        let split = text.find(['<', '>']).ok_or_else(wrong)?;
        let (name, rest) = text.split_at(split);
        let below = rest.starts_with('<');
        let inclusive = rest[1..].starts_with('=');
        let value = rest[if inclusive { 2 } else { 1 }..].trim();
        let metric = match name.trim() {
            "mean" | "avg" => ThresholdMetric::Mean,
            "max" => ThresholdMetric::Max,
            "failures" => ThresholdMetric::Failures,
            "rps" => ThresholdMetric::Rps,
            other => {
                let digits = other.strip_prefix('p').ok_or_else(wrong)?.replace('_', ".");
                let percentile: f64 = digits.parse().map_err(|_| wrong())?;
                if !(percentile > 0.0 && percentile < 100.0) {
                    return Err(wrong());
                }
                ThresholdMetric::Percentile(percentile)
            }
        };
        let number = |text: &str| -> Result<f64, ThresholdProblem> {
            let number: f64 = text.trim().parse().map_err(|_| wrong())?;
            if number.is_finite() && number >= 0.0 { Ok(number) } else { Err(wrong()) }
        };
        let limit = match metric {
            ThresholdMetric::Failures => number(value.strip_suffix('%').ok_or_else(wrong)?)?,
            ThresholdMetric::Rps => number(value)?,
            _ => value.parse::<LoadTime>().map_err(|_| wrong())?.0.as_secs_f64() * 1e3,
        };
        Ok(Self { text: text.to_owned(), metric, below, inclusive, limit })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn conditions_are_read_and_held() {
        let read = |text: &str| text.parse::<Threshold>();
        let threshold = read("p95<500ms").expect("a threshold");
        assert_eq!(threshold.metric, ThresholdMetric::Percentile(95.0));
        assert!(threshold.holds(499.0) && !threshold.holds(500.0));
        assert!(read("p99.9 <= 1s").expect("a threshold").holds(1000.0));
        assert!(read("rps>100").expect("a threshold").holds(101.0));
        assert!(!read("failures<1%").expect("a threshold").holds(1.0));
        for wrong in [
            "",
            "p95",
            "p95<500",
            "p0<1s",
            "p100<1s",
            "latency<1s",
            "failures<1",
            "rps>-1",
            "p95=1s",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC*") {
            let _ = text.parse::<Threshold>();
        }
    }
}
