use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use weighbridge_experiment::load::EncodedHistogram;

use super::error::LoadError;

/// Nanoseconds below which values are not told apart: 0.1 % of 128 µs, the shortest answers
/// that a local service gives.
const LOWEST_NANOSECONDS: u64 = 128;
const SIGNIFICANT_DIGITS: u8 = 3;

/// Times in nanoseconds with three significant digits. It grows with the largest value, not
/// with how many there are.
#[derive(Debug, Clone)]
pub(super) struct Times(Histogram<u64>);

impl Times {
    #[allow(clippy::expect_used, reason = "the bounds are constants that a test tries")]
    pub(super) fn new() -> Self {
        let mut histogram = Histogram::new_with_bounds(
            LOWEST_NANOSECONDS,
            LOWEST_NANOSECONDS * 4096,
            SIGNIFICANT_DIGITS,
        )
        .expect("bounds that the library takes");
        histogram.auto(true);
        Self(histogram)
    }

    pub(super) fn record(&mut self, nanoseconds: u64) {
        // Fails only beyond the range, which grows by itself.
        let _ = self.0.record(nanoseconds);
    }

    /// Adds all of another's values. Both have the same resolution, so that nothing is lost.
    pub(super) fn add(&mut self, other: &Self) {
        // Fails only for a value beyond the range, which grows by itself.
        let _ = self.0.add(&other.0);
    }

    /// What came since `earlier`, an earlier state of the same times.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let mut difference = self.clone();
        let _ = difference.0.subtract(&earlier.0);
        difference
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// A percentile in nanoseconds; `None` where there is no value.
    pub(super) fn percentile(&self, percentile: f64) -> Option<u64> {
        (!self.0.is_empty()).then(|| self.0.value_at_percentile(percentile))
    }

    pub(super) fn encoded(&self) -> EncodedHistogram {
        let mut bytes = Vec::new();
        // Fails only where writing does, and memory does not refuse.
        let _ = V2Serializer::new().serialize(&self.0, &mut bytes);
        EncodedHistogram(bytes)
    }

    pub(super) fn decoded(encoded: &EncodedHistogram) -> Result<Self, LoadError> {
        let mut times = Self::new();
        if encoded.0.is_empty() {
            return Ok(times);
        }
        let read: Histogram<u64> = Deserializer::new()
            .deserialize(&mut encoded.0.as_slice())
            .map_err(|error| LoadError::Histogram { reason: error.to_string() })?;
        times.0.add(&read).map_err(|error| LoadError::Histogram { reason: error.to_string() })?;
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn encoding_and_merging_lose_no_count(
            left in proptest::collection::vec(0_u64..60_000_000_000, 0..200),
            right in proptest::collection::vec(0_u64..60_000_000_000, 0..200),
        ) {
            let of = |values: &[u64]| {
                let mut times = Times::new();
                values.iter().for_each(|value| times.record(*value));
                times
            };
            let mut merged = Times::decoded(&of(&left).encoded()).expect("readable");
            merged.add(&Times::decoded(&of(&right).encoded()).expect("readable"));
            let whole = of(&[left.clone(), right.clone()].concat());
            prop_assert_eq!(merged.count(), whole.count());
            for percentile in [0.0, 50.0, 99.0, 100.0] {
                prop_assert_eq!(merged.percentile(percentile), whole.percentile(percentile));
            }
            prop_assert_eq!(merged.since(&of(&left)).count(), right.len() as u64);
        }
    }

    #[test]
    fn three_digits_are_kept() {
        let mut times = Times::new();
        for value in [150_000_u64, 1_480_000_000, 30_000_000_000] {
            times.record(value);
            let read = times.percentile(100.0).expect("a value");
            assert!(read.abs_diff(value) * 1000 <= value, "{read} for {value}");
        }
    }
}
