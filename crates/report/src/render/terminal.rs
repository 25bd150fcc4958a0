//! Next.
use crate::analysis::Report;
/// The report for a terminal.
#[must_use]
pub fn table(_report: &Report, _width: usize, _colour: bool) -> String {
    String::new()
}
