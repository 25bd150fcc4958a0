//! The price lists that providers publish, read as streams into one shape: the [`Rate`].
//!
//! - [`read_aws`], [`read_azure`], [`read_gcp`], [`read_csv`]: one price at a time out of lists
//!   that may be larger than memory.
//! - [`Query`]: the one rate that holds for a name at an instant, or why there is none.
//!
//! What this deliberately does **not** know: where lists are kept, how they are fetched, the
//! clock (the instant is an argument), and what an instance consumes.

mod amount;
mod aws;
mod azure;
mod error;
mod gcp;
mod query;
mod rate;
mod stream;
mod table;

pub use aws::{AwsOffer, AwsPart, AwsProduct, AwsTerm, read_aws};
pub use azure::read_azure;
pub use error::ListError;
pub use gcp::read_gcp;
pub use query::{Query, QuoteError};
pub use rate::{Rate, Term};
pub use table::read_csv;
