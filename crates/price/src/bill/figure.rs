//! A number as a bill prints it, read exactly, with how it was printed: the last printed
//! digit decides to where a cost can be compared.

use std::fmt;

use rust_decimal::Decimal;

use super::product::Product;

/// Digits that a figure may have. A `Decimal` holds 28, which is too few here: Google prints
/// binary fractions such as 9.313225746154785e-17, whose last digit is the 33rd decimal place.
const DIGITS_MAX: usize = 38;

/// Powers of ten by which a figure may be moved; beyond it is no quantity of anything.
const EXPONENT_MAX: i32 = 99;

/// A decimal number, exact, with what is known about its print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Figure {
    /// Below zero. Never set for zero.
    pub(super) negative: bool,
    /// All digits but trailing zeros, below 10^38.
    pub(super) mantissa: u128,
    /// The value is mantissa ÷ 10^scale; negative for large round numbers.
    pub(super) scale: i32,
    /// Decimal places as printed, trailing zeros included; `5.2E-9` has ten.
    pub(super) printed_places: u32,
    /// Digits as printed from the first that is not zero on.
    pub(super) printed_digits: u32,
}

/// Why a cell that is not empty holds no figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FigureError {
    /// Letters, `NaN`, two points, a thousands separator.
    NotANumber,
    /// More digits than can be kept exactly.
    TooManyDigits,
}

impl Figure {
    /// One, exact.
    pub(super) const ONE: Self =
        Self { negative: false, mantissa: 1, scale: 0, printed_places: 0, printed_digits: 1 };

    /// Reads a cell: plain (`0.119`) or scientific (`1.0E-6`). Empty cells and `NULL` are no
    /// figure, never zero.
    pub(super) fn read(cell: &[u8]) -> Result<Option<Self>, FigureError> {
        let text = cell.trim_ascii();
        if is_missing(text) {
            return Ok(None);
        }
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (digits, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => (&text[..at], exponent(&text[at + 1..])?),
            None => (text, 0),
        };
        let (whole, fraction) = match digits.iter().position(|byte| *byte == b'.') {
            Some(at) => (&digits[..at], &digits[at + 1..]),
            None => (digits, &digits[..0]),
        };
        let plain = whole.iter().chain(fraction).all(u8::is_ascii_digit);
        if !plain || whole.len() + fraction.len() == 0 {
            return Err(FigureError::NotANumber);
        }
        Self::assemble(negative, whole, fraction, exponent).map(Some)
    }

    fn assemble(
        negative: bool,
        whole: &[u8],
        fraction: &[u8],
        exponent: i32,
    ) -> Result<Self, FigureError> {
        let digits = || whole.iter().chain(fraction);
        let printed_digits = digits().skip_while(|digit| **digit == b'0').count();
        let trailing = digits().rev().take_while(|digit| **digit == b'0').count();
        let places = i32::try_from(fraction.len()).map_err(|_| FigureError::TooManyDigits)?;
        let printed_places = u32::try_from((places - exponent).max(0)).unwrap_or_default();
        let printed_digits =
            u32::try_from(printed_digits).map_err(|_| FigureError::TooManyDigits)?;
        if printed_digits == 0 {
            let zero = Self { mantissa: 0, scale: 0, printed_places, printed_digits, ..Self::ONE };
            return Ok(zero);
        }
        let count = whole.len() + fraction.len() - trailing;
        let kept = digits().take(count).skip_while(|digit| **digit == b'0');
        if kept.clone().count() > DIGITS_MAX {
            return Err(FigureError::TooManyDigits);
        }
        let mantissa = kept.fold(0, |sum, digit| sum * 10 + u128::from(digit - b'0'));
        let dropped = i32::try_from(trailing).map_err(|_| FigureError::TooManyDigits)?;
        let scale = places - exponent - dropped;
        if scale.abs() > EXPONENT_MAX {
            return Err(FigureError::TooManyDigits);
        }
        Ok(Self { negative, mantissa, scale, printed_places, printed_digits })
    }

    pub(super) fn is_zero(&self) -> bool {
        self.mantissa == 0
    }

    /// Whether two figures are the same number, however printed.
    pub(super) fn same_value(&self, other: &Self) -> bool {
        (self.negative, self.mantissa, self.scale) == (other.negative, other.mantissa, other.scale)
    }

