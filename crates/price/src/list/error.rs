use std::io;

use thiserror::Error;

/// Why a price list cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListError {
    /// Not the JSON that the provider publishes. Line and column are in the source.
    #[error("it is not the provider's JSON, or it is damaged or cut off; get it again")]
    Json(#[source] serde_json::Error),
    /// JSON, but without the list.
    #[error("it has no `{0}`; is it the list of another provider?")]
    NoList(&'static str),
    /// One price cannot be understood.
    #[error("the price {sku}: {reason}")]
    Price {
        /// Which one.
        sku: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A line of a table cannot be understood.
    #[error("line {line}: {reason}")]
    Line {
        /// Line of the file, the header's is 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// What was read could not be put where it goes.
    #[error("the prices cannot be kept")]
    Keep(#[source] io::Error),
}
