//! From the record of a run to what a person and a program read: statistics and verdicts
//! ([`analysis`]), figures ([`figure`]), and text, HTML, Markdown, CSV and JSON ([`render`]).
//!
//! Everything here is a pure function of a [`RunRecord`](weighbridge_experiment::RunRecord):
//! the same record gives the same bytes, on any host, at any time. What this crate
//! deliberately does **not** know: clocks, files, the network, terminals, and how a price is
//! computed (the caller passes a function for that).

pub mod analysis;
pub mod campaign;
pub mod figure;
pub mod load;
mod quantity;
pub mod render;

pub use analysis::{CrossReport, Report, build, compare_runs};
pub use campaign::{CampaignReport, SlotRun, build_campaign};
