//! From how many samples on a percentile is shown: MLPerf LoadGen's early stopping.

use crate::analysis::percentile::samples_needed;

/// The least number of samples for a percentile (from 0 to 100) if `slow` of them lie over
/// the limit that it is held to. `None` where it is no percentile between the two.
#[must_use]
pub fn samples_with_slow(percentile: f64, slow: u64) -> Option<u64> {
    let share = percentile / 100.0;
    (share > 0.0 && share < 1.0).then(|| samples_needed(share, slow))
}

/// The least number of samples from which a percentile (from 0 to 100) is shown at all.
#[must_use]
pub fn least_samples(percentile: f64) -> Option<u64> {
    samples_with_slow(percentile, 0)
}

/// How many of the slowest samples lie above MLPerf's estimate of a percentile: the most
/// `slow` with which so many samples suffice. The estimate is the sample that is next.
/// `None` where there are too few samples.
#[must_use]
pub(crate) fn slowest_left_out(percentile: f64, samples: u64) -> Option<u64> {
    let enough =
        |slow: u64| samples_with_slow(percentile, slow).is_some_and(|least| least <= samples);
    if !enough(0) {
        return None;
    }
    let (mut low, mut high) = (0, samples);
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if enough(middle) { low = middle } else { high = middle }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that LoadGen's documentation gives.
    #[test]
    fn the_published_numbers_come_out() {
        let published = [
            (90.0, [44, 64, 197]),
            (95.0, [90, 130, 398]),
            (99.0, [459, 662, 2010]),
            (99.9, [4603, 6636, 20140]),
        ];
        for (percentile, least) in published {
            for (slow, least) in [0, 1, 10].into_iter().zip(least) {
                assert_eq!(samples_with_slow(percentile, slow), Some(least), "{percentile} {slow}");
            }
        }
        assert_eq!((least_samples(50.0), least_samples(100.0)), (Some(7), None));
    }

    #[test]
    fn the_estimate_leaves_out_what_the_rule_allows() {
        assert_eq!(slowest_left_out(90.0, 43), None);
        assert_eq!(slowest_left_out(90.0, 44), Some(0));
        assert_eq!(slowest_left_out(90.0, 64), Some(1));
        assert_eq!(slowest_left_out(99.0, 2010), Some(10));
    }
}
