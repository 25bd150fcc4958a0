//! From values to places on an axis, and the values at which an axis is labelled.

/// An axis from `low` to `high` over pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    left: f64,
    right: f64,
}

impl Scale {
    pub(crate) fn new((low, high): (f64, f64), (left, right): (f64, f64)) -> Self {
        Self { low, high, left, right }
    }

    /// The place of a value.
    pub(crate) fn at(&self, value: f64) -> f64 {
        self.left + (value - self.low) / (self.high - self.low) * (self.right - self.left)
    }

    /// The value at a place.
    pub(crate) fn value(&self, place: f64) -> f64 {
        self.low + (place - self.left) / (self.right - self.left) * (self.high - self.low)
    }

    /// About `count` values that are round when divided by `unit`, all within the axis.
    pub(crate) fn ticks(&self, count: usize, unit: f64) -> Vec<f64> {
        linear_ticks(self.low / unit, self.high / unit, count)
            .into_iter()
            .map(|tick| tick * unit)
            .collect()
    }
}

/// A step of 1, 2 or 5 times a power of ten that divides a span into about `count` parts.
fn round_step(span: f64, count: usize) -> f64 {
    let raw = span / count.max(1) as f64;
    let power = 10_f64.powf(raw.log10().floor());
    let factor =
        [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| raw <= factor * power * (1.0 + 1e-9));
    factor.unwrap_or(10.0) * power
}

fn linear_ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    if !(high > low && (high - low).is_finite()) {
        return vec![low];
    }
    let step = round_step(high - low, count);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|index| index as f64 * step).collect()
}

/// The end of an axis that starts at 0 and holds `largest` with some room: a round value.
pub(crate) fn round_end(largest: f64) -> f64 {
    if largest <= 0.0 || !largest.is_finite() {
        return 1.0;
    }
    let step = round_step(largest * 1.02, 5);
    (largest * 1.02 / step).ceil() * step
}

/// Decimals with which neighbouring ticks differ.
pub(crate) fn decimals(ticks: &[f64]) -> usize {
    let step = ticks.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(f64::INFINITY, f64::min);
    if !step.is_finite() || step <= 0.0 {
        0
    } else {
        (-(step * 1.000_001).log10().floor()).clamp(0.0, 9.0) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            Scale::new((0.0, 10.0), (0.0, 1.0)).ticks(5, 1.0),
            [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
        );
        assert_eq!(Scale::new((0.0, 150.0), (0.0, 1.0)).ticks(3, 60.0), [0.0, 60.0, 120.0]);
        assert!((round_end(97.0) - 100.0).abs() < 1e-9);
        assert_eq!(decimals(&[0.0, 0.5, 1.0]), 1);
    }

    proptest! {
        #[test]
        fn ticks_lie_on_the_axis_and_are_few(low in 1e-6_f64..1e3, span in 1.000_1_f64..1e6, count in 2_usize..9) {
            let scale = Scale::new((low, low * span), (0.0, 500.0));
            let ticks = scale.ticks(count, 1.0);
            prop_assert!(ticks.len() <= count + 2);
            for tick in ticks {
                prop_assert!((-0.1..=500.1).contains(&scale.at(tick)), "{tick}");
            }
        }
    }
}
