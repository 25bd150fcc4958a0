use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Money;

/// What the user said an environment costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriceSpec {
    /// An entry of the price book, `provider/region/instance`.
    Entry(String),
    /// A price per hour given by the user.
    Hourly(Money),
}

/// Where a price comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PriceSource {
    /// An entry of the price book.
    Book {
        /// The entry's name, `provider/region/instance`.
        entry: String,
        /// The book it stands in.
        book: String,
        /// The page or file that the price was taken from.
        source: String,
        /// The day on which it was taken, `YYYY-MM-DD`.
        retrieved: String,
    },
    /// The experiment file.
    User,
}

/// The price that a run was counted with: kept in its record, so that counting it again
/// gives the same digits for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResolvedPrice {
    /// Price of one hour of the whole environment.
    pub hourly: Money,
    /// Where it comes from.
    pub source: PriceSource,
}

impl ResolvedPrice {
    /// The source in one line, for a table or a caption.
    #[must_use]
    pub fn source_line(&self) -> String {
        match &self.source {
            PriceSource::Book { entry, book, source, retrieved } => {
                format!(
                    "{entry}, {} per hour, price book {book}, {source}, {retrieved}",
                    self.hourly
                )
            }
            PriceSource::User => format!("{} per hour, given in the experiment file", self.hourly),
        }
    }
}
