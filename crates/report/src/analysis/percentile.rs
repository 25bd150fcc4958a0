//! Percentiles of latencies, shown only where there are enough of them.
//!
//! The rule is the early stopping of MLPerf LoadGen: with t latencies over a limit, the
//! limit holds for the share p of all latencies at confidence c when n ≥ h + t, where h is the
//! smallest integer with I_p(h, t + 1) ≤ 1 − c (regularised incomplete beta function). The
//! most that n latencies can show is the bound with t = 0, their maximum; where not even that
//! bounds the percentile at c = 99 %, no number is given. Where it does, the number shown is
//! the percentile of the histogram itself, not the bound.
//!
//! Latencies within one trial are not independent, so the count needed is a lower limit.

use hdrhistogram::Histogram;
use statrs::function::beta::beta_reg;

const CONFIDENCE: f64 = 0.99;

/// Latencies that are needed in all to bound the share `percentile` (0.99 for p99) when
/// `over_limit` of them are over the limit: h + t.
#[must_use]
pub fn samples_needed(percentile: f64, over_limit: u64) -> u64 {
    let fits = |h: u64| beta_reg(h as f64, (over_limit + 1) as f64, percentile) <= 1.0 - CONFIDENCE;
    // I_p(h, t + 1) falls as h grows, so doubling and halving finds the smallest h.
    let mut high = 1;
    while !fits(high) {
        high *= 2;
    }
    let mut low = high / 2;
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if fits(middle) { high = middle } else { low = middle }
    }
    high + over_limit
}

/// Latencies of single inferences, three significant digits.
#[derive(Debug, Clone)]
pub struct Latencies {
    histogram: Histogram<u64>,
    sum_nanoseconds: u128,
}

impl Latencies {
    /// The histogram of these latencies; `None` of nothing.
    #[must_use]
    pub fn of(nanoseconds: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut histogram = Histogram::new(3).ok()?;
        let mut sum_nanoseconds = 0;
        for value in nanoseconds {
            // The histogram grows as needed and refuses only what no counter could hold.
            histogram.record(value).ok()?;
            sum_nanoseconds += u128::from(value);
        }
        (!histogram.is_empty()).then_some(Self { histogram, sum_nanoseconds })
    }

    /// The same of a histogram: pairs of the highest time of a bucket and how many fell into it.
    #[must_use]
    pub fn of_buckets(buckets: impl IntoIterator<Item = [u64; 2]>) -> Option<Self> {
        let mut histogram = Histogram::new(3).ok()?;
        let mut sum_nanoseconds = 0;
        for [nanoseconds, count] in buckets {
            histogram.record_n(nanoseconds, count).ok()?;
            sum_nanoseconds += u128::from(nanoseconds) * u128::from(count);
        }
        (!histogram.is_empty()).then_some(Self { histogram, sum_nanoseconds })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Exact arithmetic mean, milliseconds.
    #[must_use]
    pub fn mean_milliseconds(&self) -> f64 {
        self.sum_nanoseconds as f64 / self.count() as f64 / 1e6
    }

    /// The longest, milliseconds.
    #[must_use]
    pub fn max_milliseconds(&self) -> f64 {
        self.histogram.max() as f64 / 1e6
    }

    /// The percentile (0.99 for p99) in milliseconds, or the reason why it is not shown.
    ///
    /// # Errors
    ///
    /// Too few latencies; the text says how many there are and how many it takes.
    pub fn percentile_milliseconds(&self, percentile: f64) -> Result<f64, String> {
        let needed = samples_needed(percentile, 0);
        if self.count() < needed {
            return Err(format!("too few samples: {} of the {needed} needed", self.count()));
        }
        Ok(self.histogram.value_at_quantile(percentile) as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_agree_with_the_published_rule() {
        for (percentile, totals) in [
            (0.90, [44, 64, 197]),
            (0.95, [90, 130, 398]),
            (0.99, [459, 662, 2_010]),
            (0.999, [4_603, 6_636, 20_140]),
        ] {
            assert_eq!(
                [0, 1, 10].map(|over| samples_needed(percentile, over)),
                totals,
                "p{percentile}"
            );
        }
        // I_0.5(h, 1) = 0.5^h ≤ 0.01 first at h = 7.
        assert_eq!(samples_needed(0.5, 0), 7);
    }

    #[test]
    fn percentiles_appear_with_enough_samples() {
        let few = Latencies::of((1..=43).map(|ms| ms * 1_000_000)).expect("latencies");
        assert_eq!(
            few.percentile_milliseconds(0.9),
            Err("too few samples: 43 of the 44 needed".to_owned())
        );
        let enough = Latencies::of((1..=100).map(|ms| ms * 1_000_000)).expect("latencies");
        let p90 = enough.percentile_milliseconds(0.9).expect("enough");
        assert!((p90 - 90.0).abs() < 0.1, "{p90}");
        assert!((enough.mean_milliseconds() - 50.5).abs() < 1e-9);
        assert!(Latencies::of([]).is_none());
        let buckets = Latencies::of_buckets([[1_000_000, 50], [2_000_000, 50]]).expect("some");
        assert_eq!(buckets.count(), 100);
        assert!((buckets.mean_milliseconds() - 1.5).abs() < 1e-9);
        let p90 = buckets.percentile_milliseconds(0.9).expect("enough");
        assert!((p90 - 2.0).abs() < 0.01, "{p90}");
    }

    proptest! {
        #[test]
        fn the_median_lies_within_the_data(values in prop::collection::vec(1_u64..10_000_000_000, 7..60)) {
            let latencies = Latencies::of(values.iter().copied()).expect("latencies");
            let median = latencies.percentile_milliseconds(0.5).expect("enough") * 1e6;
            let (low, high) = (values.iter().min().unwrap(), values.iter().max().unwrap());
            prop_assert!(median >= *low as f64 * 0.999 && median <= *high as f64 * 1.001);
        }
    }
}
