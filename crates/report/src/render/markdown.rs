//! Next.
use crate::analysis::Report;
/// The report as Markdown.
#[must_use]
pub fn markdown(_report: &Report) -> String {
    String::new()
}
