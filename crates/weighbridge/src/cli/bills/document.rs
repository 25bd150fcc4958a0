use std::io;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weighbridge_price::bill::{BillSummary, Cause, Finding, Found};

use crate::cli::spool::Spool;

/// Unexplained differences, and damaged lines, that a table shows.
const SHOWN: usize = 20;

/// What `bill check --format json` prints for one file.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct BillCheckDocument {
    /// Always `weighbridge.bill-check/1`.
    format: &'static str,
    /// `aws`, `azure`, `gcp`, `oci`, another by its name in the bill, `several` where the file
    /// holds lines of more than one, `unknown` where no line says it.
    provider: String,
    /// Lines below the header.
    lines: u64,
    /// Lines whose cost was computed from their own quantity and price.
    priced: u64,
    /// Priced lines that agree to the provider's last printed digit.
    exact: u64,
    /// The other lines that were not priced, in their order.
    #[schemars(with = "Vec<NotPriced>")]
    not_priced: Spool<NotPriced>,
    /// The priced lines that are not exact, in their order.
    #[schemars(with = "Vec<Difference>")]
    differences: Spool<Difference>,
}

/// A line with nothing to compare its cost with.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct NotPriced {
    /// Line of the file on which it begins; the header's is 1.
    pub(super) line: u64,
    /// A word of a closed list, a colon, and what it means here.
    pub(super) why: String,
}

/// A line whose cost is not its quantity times its price.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Difference {
    /// Line of the file on which it begins; the header's is 1.
    pub(super) line: u64,
    /// The printed cost; a decimal string, in the line's currency.
    #[serde(with = "rust_decimal::serde::str")]
    #[schemars(with = "String")]
    pub(super) billed: Decimal,
    /// Quantity × price, rounded as the provider rounds; a decimal string.
    #[serde(with = "rust_decimal::serde::str")]
    #[schemars(with = "String")]
    pub(super) computed: Decimal,
    /// Why they differ.
    pub(super) cause: Cause,
}

enum Entry {
    NotPriced(NotPriced),
    Difference(Difference),
}

impl Entry {
    fn of(finding: Finding) -> Self {
        let line = finding.line;
        match finding.what {
            Found::NotPriced(why) => Self::NotPriced(NotPriced { line, why: why.to_string() }),
            Found::Difference { billed, computed, cause } => {
                Self::Difference(Difference { line, billed, computed, cause })
            }
        }
    }
}

impl BillCheckDocument {
    /// Keeps a finding, however many there are.
    pub(super) fn add(&mut self, finding: Finding) -> io::Result<()> {
        match Entry::of(finding) {
            Entry::NotPriced(entry) => self.not_priced.push(entry),
            Entry::Difference(entry) => self.differences.push(entry),
        }
    }

    /// Keeps a finding if a person has to look at it, and it is among the first: differences
    /// without an explanation, and damaged lines. The others are only counted.
    pub(super) fn add_first(&mut self, finding: Finding) {
        let to_look_at = match &finding.what {
            Found::NotPriced(why) => why.is_damage(),
            Found::Difference { cause, .. } => !cause.is_explained(),
        };
        match Entry::of(finding) {
            _ if !to_look_at => {}
            Entry::NotPriced(entry) => self.not_priced.push_first(entry, SHOWN),
            Entry::Difference(entry) => self.differences.push_first(entry, SHOWN),
        }
    }

    /// Adds the counts.
    pub(super) fn conclude(&mut self, summary: &BillSummary) -> io::Result<()> {
        self.format = "weighbridge.bill-check/1";
        summary.provider().clone_into(&mut self.provider);
        (self.lines, self.priced, self.exact) = (summary.lines, summary.priced, summary.exact);
        self.not_priced.seal()?;
        self.differences.seal()
    }

    pub(super) fn first_not_priced(&self) -> &[NotPriced] {
        self.not_priced.first()
    }

    pub(super) fn first_differences(&self) -> &[Difference] {
        self.differences.first()
    }
}
