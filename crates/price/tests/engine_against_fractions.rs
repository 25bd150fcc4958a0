//! The engine against a second implementation that shares no code with it: plain fractions
//! of 128-bit integers.

use proptest::prelude::*;
use rust_decimal::Decimal;
use weighbridge_experiment::{Currency, Money};
use weighbridge_price::engine::Accrued;
use weighbridge_price::{cost_of_inferences, run_cost, seconds_from_f64};

const LAST_PLACE: i128 = 10_000_000_000;

fn usd(units: u64, places: u32) -> Money {
    let amount = Decimal::from_i128_with_scale(i128::from(units), places);
    Money { amount, currency: Currency::new("USD").expect("a currency") }
}

/// price / 10^9 × nanoseconds / 10^9 / 3600 in units of 10^-10, half up.
fn by_fractions(price_billionths: u64, nanoseconds: u64) -> i128 {
    let numerator = i128::from(price_billionths) * i128::from(nanoseconds) * LAST_PLACE;
    let denominator = 3_600 * 1_000_000_000_i128 * 1_000_000_000;
    (2 * numerator + denominator).div_euclid(2 * denominator)
}

fn seconds(nanoseconds: u64) -> Decimal {
    Decimal::from_i128_with_scale(i128::from(nanoseconds), 9)
}

// At most 1,000 a hour and 11 days: the plain fractions stay inside 128 bits.
prop_compose! {
    fn price()(units in 0_u64..1_000_000_000_000) -> u64 { units }
}
prop_compose! {
    fn time()(nanoseconds in 0_u64..1_000_000_000_000_000) -> u64 { nanoseconds }
}

proptest! {
    #[test]
    fn the_engine_agrees_with_plain_fractions(price in price(), time in time()) {
        let cost = run_cost(&usd(price, 9), seconds(time)).expect("it can be computed");
        let expected = Decimal::from_i128_with_scale(by_fractions(price, time), 10);
        prop_assert_eq!(cost.amount, expected);
    }

    #[test]
    fn parts_cost_what_the_whole_costs(price in price(), first in time(), second in time()) {
        let accrue = |time| Accrued::of(&usd(price, 9), seconds(time)).expect("it can be computed");
        let sum = accrue(first).plus(&accrue(second)).expect("one currency");
        prop_assert_eq!(sum.money(), accrue(first + second).money());
    }

    #[test]
    fn more_time_or_a_higher_price_never_costs_less(
        prices in (price(), price()), times in (time(), time()),
    ) {
        let (low, high) = (prices.0.min(prices.1), prices.0.max(prices.1));
        let (short, long) = (times.0.min(times.1), times.0.max(times.1));
        let cost = |price, time| run_cost(&usd(price, 9), seconds(time)).expect("it can be computed").amount;
        prop_assert!(cost(low, short) <= cost(low, long));
        prop_assert!(cost(low, long) <= cost(high, long));
    }

    #[test]
    fn no_time_and_no_price_cost_nothing(price in price(), time in time()) {
        prop_assert!(run_cost(&usd(price, 9), Decimal::ZERO).expect("zero").amount.is_zero());
        prop_assert!(run_cost(&usd(0, 9), seconds(time)).expect("zero").amount.is_zero());
    }

    #[test]
    fn any_float_any_count_any_price_gives_a_cost_or_an_error(
        bits in any::<u64>(), count in any::<u32>(), mantissa in any::<u64>(), places in 0_u32..=28,
    ) {
        let time = f64::from_bits(bits);
        let cost = cost_of_inferences(&usd(mantissa, places), time, count);
        if !(0.0..=1.0e9).contains(&time) {
            prop_assert!(cost.is_err());
        }
    }

    #[test]
    fn a_thousand_inferences_are_a_thousand_times_one(price in price(), nanoseconds in 0_u64..10_000_000_000) {
        let one = nanoseconds as f64 / 1.0e9;
        let exact = seconds_from_f64(one).expect("a time");
        prop_assert_eq!(exact, seconds(nanoseconds));
        let thousand = cost_of_inferences(&usd(price, 9), one, 1_000).expect("it can be computed");
        prop_assert_eq!(thousand.amount, Decimal::from_i128_with_scale(by_fractions(price, nanoseconds * 1_000), 10));
    }
}
