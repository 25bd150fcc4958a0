//! The two closed lists of a check: why a line's cost differs from quantity × price, and why
//! a line has no such product at all.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a line's printed cost is not its quantity times its price, rounded by the provider's
/// rule.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The line sums records that were rounded one by one; the sum of the rounded costs is
    /// within ten units of the last place, and a second printed cost, where there is one,
    /// confirms quantity and price.
    SumOfRoundedRecords,
    /// Quantity or price is printed with fewer digits than the cost was computed with; with
    /// what their last digits leave open, the printed cost is possible.
    PrintedInputsRounded,
    /// The cost itself is printed with fewer digits than the provider's rule has.
    BilledFigureRounded,
    /// The cost is a whole number of steps and the product lies within one step of it.
    RoundedToStep,
    /// Nothing was charged because a commitment covers the line.
    CoveredByCommitment,
    /// The list price was charged although the line prints a lower one.
    ListPriceBilled,
    /// The price is for a block of units: the cost follows from the quantity in the other unit,
    /// which is smaller or larger by a power of ten.
    PricedPerBlock,
    /// The line says that it corrects or refunds, and its cost has the opposite sign.
    Refund,
    /// None of the above.
    Unexplained,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 9] = [
        Self::SumOfRoundedRecords,
        Self::PrintedInputsRounded,
        Self::BilledFigureRounded,
        Self::RoundedToStep,
        Self::CoveredByCommitment,
        Self::ListPriceBilled,
        Self::PricedPerBlock,
        Self::Refund,
        Self::Unexplained,
    ];

    /// The word that stands for it in JSON and CSV.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SumOfRoundedRecords => "sum_of_rounded_records",
            Self::PrintedInputsRounded => "printed_inputs_rounded",
            Self::BilledFigureRounded => "billed_figure_rounded",
            Self::RoundedToStep => "rounded_to_step",
            Self::CoveredByCommitment => "covered_by_commitment",
            Self::ListPriceBilled => "list_price_billed",
            Self::PricedPerBlock => "priced_per_block",
            Self::Refund => "refund",
            Self::Unexplained => "unexplained",
        }
    }

    /// Whether the difference is accounted for.
    #[must_use]
    pub fn is_explained(self) -> bool {
        self != Self::Unexplained
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// Why a line has no quantity × price to compare its cost with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unpriced {
    /// A tax.
    Tax,
    /// A credit.
    Credit,
    /// A discount, as a line of its own.
    Discount,
    /// A refund, as an amount.
    Refund,
    /// An adjustment or a rounding remainder.
    Adjustment,
    /// A fee without a unit price.
    Fee,
    /// Divides up the cost of another line, which is checked itself.
    SplitOfAnotherLine,
    /// The cost is empty.
    NoCost,
    /// The quantity is empty.
    NoQuantity,
    /// The price is empty.
    NoPrice,
    /// The file has no column of prices.
    NoPriceColumn,
    /// The price is for a block of units.
    PriceBlock,
    /// A cell that should hold a number holds none.
    NotANumber {
        /// Heading of its column.
        column: String,
        /// What it holds.
        text: String,
    },
    /// A cell, or the product, has more digits than can be kept exactly.
    TooManyDigits {
        /// Heading of its column; of the cost's where the product is meant.
        column: String,
    },
}

impl Unpriced {
    /// The word that stands for it, first in every message.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Tax => "tax",
            Self::Credit => "credit",
            Self::Discount => "discount",
            Self::Refund => "refund",
            Self::Adjustment => "adjustment",
            Self::Fee => "fee",
            Self::SplitOfAnotherLine => "split_of_another_line",
            Self::NoCost => "no_cost",
            Self::NoQuantity => "no_quantity",
            Self::NoPrice => "no_price",
            Self::NoPriceColumn => "no_price_column",
            Self::PriceBlock => "price_block",
            Self::NotANumber { .. } => "not_a_number",
            Self::TooManyDigits { .. } => "too_many_digits",
        }
    }

    /// Whether the line is damaged, rather than of a sort that has no unit price.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::NotANumber { .. } | Self::TooManyDigits { .. })
    }
}

impl fmt::Display for Unpriced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.code())?;
        let amount = "an amount, not a quantity times a price";
        match self {
            Self::Tax | Self::Credit | Self::Discount | Self::Refund | Self::Adjustment => {
                formatter.write_str(amount)
            }
            Self::Fee => formatter.write_str("a fee that prints no unit price"),
            Self::SplitOfAnotherLine => {
                formatter.write_str("divides up another line, which is checked itself")
            }
            Self::NoCost => formatter.write_str("the cost is empty"),
            Self::NoQuantity => formatter.write_str("the quantity is empty"),
            Self::NoPrice => formatter.write_str("the unit price is empty"),
            Self::NoPriceColumn => formatter.write_str(
                "this export has no column of prices; the detailed usage cost export has",
            ),
            Self::PriceBlock => {
                formatter.write_str("the price is for a block of units, not for one")
            }
            Self::NotANumber { column, text } => {
                write!(formatter, "column {column} holds `{text}`")
            }
            Self::TooManyDigits { column } => {
                write!(formatter, "column {column} has more digits than can be kept exactly")
            }
        }
    }
}
