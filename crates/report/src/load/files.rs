use weighbridge_experiment::load::LoadRecord;

use super::times::LoadTimesError;
use super::{hgrm, hlog, html, k6, locust, mlperf, summary::summarise};

/// A format of files that a load is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadFormat {
    /// Locust's four CSV files.
    Locust,
    /// k6's `--summary-export`.
    K6,
    /// HdrHistogram's percentile distribution.
    Hgrm,
    /// HdrHistogram's interval log.
    Hlog,
    /// MLPerf LoadGen's summary and detail logs; nothing for a load of another kind.
    Mlperf,
    /// A page of our own.
    Html,
}

/// One file: what follows the prefix in its name, and its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadFile {
    /// End of the name, such as `_stats.csv`.
    pub suffix: &'static str,
    /// Content.
    pub bytes: Vec<u8>,
}

impl LoadFile {
    pub(crate) fn text(suffix: &'static str, text: impl Into<String>) -> Self {
        Self { suffix, bytes: text.into().into_bytes() }
    }
}

/// The files of a load in a format. Percentiles in the formats of others are numbers, however
/// few samples there are, since these formats know no other way.
///
/// # Errors
///
/// A histogram of the record cannot be read.
pub fn files(record: &LoadRecord, format: LoadFormat) -> Result<Vec<LoadFile>, LoadTimesError> {
    match format {
        LoadFormat::Locust => locust::files(record),
        LoadFormat::K6 => k6::file(record).map(|file| vec![file]),
        LoadFormat::Hgrm => hgrm::files(record),
        LoadFormat::Hlog => hlog::file(record).map(|file| vec![file]),
        LoadFormat::Mlperf => mlperf::files(record),
        LoadFormat::Html => {
            let page = html::page(record, &summarise(record)?)?;
            Ok(vec![LoadFile::text(".html", page)])
        }
    }
}
