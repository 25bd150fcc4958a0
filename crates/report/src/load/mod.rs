//! From the record of a load to what a person and a program read: the summary with its
//! verdict ([`summarise`]), text ([`table`]), a page ([`html`]), and the formats of other load
//! generators.
//!
//! Everything here is a pure function of a [`LoadRecord`](weighbridge_experiment::load::LoadRecord).
//! What is deliberately **not** known: clocks, files, terminals, how a request was sent.

mod early_stopping;
mod figures;
mod files;
mod hgrm;
mod hlog;
mod html;
mod k6;
mod locust;
mod mlperf;
mod summary;
mod table;
mod times;

pub use early_stopping::{least_samples, samples_with_slow};
pub use files::{LoadFile, LoadFormat, files};
pub use summary::{
    ClientFigures, ErrorSummary, LOAD_FORMAT, LoadDetails, LoadSummary, Missing, RequestSummary,
    SendLag, ThresholdResult, TimeFigures, summarise,
};
pub use table::table;
pub use times::LoadTimesError;
