use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

/// Why an amount of money could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// Not an amount followed by a currency.
    #[error("`{0}` is not an amount of money; write it as \"0.085 USD\"")]
    Format(String),
    /// The currency is not three letters.
    #[error("`{0}` is not a currency; use its three-letter ISO 4217 code, such as USD")]
    Currency(String),
    /// A price below zero.
    #[error("`{0}` is negative; a price is zero or more")]
    Negative(String),
}

/// A currency by its ISO 4217 code, three upper-case letters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Currency(String);

impl Currency {
    /// Checks that `code` is three letters and makes them upper case.
    pub fn new(code: &str) -> Result<Self, MoneyError> {
        if code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic()) {
            Ok(Self(code.to_ascii_uppercase()))
        } else {
            Err(MoneyError::Currency(code.to_owned()))
        }
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// An exact amount with its currency. Never a binary float.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    /// The amount, exact; a decimal string in JSON.
    #[serde(with = "rust_decimal::serde::str")]
    #[schemars(with = "String")]
    pub amount: Decimal,
    /// Its currency.
    pub currency: Currency,
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads `"0.085 USD"`; also `1.0E-6 USD`, since price lists write it so.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let mut words = text.split_whitespace();
        let (Some(amount), Some(currency), None) = (words.next(), words.next(), words.next())
        else {
            return Err(MoneyError::Format(text.to_owned()));
        };
        let amount = Decimal::from_str(amount)
            .or_else(|_| Decimal::from_scientific(amount))
            .map_err(|_| MoneyError::Format(text.to_owned()))?;
        if amount.is_sign_negative() && !amount.is_zero() {
            return Err(MoneyError::Negative(text.to_owned()));
        }
        Ok(Self { amount, currency: Currency::new(currency)? })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_exact() {
        let price: Money = "0.085 usd".parse().expect("a price");
        assert_eq!(price.to_string(), "0.085 USD");
        assert_eq!("1.0E-6 USD".parse::<Money>().expect("a price").amount, Decimal::new(10, 7));
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        assert_eq!("0.085".parse::<Money>(), Err(MoneyError::Format("0.085".into())));
        assert_eq!("1 dollar".parse::<Money>(), Err(MoneyError::Currency("dollar".into())));
        assert_eq!("-1 USD".parse::<Money>(), Err(MoneyError::Negative("-1 USD".into())));
    }

    proptest! {
        #[test]
        fn reading_money_never_panics(text in "\\PC*") {
            let _ = text.parse::<Money>();
        }

        #[test]
        fn money_survives_a_round_trip(mantissa in 0_i64..i64::MAX, scale in 0_u32..18) {
            let money = Money {
                amount: Decimal::new(mantissa, scale),
                currency: Currency::new("EUR").expect("a currency"),
            };
            prop_assert_eq!(money.to_string().parse::<Money>(), Ok(money));
        }
    }
}
