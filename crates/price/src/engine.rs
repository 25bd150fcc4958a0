//! Cost of measured time, exact: no binary fraction touches money, and where a digit is
//! dropped, it is said.
//!
//! Only Equation 2 of the CLABO cost paper (docs/README.md, 001) stands here, the processor's share of a running instance:
//! `Cost_cpu^run(t, T) = P_cpu^T · t`, with the price of an hour of the instance type and a
//! duration. Minimum charges, whole-hour rules, storage and network belong to bills and are
//! not known here.

mod accrued;
mod time;

pub use accrued::{Accrued, COST_DECIMAL_PLACES};
pub use time::{LONGEST_SECONDS, seconds_from_f64};

use rust_decimal::Decimal;
use thiserror::Error;
use weighbridge_experiment::Money;

/// Why a cost could not be computed. No cost is ever guessed, rounded away or made 0.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CostError {
    /// A duration that is not one.
    #[error(
        "`{0}` is not a duration in seconds; a measured time is a finite number from 0 to 10^9"
    )]
    Duration(String),
    /// A price below zero.
    #[error("the price `{0}` is negative; a price is zero or more")]
    NegativePrice(String),
    /// More digits than can be kept exactly.
    #[error(
        "{hourly} per hour over {seconds} s has more than 28 digits and cannot be computed exactly; \
         write the price with fewer digits"
    )]
    TooManyDigits {
        /// The price of an hour.
        hourly: String,
        /// The duration in seconds.
        seconds: Decimal,
    },
    /// Two costs in different currencies.
    #[error("costs in {0} and {1} cannot be added; give all prices in one currency")]
    Currencies(String, String),
}

/// What `seconds` of an environment cost that costs `hourly` an hour: Equation 2 of paper
/// 001, rounded half up to [`COST_DECIMAL_PLACES`]. [`Accrued::of`] is the same without
/// rounding, for sums.
///
/// # Errors
///
/// [`CostError`] where the price or the duration is negative or has too many digits.
pub fn run_cost(hourly: &Money, seconds: Decimal) -> Result<Money, CostError> {
    Accrued::of(hourly, seconds)?.money()
}

/// What `count` inferences of `seconds_per_inference` each cost, rounded half up to
/// [`COST_DECIMAL_PLACES`] once, at the end. The measured time counts to the nanosecond.
///
/// # Errors
///
/// [`CostError`] where the time is not a duration, the price is negative, or the digits are
/// too many.
pub fn cost_of_inferences(
    hourly: &Money,
    seconds_per_inference: f64,
    count: u32,
) -> Result<Money, CostError> {
    let one = seconds_from_f64(seconds_per_inference)?;
    // At most 10^9 seconds with nine places, times 2^32: 28 digits, which a `Decimal` holds.
    let seconds = one
        .checked_mul(Decimal::from(count))
        .ok_or_else(|| CostError::TooManyDigits { hourly: hourly.to_string(), seconds: one })?;
    run_cost(hourly, seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().expect("an amount of money")
    }

    #[test]
    fn equation_two_by_hand() {
        // An hour costs its price; 20 minutes of t2.micro at 0.0116 are 0.0038666…
        assert_eq!(run_cost(&money("0.0116 USD"), Decimal::from(3_600)), Ok(money("0.0116 USD")));
        assert_eq!(
            run_cost(&money("0.0116 USD"), Decimal::from(1_200)),
            Ok(money("0.0038666667 USD"))
        );
        assert_eq!(run_cost(&money("0.0116 USD"), Decimal::ZERO), Ok(money("0 USD")));
    }

    #[test]
    fn halves_are_rounded_up() {
        // 0.00000018 × 1 ÷ 3600 = 0.00000000005, the half of the last place.
        assert_eq!(run_cost(&money("0.00000018 USD"), Decimal::ONE), Ok(money("0.0000000001 USD")));
        assert_eq!(run_cost(&money("0.00000017 USD"), Decimal::ONE), Ok(money("0 USD")));
    }

    #[test]
    fn a_thousand_inferences() {
        // 66 ms at 0.08925 an hour: 0.066 × 1000 × 0.08925 ÷ 3600.
        assert_eq!(
            cost_of_inferences(&money("0.08925 USD"), 0.066, 1_000),
            Ok(money("0.0016362500 USD"))
        );
    }

    #[test]
    fn what_is_no_time_or_no_price_has_no_cost() {
        let price = money("1 USD");
        for seconds in [f64::NAN, f64::INFINITY, -1.0e-9, 1.0e300] {
            assert!(matches!(cost_of_inferences(&price, seconds, 1), Err(CostError::Duration(_))));
        }
        assert!(matches!(run_cost(&price, Decimal::from(-1)), Err(CostError::Duration(_))));
        let negative = Money { amount: Decimal::from(-1), ..price };
        assert!(matches!(run_cost(&negative, Decimal::ONE), Err(CostError::NegativePrice(_))));
    }

    #[test]
    fn too_many_digits_are_refused_not_rounded() {
        let price = money("0.1234567890123456789012345678 USD");
        assert!(matches!(
            run_cost(&price, Decimal::new(1_234_567_891, 9)),
            Err(CostError::TooManyDigits { .. })
        ));
    }
}
