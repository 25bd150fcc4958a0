//! What an hour of an environment costs, and what a measured time costs from that.
//!
//! - [`book`]: dated price-book entries, each with its source.
//! - [`engine`]: exact decimal arithmetic; pure.
//! - [`bill`]: a provider's bill, every line computed anew from what it prints itself.
//! - [`list`]: the price lists that providers publish, read as streams.
//! - [`resolve`]: what the user said about a price, made into a price with its source.
//!
//! What this crate deliberately does **not** know: clocks (a price is chosen by the entry's
//! name, never by today's date), the network, files (the shipped book is part of the
//! executable), environments, and statistics.

pub mod bill;
pub mod book;
pub mod engine;
pub mod list;
mod resolve;

pub use book::{PriceBook, PriceEntry, PriceError};
pub use engine::{CostError, cost_of_inferences, run_cost, seconds_from_f64};
pub use resolve::resolve;
