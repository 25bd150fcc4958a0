use weighbridge_experiment::{MoneyError, PriceSource, PriceSpec, ResolvedPrice};

use crate::{PriceBook, PriceError};

/// The price that the user named, with its source, to be kept in the record of the run.
///
/// # Errors
///
/// [`PriceError::Unknown`] with the nearest entries, [`PriceError::Amount`] where the
/// user's own price is below zero.
pub fn resolve(spec: &PriceSpec, book: &PriceBook) -> Result<ResolvedPrice, PriceError> {
    match spec {
        PriceSpec::Entry(entry) => book.quote(entry),
        // An amount that was parsed from text is never negative; one read from JSON may be.
        PriceSpec::Hourly(hourly)
            if hourly.amount.is_sign_negative() && !hourly.amount.is_zero() =>
        {
            Err(PriceError::Amount(MoneyError::Negative(hourly.to_string())))
        }
        PriceSpec::Hourly(hourly) => {
            Ok(ResolvedPrice { hourly: hourly.clone(), source: PriceSource::User })
        }
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;
    use weighbridge_experiment::{Currency, Money};

    use super::*;

    #[test]
    fn the_users_own_price_is_taken_as_it_is() {
        let hourly: Money = "0.085 USD".parse().expect("a price");
        let resolved =
            resolve(&PriceSpec::Hourly(hourly.clone()), PriceBook::shipped()).expect("a price");
        assert_eq!(resolved, ResolvedPrice { hourly, source: PriceSource::User });
    }

    #[test]
    fn a_price_below_zero_is_refused() {
        let hourly =
            Money { amount: Decimal::new(-1, 2), currency: Currency::new("USD").expect("USD") };
        assert!(matches!(
            resolve(&PriceSpec::Hourly(hourly), PriceBook::shipped()),
            Err(PriceError::Amount(MoneyError::Negative(_)))
        ));
    }

    #[test]
    fn an_entry_is_looked_up_and_never_guessed() {
        let spec = |name: &str| PriceSpec::Entry(name.to_owned());
        let known =
            resolve(&spec("aws/us-east-1/c7i.large"), PriceBook::shipped()).expect("an entry");
        assert_eq!(known.hourly.to_string(), "0.08925 USD");
        assert!(resolve(&spec("aws/us-east-1/c7i.larg"), PriceBook::shipped()).is_err());
    }
}
