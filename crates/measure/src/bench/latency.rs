//! Times of single events, counted in buckets so that millions take no room.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Two significant digits: buckets are under 1 % wide, like those of fio.
const DIGITS: u8 = 2;
/// No event takes longer than a day.
const NANOSECONDS_MAX: u64 = 86_400_000_000_000;

/// A histogram of times, one a thread, added up at the end.
#[derive(Debug, Clone)]
pub(super) struct Latencies(Option<Histogram<u64>>);

impl Latencies {
    pub(super) fn new() -> Self {
        // These bounds are always accepted; without a histogram nothing is counted, which the
        // number of operations would show.
        Self(Histogram::new_with_bounds(1, NANOSECONDS_MAX, DIGITS).ok())
    }

    pub(super) fn record(&mut self, time: Duration) {
        self.record_many(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), 1);
    }

    pub(super) fn record_many(&mut self, nanoseconds: u64, count: u64) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record_n(nanoseconds.max(1), count);
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        if let (Some(histogram), Some(other)) = (&mut self.0, &other.0) {
            // Both have the same bounds.
            let _ = histogram.add(other);
        }
    }

    /// Pairs of the highest time of a bucket and how many fell into it, as they are recorded.
    pub(super) fn pairs(&self) -> Vec<[u64; 2]> {
        let Some(histogram) = &self.0 else { return Vec::new() };
        histogram
            .iter_recorded()
            .map(|bucket| [bucket.value_iterated_to(), bucket.count_at_value()])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_every_event_and_are_under_one_per_cent_wide() {
        let mut one = Latencies::new();
        let mut other = Latencies::new();
        for microseconds in 1..=1000 {
            one.record(Duration::from_micros(microseconds));
        }
        other.record_many(5, 7);
        one.add(&other);
        let pairs = one.pairs();
        assert_eq!(pairs.iter().map(|pair| pair[1]).sum::<u64>(), 1007);
        assert_eq!(pairs[0], [5, 7]);
        let last = pairs.last().expect("pairs")[0] as f64;
        assert!((1_000_000.0..1_010_000.0).contains(&last), "{last}");
        assert!(pairs.windows(2).all(|pair| pair[0][0] < pair[1][0]));
    }
}
