use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use thiserror::Error;
use weighbridge_experiment::load::{EncodedHistogram, LoadRecord, RequestTally};

/// A record holds a histogram that cannot be read.
#[derive(Debug, Error)]
#[error("a histogram of the load's record cannot be read: {reason}; the record is damaged")]
pub struct LoadTimesError {
    reason: String,
}

/// Times in nanoseconds, read from a record.
#[derive(Debug, Clone)]
pub(crate) struct Times(pub(crate) Histogram<u64>);

impl Times {
    pub(crate) fn read(encoded: &EncodedHistogram) -> Result<Self, LoadTimesError> {
        let failed = |reason: String| LoadTimesError { reason };
        if encoded.0.is_empty() {
            let empty = Histogram::new(3).map_err(|error| failed(error.to_string()))?;
            return Ok(Self(empty));
        }
        let mut read: Histogram<u64> = Deserializer::new()
            .deserialize(&mut encoded.0.as_slice())
            .map_err(|error| failed(error.to_string()))?;
        read.auto(true);
        Ok(Self(read))
    }

    /// Of all requests of a record together.
    pub(crate) fn of_all(
        record: &LoadRecord,
        pick: fn(&RequestTally) -> &EncodedHistogram,
    ) -> Result<Self, LoadTimesError> {
        let mut tallies = record.requests.iter();
        let mut all = match tallies.next() {
            Some(first) => Self::read(pick(first))?,
            None => Self::read(&EncodedHistogram::default())?,
        };
        for tally in tallies {
            all.add(&Self::read(pick(tally))?)?;
        }
        Ok(all)
    }

    pub(crate) fn add(&mut self, other: &Self) -> Result<(), LoadTimesError> {
        let failed =
            |error: hdrhistogram::AdditionError| LoadTimesError { reason: error.to_string() };
        if self.0.is_empty() {
            // An empty histogram may have another resolution.
            *self = other.clone();
            return Ok(());
        }
        self.0.add(&other.0).map_err(failed)
    }

    /// These without some of them.
    pub(crate) fn without(&self, some: &Self) -> Result<Self, LoadTimesError> {
        let mut rest = self.clone();
        if !some.0.is_empty() {
            rest.0
                .subtract(&some.0)
                .map_err(|error| LoadTimesError { reason: error.to_string() })?;
        }
        Ok(rest)
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// A percentile from 0 to 100 in milliseconds; `None` where there is no value.
    pub(crate) fn milliseconds(&self, percentile: f64) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.value_at_percentile(percentile) as f64 / 1e6)
    }

    pub(crate) fn mean_milliseconds(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.mean() / 1e6)
    }

    pub(crate) fn min_milliseconds(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.min() as f64 / 1e6)
    }

    pub(crate) fn max_milliseconds(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.max() as f64 / 1e6)
    }
}
