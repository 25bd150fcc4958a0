//! Values drawn from a seed where the user gave none.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use weighbridge_experiment::TensorElement;

use crate::engine::Values;

/// Uniform values of a type, from `low` and less than `high`.
pub(super) fn draw(
    random: &mut ChaCha8Rng,
    element: TensorElement,
    count: usize,
    (low, high): (Option<f64>, Option<f64>),
) -> Values {
    let floating = matches!(element, TensorElement::F32 | TensorElement::F64);
    let low = low.unwrap_or(0.0);
    let high = high.unwrap_or(if floating { low + 1.0 } else { low + 2.0 });
    // 53 random bits are a double from 0 to just below 1.
    let mut next = || {
        let unit = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let value = low + (high - low) * unit;
        if floating { value } else { value.floor() }
    };
    let mut values = std::iter::repeat_with(&mut next).take(count);
    match element {
        TensorElement::F32 => Values::F32(values.map(|value| value as f32).collect()),
        TensorElement::F64 => Values::F64(values.collect()),
        TensorElement::I8 => Values::I8(values.map(|value| value as i8).collect()),
        TensorElement::U8 => Values::U8(values.map(|value| value as u8).collect()),
        TensorElement::I32 => Values::I32(values.map(|value| value as i32).collect()),
        TensorElement::I64 => Values::I64(values.map(|value| value as i64).collect()),
        TensorElement::Bool => Values::Bool(values.by_ref().map(|value| value >= 1.0).collect()),
    }
}
