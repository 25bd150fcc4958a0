use std::fmt;

use rust_decimal::Decimal;
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A decimal in a price list: text, or a JSON number.
///
/// A JSON number passes through 64 bits of binary fraction on its way, which keeps up to 15
/// significant digits whatever they are; one that comes out longer was longer, and is refused
/// rather than taken as something near it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Amount(pub(super) Decimal);

const DIGITS_MAX: usize = 15;

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an amount, as a number or as text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
        read(text).ok_or_else(|| E::custom(format!("`{text}` is not an exact amount")))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Amount, E> {
        Ok(Amount(Decimal::from(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Amount, E> {
        Ok(Amount(Decimal::from(value)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Amount, E> {
        // The shortest text that gives the same binary fraction.
        let text = format!("{value}");
        let digits = text.trim_start_matches(['-', '0', '.']).matches(char::is_numeric).count();
        if digits > DIGITS_MAX {
            return Err(E::custom(format!("{text} has more than {DIGITS_MAX} digits")));
        }
        self.visit_str(&text)
    }
}

/// Reads `0.0230000000` or `1.0E-6`, without zeros at its end.
pub(super) fn read(text: &str) -> Option<Amount> {
    let parsed = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    parsed.ok().map(|value| Amount(value.normalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_or_refused() {
        let read = |json: &str| serde_json::from_str::<Amount>(json).map(|a| a.0.to_string());
        for (json, value) in [
            ("0.808", "0.808"),
            ("2.1504", "2.1504"),
            ("0", "0"),
            ("\"0.0230000000\"", "0.023"),
            ("1e-7", "0.0000001"),
            ("123456789.012345", "123456789.012345"),
            ("\"1.0E-6\"", "0.000001"),
        ] {
            assert_eq!(read(json).expect(json), value);
        }
        for json in ["0.1234567890123456789", "\"free\"", "true", "1e400", "\"NaN\""] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
