//! Next.
use crate::analysis::CrossReport;
/// Two runs side by side, for a terminal.
#[must_use]
pub fn across_table(_report: &CrossReport, _width: usize, _colour: bool) -> String {
    String::new()
}
