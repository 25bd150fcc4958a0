//! A provider's bill checked against itself: every line's cost computed anew from the line's
//! own quantity and price, with the rounding that the provider uses.
//!
//! - [`BillCheck`] reads a bill of any [`BillFormat`] line by line and gives a [`Finding`] for
//!   each that is not exact; memory does not grow with the bill.
//! - [`Cause`] and [`Unpriced`] are the closed lists of why a line differs, and why it cannot be
//!   priced. Nothing is skipped in silence.
//!
//! What this deliberately does **not** know: files (bytes are handed in), the price book
//! (a line is held to the price that it prints itself, not to the one that it should have),
//! our own usage figures, other lines of the same bill, and exchange rates.

mod bytes;
mod cause;
mod check;
mod error;
mod figure;
mod format;
mod line;
mod product;
pub(crate) mod records;
mod verdict;

pub use cause::{Cause, Unpriced};
pub use check::{BillCheck, BillSummary, Finding, Found, Sums};
pub use error::BillError;
pub use format::BillFormat;