    /// Whether one is the other times ten, a hundred and so on, or divided by it.
    pub(super) fn is_tens_of(&self, other: &Self) -> bool {
        let digits = (self.negative, self.mantissa) == (other.negative, other.mantissa);
        digits && self.scale != other.scale
    }

    /// The same amount with the other sign.
    pub(super) fn negated(self) -> Self {
        Self { negative: !self.negative && !self.is_zero(), ..self }
    }

    /// The value, where 28 digits hold it.
    pub(super) fn decimal(&self) -> Option<Decimal> {
        let places = u32::try_from(self.scale.max(0)).ok()?;
        (places <= Decimal::MAX_SCALE).then(|| Product::of(self, &Self::ONE).rounded(places))?
    }

    /// Half a unit of the last printed digit, where the print used the whole width that
    /// providers cut figures to, so that digits may be missing. `0.1` is taken as exact.
    pub(super) fn half_unit(&self) -> Option<Decimal> {
        let cut = self.printed_places >= 9 || self.printed_digits >= 9;
        let scale = self.printed_places + 1;
        (cut && self.printed_places > 0 && scale <= Decimal::MAX_SCALE)
            .then(|| Decimal::new(5, scale))
    }
}

/// Whether a cell says that there is nothing: empty, or what databases write for that.
pub(super) fn is_missing(text: &[u8]) -> bool {
    text.is_empty() || text.eq_ignore_ascii_case(b"null") || text == b"\\N"
}

fn exponent(text: &[u8]) -> Result<i32, FigureError> {
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(FigureError::NotANumber);
    }
    // Four digits hold every exponent that is not refused later; more would overflow.
    let digits = &digits[digits.iter().take_while(|digit| **digit == b'0').count()..];
    if digits.len() > 4 {
        return Err(FigureError::TooManyDigits);
    }
    let value = digits.iter().fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'));
    Ok(if text.starts_with(b"-") { -value } else { value })
}

impl fmt::Display for FigureError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotANumber => "not a number",
            Self::TooManyDigits => "a number of more digits than can be kept exactly",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(text: &str) -> Figure {
        Figure::read(text.as_bytes()).expect("readable").expect("a figure")
    }

    #[test]
    fn what_bills_print() {
        let cases = [
            ("0.119", "0.119", 3, 3),
            ("1.0E-6", "0.000001", 7, 2),
            ("5.64902E-05", "0.0000564902", 10, 6),
            ("-0.14900000000", "-0.149", 11, 11),
            ("4651.000000000000000", "4651", 15, 19),
            ("701788848128.0", "701788848128", 1, 13),
            ("1.2E3", "1200", 0, 2),
            ("+.5", "0.5", 1, 1),
            ("7.", "7", 0, 1),
            ("0E-9", "0", 9, 0),
            ("-0.0", "0", 1, 0),
        ];
        for (text, value, places, digits) in cases {
            let figure = figure(text);
            assert_eq!(figure.decimal().expect("it fits").normalize().to_string(), value, "{text}");
            assert_eq!((figure.printed_places, figure.printed_digits), (places, digits), "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_not_zero() {
        for text in ["", "  ", "NULL", "null", "\\N"] {
            assert_eq!(Figure::read(text.as_bytes()), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in
            ["NaN", "inf", "-", ".", "1,5", "1 000", "0x10", "1e", "e5", "1.2.3", "--1", "1e5.0"]
        {
            assert_eq!(Figure::read(text.as_bytes()), Err(FigureError::NotANumber), "{text}");
        }
    }

    #[test]
    fn digits_are_never_dropped() {
        let longest = "9".repeat(DIGITS_MAX);
        assert_eq!(figure(&longest).mantissa, 10_u128.pow(38) - 1);
        for text in [format!("{longest}9"), "1e-100".to_owned(), "1e99999999999".to_owned()] {
            assert_eq!(Figure::read(text.as_bytes()), Err(FigureError::TooManyDigits), "{text}");
        }
        // Zeros carry nothing, however many.
        assert_eq!(figure(&format!("0.5{}", "0".repeat(200))).mantissa, 5);
    }
}
