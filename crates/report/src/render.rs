//! A report as text for a terminal, HTML, Markdown, CSV and JSON.
//!
//! Does **not** compute anything: every number comes from [`crate::analysis`]. Does not know
//! terminals either: whether there are colours, and how wide it is, is told.

mod across;
mod campaign;
mod csv;
mod grid;
mod html;
mod markdown;
mod system;
mod terminal;

pub use across::across_table;
pub use campaign::{campaign_html, campaign_table};
pub use csv::{CsvError, csv};
pub use grid::{Align, Grid};
pub use html::html;
pub(crate) use html::page as whole_page;
pub use markdown::markdown;
pub use terminal::table;

use serde::Serialize;

/// A report, or a comparison of two runs, as JSON with a final line feed.
///
/// # Errors
///
/// None that the types of this crate can cause; numbers that are not finite become `null`.
pub fn json<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
