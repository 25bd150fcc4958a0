//! Price-book entries: what an hour of one instance type costs in one region, from when,
//! and who says so.
//!
//! A book never changes once it has shipped: new prices are a new book, so a price in an old
//! record can still be looked up where it came from.

mod file;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use thiserror::Error;
use weighbridge_experiment::{ByteSize, CpuCount, Money, MoneyError, PriceSource, ResolvedPrice};

/// The book that ships with this version.
const SHIPPED: &str = include_str!("../books/2026-11.toml");

/// Entries that are named when one is not found.
const SUGGESTIONS: usize = 3;

/// Why there is no price.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PriceError {
    /// The book has no such entry.
    #[error(
        "the price book {book} has no entry `{entry}`; {}, or give `hourly = \"0.085 USD\"`",
        suggested(nearest)
    )]
    Unknown {
        /// What was asked for.
        entry: String,
        /// The book.
        book: String,
        /// Names of the entries nearest to it, nearest first.
        nearest: Vec<String>,
    },
    /// The price is not an amount of money.
    #[error(transparent)]
    Amount(#[from] MoneyError),
    /// The text is not a price book.
    #[error("the price book {origin} cannot be read: {reason}")]
    Book {
        /// What the caller calls the text.
        origin: String,
        /// What is wrong with it, and where.
        reason: String,
    },
}

fn suggested(nearest: &[String]) -> String {
    match nearest {
        [] => "it is empty".to_owned(),
        names => format!("the nearest are {}", names.join(", ")),
    }
}

/// What an hour of one instance type costs on demand, in one region.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceEntry {
    /// `provider/region/instance`.
    pub name: String,
    /// `aws`, `azure` or `gcp`.
    pub provider: String,
    /// Region, as the provider names it.
    pub region: String,
    /// Instance type, as the provider names it.
    pub instance: String,
    /// Its virtual CPUs, or its share of one.
    pub cpus: CpuCount,
    /// Its memory.
    pub memory: ByteSize,
    /// Operating system that the price includes: `linux`.
    pub operating_system: String,
    /// Price of one hour, on demand, without taxes and discounts.
    pub hourly: Money,
    /// First day on which the price held, where the source says so.
    pub valid_from: Option<Date>,
    /// The page or file that the price was taken from.
    pub source: String,
    /// The day on which it was taken.
    pub retrieved: Date,
    /// Whether the figure was compared with a document when the book was made.
    pub checked: bool,
}

impl PriceEntry {
    /// The source in words, with what is doubtful about it.
    #[must_use]
    pub fn source_line(&self) -> String {
        let mut line = self.source.clone();
        if let Some(date) = self.valid_from {
            line.push_str(&format!(", valid from {date}"));
        }
        if !self.checked {
            line.push_str(" (not checked against a document)");
        }
        line
    }
}

/// A dated list of prices.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceBook {
    name: String,
    entries: BTreeMap<String, PriceEntry>,
}

static SHIPPED_BOOK: LazyLock<PriceBook> = LazyLock::new(|| {
    PriceBook::parse(SHIPPED, "2026-11.toml")
        .unwrap_or_else(|error| unreachable!("the shipped price book is valid: {error}"))
});

impl PriceBook {
    /// The book that ships with this version.
    #[must_use]
    pub fn shipped() -> &'static Self {
        &SHIPPED_BOOK
    }

    /// Reads a book. `origin` is what the caller calls the text, for messages.
    ///
    /// # Errors
    ///
    /// [`PriceError::Book`] with what is wrong and where.
    pub fn parse(text: &str, origin: &str) -> Result<Self, PriceError> {
        file::parse(text).map_err(|reason| PriceError::Book { origin: origin.to_owned(), reason })
    }

    /// Name of the book: year and month in which it was made.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All entries, by name.
    pub fn entries(&self) -> impl Iterator<Item = &PriceEntry> {
        self.entries.values()
    }

    /// The entry of this name, `provider/region/instance`.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&PriceEntry> {
        self.entries.get(name)
    }

    /// The price of an entry, as it goes into the record of a run.
    ///
    /// # Errors
    ///
    /// [`PriceError::Unknown`] with the nearest names: a price is never guessed.
    pub fn quote(&self, entry: &str) -> Result<ResolvedPrice, PriceError> {
        let found = self.entry(entry).ok_or_else(|| PriceError::Unknown {
            entry: entry.to_owned(),
            book: self.name.clone(),
            nearest: self.nearest(entry),
        })?;
        Ok(ResolvedPrice {
            hourly: found.hourly.clone(),
            source: PriceSource::Book {
                entry: found.name.clone(),
                book: self.name.clone(),
                source: found.source_line(),
                retrieved: found.retrieved.to_string(),
            },
        })
    }

    fn nearest(&self, wanted: &str) -> Vec<String> {
        let mut names: Vec<(usize, &String)> = self
            .entries
            .keys()
            .map(|name| (strsim::damerau_levenshtein(wanted, name), name))
            .collect();
        names.sort();
        names.into_iter().take(SUGGESTIONS).map(|(_, name)| name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_carries_where_it_comes_from() {
        let price = PriceBook::shipped().quote("aws/us-east-1/c7i.large").expect("an entry");
        let line = price.source_line();
        assert!(
            line.starts_with("aws/us-east-1/c7i.large, 0.08925 USD per hour, price book 2026-11, "),
            "{line}"
        );
    }

    #[test]
    fn an_unknown_entry_names_the_nearest() {
        let error =
            PriceBook::shipped().quote("aws/us-east1/c7i.large").expect_err("no such entry");
        let PriceError::Unknown { nearest, .. } = &error else { panic!("{error}") };
        assert_eq!(nearest[0], "aws/us-east-1/c7i.large");
        assert_eq!(nearest.len(), 3);
        assert!(
            error
                .to_string()
                .contains("has no entry `aws/us-east1/c7i.large`; the nearest are aws/")
        );
    }

    #[test]
    fn what_was_not_compared_with_a_document_says_so() {
        for entry in PriceBook::shipped().entries() {
            let said = entry.source_line().contains("(not checked against a document)");
            assert_eq!(said, !entry.checked, "{}", entry.name);
        }
    }

    #[test]
    fn the_shipped_book_covers_three_providers_and_never_gives_nothing_away() {
        let book = PriceBook::shipped();
        for provider in ["aws", "azure", "gcp"] {
            assert!(
                book.entries().filter(|entry| entry.provider == provider).count() >= 5,
                "{provider}"
            );
        }
        assert!(book.entries().all(|entry| entry.hourly.amount > rust_decimal::Decimal::ZERO));
    }
}
