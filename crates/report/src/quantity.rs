//! Numbers with units, as people read them: about four significant digits, one unit for a
//! group of values that stand together. Does not know what is measured.

use rust_decimal::{Decimal, RoundingStrategy};

/// A unit of time for a group of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TimeUnit {
    /// Multiplies seconds.
    pub(crate) factor: f64,
    /// Its sign.
    pub(crate) name: &'static str,
}

impl TimeUnit {
    /// The unit in which `seconds` is at least 1.
    pub(crate) fn for_seconds(seconds: f64) -> Self {
        match seconds {
            long if long >= 1.0 => Self { factor: 1.0, name: "s" },
            medium if medium >= 1e-3 => Self { factor: 1e3, name: "ms" },
            _ => Self { factor: 1e6, name: "µs" },
        }
    }
}

/// A number with about `digits` significant digits, never in exponents.
pub(crate) fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let decimals = (digits - 1 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    format!("{value:.decimals$}")
}

/// A duration: `1.234 s`, `308.1 ms`, `45.10 µs`.
pub(crate) fn seconds(value: f64) -> String {
    let unit = TimeUnit::for_seconds(value.abs());
    format!("{} {}", significant(value * unit.factor, 4), unit.name)
}

/// A duration in three significant digits, for narrow columns.
pub(crate) fn short_seconds(value: f64) -> String {
    let unit = TimeUnit::for_seconds(value.abs());
    format!("{} {}", significant(value * unit.factor, 3), unit.name)
}

/// A duration given in milliseconds.
pub(crate) fn milliseconds(value: f64) -> String {
    seconds(value / 1e3)
}

/// Per cent of one core: `187 %`, `9.3 %`.
pub(crate) fn percent(value: f64) -> String {
    if value.abs() >= 10.0 { format!("{value:.0} %") } else { format!("{value:.1} %") }
}

/// Bytes in binary units, one decimal below 100: `142 MiB`, `8.3 GiB`.
pub(crate) fn bytes(value: u64) -> String {
    let mut number = value as f64;
    let mut units = ["B", "KiB", "MiB", "GiB"].into_iter();
    let mut unit = units.next().unwrap_or("B");
    for larger in units {
        if number < 1024.0 {
            break;
        }
        number /= 1024.0;
        unit = larger;
    }
    if number >= 100.0 || unit == "B" {
        format!("{number:.0} {unit}")
    } else {
        format!("{number:.1} {unit}")
    }
}

/// Half of an interval as a share of its centre: `± 0.8 %`.
pub(crate) fn half_width(centre: f64, interval: [f64; 2]) -> String {
    if centre == 0.0 {
        return "–".to_owned();
    }
    let share = 50.0 * (interval[1] - interval[0]) / centre;
    if share >= 100.0 { format!("± {share:.0} %") } else { format!("± {share:.1} %") }
}

/// An amount of money, given as a decimal string, with three significant digits.
pub(crate) fn amount(exact: &str) -> String {
    exact
        .parse::<Decimal>()
        .ok()
        .and_then(|exact| exact.round_sf_with_strategy(3, RoundingStrategy::MidpointNearestEven))
        .map_or_else(|| exact.to_owned(), |rounded| rounded.normalize().to_string())
}

/// The same with its currency.
pub(crate) fn money(exact: &str, currency: &str) -> String {
    format!("{} {currency}", amount(exact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_carry_their_unit() {
        assert_eq!(seconds(1.2344), "1.234 s");
        assert_eq!(seconds(0.3081), "308.1 ms");
        assert_eq!(seconds(0.000_045_1), "45.10 µs");
        assert_eq!(percent(187.4), "187 %");
        assert_eq!(bytes(148_897_792), "142 MiB");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(half_width(2.0, [1.9, 2.1]), "± 5.0 %");
        assert_eq!(money("0.0072513", "USD"), "0.00725 USD");
        assert_eq!(money("12345.6", "USD"), "12300 USD");
    }
}
