//! Seeded weights of a stated scale.
//!
//! Only additions, multiplications, divisions and square roots are used, which IEEE 754
//! rounds alike everywhere: a logarithm or a cosine (for a normal distribution) would make the
//! bytes depend on the platform's mathematics library.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Draws the weights of one model, in the order of its layers.
pub(super) struct Weights(ChaCha8Rng);

impl Weights {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// One filter of `length` weights whose squares add up to `norm` squared.
    ///
    /// A `centred` filter adds up to 0: it does not see the part of its input that all its
    /// channels share. Without that, the mean that every rectifier leaves behind grows from
    /// layer to layer until a photo makes no difference any more.
    pub(super) fn filter(&mut self, length: usize, norm: f32, centred: bool) -> Vec<f32> {
        let mut filter: Vec<f32> = (0..length).map(|_| self.symmetric()).collect();
        if centred {
            let mean = filter.iter().sum::<f32>() / length as f32;
            filter.iter_mut().for_each(|weight| *weight -= mean);
        }
        let squares: f32 = filter.iter().map(|weight| weight * weight).sum();
        // A filter of nothing but zeros is left as it is; no seed is known to give one.
        let scale = if squares > 0.0 { norm / squares.sqrt() } else { 0.0 };
        filter.iter_mut().for_each(|weight| *weight *= scale);
        filter
    }

    /// A number between −1 and 1, one of 2²⁴ evenly spaced ones.
    pub(super) fn symmetric(&mut self) -> f32 {
        const STEP: f32 = 1.0 / (1 << 23) as f32;
        (self.0.next_u32() >> 8) as f32 * STEP - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_the_norm_asked_for_and_adds_up_to_zero_where_centred() {
        let mut weights = Weights::new(1);
        for (length, centred) in [(27, false), (576, true)] {
            let filter = weights.filter(length, 1.5, centred);
            let norm = filter.iter().map(|weight| f64::from(*weight).powi(2)).sum::<f64>().sqrt();
            assert!((norm - 1.5).abs() < 1e-5, "{norm}");
            assert_eq!(filter.iter().sum::<f32>().abs() < 1e-5, centred);
        }
    }

    #[test]
    fn draws_lie_on_both_sides_of_zero() {
        let mut weights = Weights::new(2);
        let draws: Vec<f32> = (0..10_000).map(|_| weights.symmetric()).collect();
        assert!(draws.iter().all(|draw| (-1.0..1.0).contains(draw)));
        assert!((draws.iter().sum::<f32>() / 10_000.0).abs() < 0.02);
    }
}
