use rust_decimal::Decimal;

use super::CostError;

/// The longest time that is taken, about 31 years: what is longer is a broken clock.
pub const LONGEST_SECONDS: f64 = 1.0e9;

const NANOSECONDS: f64 = 1.0e9;

/// A measured time in seconds as a decimal, rounded to the nearest nanosecond, which is all
/// that a clock gives.
///
/// # Errors
///
/// [`CostError::Duration`] for NaN, the infinities, anything below zero or above
/// [`LONGEST_SECONDS`].
pub fn seconds_from_f64(seconds: f64) -> Result<Decimal, CostError> {
    if !(0.0..=LONGEST_SECONDS).contains(&seconds) {
        return Err(CostError::Duration(seconds.to_string()));
    }
    // Whole seconds apart: the fraction alone, times 10^9, is exact far below a nanosecond,
    // the whole number would not be.
    let whole = seconds.trunc();
    let nanoseconds = ((seconds - whole) * NANOSECONDS).round();
    // Both are whole numbers from 0 to 10^9.
    Ok(Decimal::from(whole as u64) + Decimal::new(nanoseconds as i64, 9))
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_kept_to_the_nanosecond() {
        let exact = |text| Ok(Decimal::from_str(text).expect("a decimal"));
        assert_eq!(seconds_from_f64(0.1), exact("0.1"));
        assert_eq!(seconds_from_f64(0.000_000_000_4), exact("0"));
        assert_eq!(seconds_from_f64(0.000_000_000_6), exact("0.000000001"));
        assert_eq!(seconds_from_f64(0.999_999_999_9), exact("1"));
        assert_eq!(seconds_from_f64(1_234_567.890_123_456), exact("1234567.890123456"));
        assert_eq!(seconds_from_f64(LONGEST_SECONDS), exact("1000000000"));
        assert_eq!(seconds_from_f64(-0.0), exact("0"));
    }

    proptest! {
        #[test]
        fn any_float_is_a_time_or_an_error(bits in any::<u64>()) {
            let seconds = f64::from_bits(bits);
            prop_assert_eq!(seconds_from_f64(seconds).is_ok(), (0.0..=LONGEST_SECONDS).contains(&seconds));
        }

        #[test]
        fn whole_nanoseconds_survive(nanoseconds in 0_u64..1_000_000_000_000_000) {
            let seconds = nanoseconds as f64 / NANOSECONDS;
            let expected = Decimal::new(i64::try_from(nanoseconds).expect("it fits"), 9);
            prop_assert_eq!(seconds_from_f64(seconds), Ok(expected.normalize()));
        }

        #[test]
        fn order_is_kept(a in 0.0..1.0e9_f64, b in 0.0..1.0e9_f64) {
            let (low, high) = if a <= b { (a, b) } else { (b, a) };
            prop_assert!(seconds_from_f64(low)? <= seconds_from_f64(high)?);
        }
    }
}
