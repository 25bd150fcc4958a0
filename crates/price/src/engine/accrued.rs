use rust_decimal::Decimal;
use weighbridge_experiment::{Currency, Money};

use super::CostError;

/// Decimal places of a cost, as AWS bills carry.
pub const COST_DECIMAL_PLACES: u32 = 10;

const SECONDS_PER_HOUR: i128 = 3_600;

/// A cost before it is rounded: price of an hour × seconds, still to be divided by 3,600.
///
/// That quotient is seldom a finite decimal, so it is taken once, when money is asked for.
/// Until then sums are exact: a run cut into parts costs what the whole costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accrued {
    hourly_times_seconds: Decimal,
    currency: Currency,
}

impl Accrued {
    /// `P_cpu^T · t`, Equation 2 of the CLABO cost paper, exact.
    ///
    /// # Errors
    ///
    /// [`CostError`] where one of the two is negative, or the product has more digits than
    /// a `Decimal` holds (96 bits, 28 places).
    pub fn of(hourly: &Money, seconds: Decimal) -> Result<Self, CostError> {
        if hourly.amount < Decimal::ZERO {
            return Err(CostError::NegativePrice(hourly.to_string()));
        }
        if seconds < Decimal::ZERO {
            return Err(CostError::Duration(seconds.to_string()));
        }
        let product = exact_product(hourly.amount.normalize(), seconds.normalize())
            .ok_or_else(|| CostError::TooManyDigits { hourly: hourly.to_string(), seconds })?;
        Ok(Self { hourly_times_seconds: product, currency: hourly.currency.clone() })
    }

    /// The two together, exact.
    ///
    /// # Errors
    ///
    /// [`CostError::Currencies`] where they differ, [`CostError::TooManyDigits`].
    pub fn plus(&self, other: &Self) -> Result<Self, CostError> {
        if self.currency != other.currency {
            return Err(CostError::Currencies(
                self.currency.to_string(),
                other.currency.to_string(),
            ));
        }
        let (a, b) = (self.hourly_times_seconds, other.hourly_times_seconds);
        let sum = a.checked_add(b).filter(|sum| sum.scale() >= a.scale().max(b.scale()));
        let hourly_times_seconds = sum.ok_or_else(|| self.too_many_digits())?;
        Ok(Self { hourly_times_seconds, currency: self.currency.clone() })
    }

    /// The amount of money, rounded half up to [`COST_DECIMAL_PLACES`].
    ///
    /// # Errors
    ///
    /// [`CostError::TooManyDigits`] where it needs more than 28 digits.
    pub fn money(&self) -> Result<Money, CostError> {
        let scale = self.hourly_times_seconds.scale();
        // numerator ÷ denominator, in units of the last place.
        let (numerator, denominator) = if scale > COST_DECIMAL_PLACES {
            let factor = power_of_ten(scale - COST_DECIMAL_PLACES);
            (Some(self.hourly_times_seconds.mantissa()), factor.checked_mul(SECONDS_PER_HOUR))
        } else {
            let factor = power_of_ten(COST_DECIMAL_PLACES - scale);
            (self.hourly_times_seconds.mantissa().checked_mul(factor), Some(SECONDS_PER_HOUR))
        };
        let rounded = numerator.zip(denominator).map(|(numerator, denominator)| {
            // Half up without doubling the numerator, which might not fit.
            let (quotient, rest) = (numerator / denominator, numerator % denominator);
            quotient + i128::from(rest >= denominator - rest)
        });
        let amount = rounded
            .and_then(|units| Decimal::try_from_i128_with_scale(units, COST_DECIMAL_PLACES).ok());
        let amount = amount.ok_or_else(|| self.too_many_digits())?;
        Ok(Money { amount, currency: self.currency.clone() })
    }

    fn too_many_digits(&self) -> CostError {
        CostError::TooManyDigits {
            hourly: format!("1 {}", self.currency),
            seconds: self.hourly_times_seconds,
        }
    }
}

/// The product without the silent rounding of `Decimal`'s own operator.
fn exact_product(a: Decimal, b: Decimal) -> Option<Decimal> {
    let mantissa = a.mantissa().checked_mul(b.mantissa())?;
    Decimal::try_from_i128_with_scale(mantissa, a.scale() + b.scale()).ok()
}

/// `exponent` is at most 28, the most places of a `Decimal`.
fn power_of_ten(exponent: u32) -> i128 {
    10_i128.pow(exponent)
}
