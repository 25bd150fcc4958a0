//! One line's cost computed anew, and the comparison.
//!
//! The rules were found on real bills, not in the providers' documents, which do not state
//! them: AWS rounds quantity × price half up to ten decimal places (half to even fails), Oracle
//! to eighteen, Google bills in steps of a millionth. Azure's exports print costs to as many
//! digits as the writer had room for, so there the print itself says where to compare.

use rust_decimal::Decimal;

use super::cause::{Cause, Unpriced};
use super::figure::Figure;
use super::product::Product;

/// To where a provider rounds a line's cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Ten decimal places; a line may be the sum of several rounded ones.
    Aws,
    /// Eighteen decimal places.
    Oci,
    /// Six decimal places.
    Gcp,
    /// As many as are printed, nine at least.
    Printed,
}

/// Places of [`Rule::Aws`].
const AWS_PLACES: u32 = 10;
/// Places of [`Rule::Oci`].
const OCI_PLACES: u32 = 18;
/// Places of [`Rule::Gcp`].
const GCP_PLACES: u32 = 6;
/// A cost printed with fewer places lost zeros at its end, not digits.
const PRINTED_PLACES_MIN: u32 = 9;
/// Units of the tenth place by which a sum of rounded records may be off: all lines of a real
/// legacy report are within that, and twenty records are needed to get there.
const SUM_UNITS_MAX: i64 = 10;

/// What one line says about its own cost.
#[derive(Debug, Clone)]
pub(super) struct Charge {
    pub(super) rule: Rule,
    pub(super) billed: Figure,
    pub(super) quantity: Figure,
    pub(super) price: Figure,
    /// The list price, where a lower one should be charged.
    pub(super) list_price: Option<Figure>,
    /// A second cost of the same quantity at the same price.
    pub(super) second_cost: Option<Figure>,
    /// The quantity in the other unit that the line prints, where one is a block of the other.
    pub(super) other_quantity: Option<Figure>,
    /// A commitment covers it.
    pub(super) committed: bool,
    /// It says that it refunds or corrects.
    pub(super) refund: bool,
    /// Heading of the cost's column, for messages.
    pub(super) cost_heading: String,
}

/// What the comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) billed: Decimal,
    pub(super) computed: Decimal,
    /// Nothing where the two agree to the last digit.
    pub(super) cause: Option<Cause>,
}

impl Charge {
    /// Computes the cost and compares.
    pub(super) fn judge(&self) -> Result<Verdict, Unpriced> {
        let too_long = || Unpriced::TooManyDigits { column: self.cost_heading.clone() };
        let billed = self.billed.decimal().ok_or_else(too_long)?;
        let product = Product::of(&self.quantity, &self.price);
        let computed = product.rounded(self.places()).ok_or_else(too_long)?;
        let cause = (computed != billed).then(|| self.cause(billed, computed, product));
        Ok(Verdict { billed: billed.normalize(), computed: computed.normalize(), cause })
    }

    /// Decimal places that the cost is compared at.
    fn places(&self) -> u32 {
        let printed = if self.billed.printed_digits >= PRINTED_PLACES_MIN {
            self.billed.printed_places
        } else {
            self.billed.printed_places.max(PRINTED_PLACES_MIN)
        };
        match self.rule {
            Rule::Aws => AWS_PLACES,
            Rule::Oci => OCI_PLACES,
            Rule::Gcp if self.billed.printed_places <= GCP_PLACES => GCP_PLACES,
            Rule::Gcp | Rule::Printed => printed.min(Decimal::MAX_SCALE),
        }
    }

    fn cause(&self, billed: Decimal, computed: Decimal, product: Product) -> Cause {
        if self.committed && billed.is_zero() {
            return Cause::CoveredByCommitment;
        }
        if self.rule == Rule::Aws && self.may_be_a_sum(billed, computed) {
            return Cause::SumOfRoundedRecords;
        }
        if let (Rule::Gcp, Some(exact)) = (self.rule, product.approximate())
            && self.places() == GCP_PLACES
            && (exact - billed).abs() < Decimal::new(1, GCP_PLACES)
        {
            return Cause::RoundedToStep;
        }
        if self.rule == Rule::Printed {
            if self.within_printed_digits(billed, product).unwrap_or(false) {
                return Cause::PrintedInputsRounded;
            }
            let places = self.billed.printed_places;
            if places >= 2 && !billed.is_zero() && product.rounded(places) == Some(billed) {
                return Cause::BilledFigureRounded;
            }
        }
        if self.is_product_of(billed, None, self.list_price) {
            return Cause::ListPriceBilled;
        }
        if self.is_product_of(billed, self.other_quantity, None) {
            return Cause::PricedPerBlock;
        }
        if self.refund && billed == -computed {
            return Cause::Refund;
        }
        Cause::Unexplained
    }

    fn may_be_a_sum(&self, billed: Decimal, computed: Decimal) -> bool {
        let confirmed = self.second_cost.is_none_or(|cost| cost.decimal() == Some(computed));
        confirmed && (billed - computed).abs() <= Decimal::new(SUM_UNITS_MAX, AWS_PLACES)
    }

    /// Whether the printed cost is possible given that quantity, price and cost were each cut
    /// to their printed digits: |b - q·p| ≤ |q|·u_p + |p|·u_q + u_q·u_p + u_b, with u half a unit of
    /// the last printed digit, zero for a short figure.
    fn within_printed_digits(&self, billed: Decimal, product: Product) -> Option<bool> {
        let quantity = Product::of(&self.quantity, &Figure::ONE).approximate()?.abs();
        let price = Product::of(&self.price, &Figure::ONE).approximate()?.abs();
        let open = [&self.quantity, &self.price].map(|input| input.half_unit().unwrap_or_default());
        let [open_quantity, open_price] = open;
        if open_quantity.is_zero() && open_price.is_zero() {
            return Some(false);
        }
        let room = quantity
            .checked_mul(open_price)?
            .checked_add(price.checked_mul(open_quantity)?)?
            .checked_add(open_quantity.checked_mul(open_price)?)?
            .checked_add(self.billed.half_unit().unwrap_or_default())?;
        Some(billed.checked_sub(product.approximate()?)?.abs() <= room)
    }

    /// Whether the cost follows from another quantity or another price of the same line.
    fn is_product_of(
        &self,
        billed: Decimal,
        quantity: Option<Figure>,
        price: Option<Figure>,
    ) -> bool {
        if quantity.is_none() && price.is_none() {
            return false;
        }
        let quantity = quantity.unwrap_or(self.quantity);
        let price = price.unwrap_or(self.price);
        Product::of(&quantity, &price).rounded(self.places()) == Some(billed)
    }
}
