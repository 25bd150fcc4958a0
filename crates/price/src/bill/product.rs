//! The product of two printed figures, exact, then rounded once.
//!
//! `Decimal` keeps 28 digits and silently rounds a longer product, half to even: 18 places of
//! quantity times 18 of price, as Oracle prints them, have 36, and rounding twice can turn
//! the last digit. So the product is kept in 256 bits and rounded half up from there.

use rust_decimal::Decimal;

use super::figure::Figure;

/// Largest power of ten in 64 bits.
const CHUNK: u32 = 19;

/// Quantity × price before any rounding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product {
    negative: bool,
    /// Least significant first.
    limbs: [u64; 4],
    /// The value is limbs ÷ 10^scale.
    scale: i32,
}

impl Product {
    pub(super) fn of(a: &Figure, b: &Figure) -> Self {
        let halves = |value: u128| [low(value), low(value >> 64)];
        let mut limbs = [0_u64; 4];
        for (i, x) in halves(a.mantissa).into_iter().enumerate() {
            let mut carry = 0;
            for (j, y) in halves(b.mantissa).into_iter().enumerate() {
                // At most (2^64 - 1)² + 2 (2^64 - 1) = 2^128 - 1.
                let sum = u128::from(x) * u128::from(y) + u128::from(limbs[i + j]) + carry;
                limbs[i + j] = low(sum);
                carry = sum >> 64;
            }
            limbs[i + 2] = low(carry);
        }
        Self { negative: a.negative != b.negative, limbs, scale: a.scale + b.scale }
    }

    /// Rounded half up, away from zero, to so many decimal places. Nothing where the result
    /// has more digits than a `Decimal` holds.
    pub(super) fn rounded(mut self, places: u32) -> Option<Decimal> {
        let wanted = i32::try_from(places).ok()?;
        if self.scale < 0 {
            for _ in self.scale..0 {
                self.multiply_by_ten()?;
            }
            self.scale = 0;
        }
        let mut up = false;
        if self.scale > wanted {
            let mut surplus = u32::try_from(self.scale - wanted).ok()? - 1;
            while surplus > 0 {
                let step = surplus.min(CHUNK);
                self.divide(10_u64.pow(step));
                surplus -= step;
            }
            up = self.divide(10) >= 5;
            self.scale = wanted;
        }
        if self.limbs[2] != 0 || self.limbs[3] != 0 {
            return None;
        }
        let magnitude = u128::from(self.limbs[0]) | u128::from(self.limbs[1]) << 64;
        let magnitude = i128::try_from(magnitude).ok()?.checked_add(i128::from(up))?;
        let signed = if self.negative { -magnitude } else { magnitude };
        Decimal::try_from_i128_with_scale(signed, u32::try_from(self.scale).ok()?).ok()
    }

    /// The value to as many places as fit: for tolerances and messages, never for a verdict.
    pub(super) fn approximate(self) -> Option<Decimal> {
        (0..=Decimal::MAX_SCALE).rev().find_map(|places| self.rounded(places))
    }

    fn multiply_by_ten(&mut self) -> Option<()> {
        let mut carry = 0;
        for limb in &mut self.limbs {
            let sum = u128::from(*limb) * 10 + carry;
            *limb = low(sum);
            carry = sum >> 64;
        }
        (carry == 0).then_some(())
    }

    /// Divides in place and gives the remainder.
    fn divide(&mut self, divisor: u64) -> u64 {
        let mut remainder = 0;
        for limb in self.limbs.iter_mut().rev() {
            let value = (u128::from(remainder) << 64) | u128::from(*limb);
            *limb = low(value / u128::from(divisor));
            remainder = low(value % u128::from(divisor));
        }
        remainder
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
fn low(value: u128) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn figure(text: &str) -> Figure {
        Figure::read(text.as_bytes()).expect("readable").expect("a figure")
    }

    fn rounded(a: &str, b: &str, places: u32) -> String {
        Product::of(&figure(a), &figure(b)).rounded(places).expect("it fits").to_string()
    }

    #[test]
    fn by_hand() {
        assert_eq!(rounded("0.01111111110", "0.119", 10), "0.0013222222");
        // 0.5 of the last place goes up, away from zero on both sides.
        assert_eq!(rounded("0.00000000005", "1", 10), "0.0000000001");
        assert_eq!(rounded("-0.00000000005", "1", 10), "-0.0000000001");
        assert_eq!(rounded("0.00000000004999", "1", 10), "0.0000000000");
        assert_eq!(rounded("2E6", "1.5E3", 2), "3000000000");
    }

    #[test]
    fn thirty_six_places_are_rounded_once() {
        // Exact: …0.5 less one unit of the 36th place. Rounded to 28 places first, the half
        // would be reached and the last digit turned.
        let a = "0.000000000000000001";
        let b = "0.499999999999999999";
        assert_eq!(rounded(a, b, 18), "0.000000000000000000");
        assert_eq!(rounded(a, "0.5", 18), "0.000000000000000001");
        let through_decimal = (figure(a).decimal().expect("a") * figure(b).decimal().expect("b"))
            .round_dp_with_strategy(18, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
        assert_eq!(through_decimal.to_string(), "0.000000000000000001", "why this file exists");
    }

    #[test]
    fn what_does_not_fit_is_nothing() {
        let large = figure("1E38");
        assert_eq!(Product::of(&large, &large).rounded(0), None);
        assert_eq!(Product::of(&figure("1E99"), &figure("1E99")).rounded(0), None);
        assert_eq!(rounded("1E-99", "1E-99", 28), "0.0000000000000000000000000000");
    }

    proptest! {
        /// Whole numbers against plain 128-bit arithmetic, done in another way.
        #[test]
        fn agrees_with_plain_integers(
            a in -9_999_999_999_i64..9_999_999_999,
            b in -9_999_999_999_i64..9_999_999_999,
            a_places in 0_u32..12,
            b_places in 0_u32..12,
            places in 0_u32..8,
        ) {
            let print = |value: i64, places: u32| format!("{value}e-{places}");
            let product = i128::from(a) * i128::from(b) * 10_i128.pow(places);
            let unit = 10_i128.pow(a_places + b_places);
            let half = if product < 0 { -unit / 2 } else { unit / 2 };
            let expected = Decimal::from_i128_with_scale((product + half) / unit, places);
            let got = Product::of(&figure(&print(a, a_places)), &figure(&print(b, b_places)))
                .rounded(places);
            prop_assert_eq!(got, Some(expected));
        }

        #[test]
        fn never_panics(a in any::<u128>(), b in any::<u128>(), scale in -99_i32..99, places in 0_u32..40) {
            let figure = |mantissa: u128, scale| Figure { mantissa: mantissa % 10_u128.pow(38), scale, ..Figure::ONE };
            let product = Product::of(&figure(a, scale), &figure(b, -scale / 2));
            let _ = product.rounded(places);
            let _ = product.approximate();
        }
    }
}
