//! Paired comparison by a sign-flip permutation test, and the interval that it gives.
//!
//! Within a block the order of trials is drawn at random. If two environments did not
//! differ, it would be chance which of a block's two times carries which name, so the sign
//! of each log-ratio dᵢ = ln(bᵢ ÷ aᵢ) could as well be the other one: the test uses exactly
//! the randomness that the design put in, and assumes no shape of the noise.
//!
//! The statistic is the studentised mean T(μ) = m ÷ (s ÷ √n) of dᵢ − μ. Flipping signs leaves
//! the sum of squares as it is, so |T| grows with |m| alone and comparing |T| is comparing
//! sums. A flip splits the dᵢ into kept and turned ones, and its |T| is at least the observed
//! one exactly while μ lies between the means of the two parts (both enclose the mean of all).
//! So p(μ) counts the flips whose span holds μ, rises up to the mean and falls after it, and
//! the interval {μ : p(μ) > 0.05} ends at order statistics of the spans' ends: no search, and
//! test and interval cannot disagree. Compare Hartigan (1969) on subset means.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Fewest pairs with which 5 % can be reached at all: of 2⁶ flips 2 look as extreme as the
/// most extreme observation, of 2⁵ it is 2 of 32 > 5 %.
pub const FEWEST_PAIRS: usize = 6;

/// Up to so many pairs every flip is counted; beyond, seeded random ones.
const MOST_PAIRS_ENUMERATED: usize = 12;

/// Random flips, besides the one that flips nothing.
const RANDOM_FLIPS: usize = 4_999;

/// Test level, and 1 − the confidence of the interval.
const LEVEL: f64 = 0.05;

/// What the test says about the mean of the log-ratios.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignFlip {
    /// 95 % interval of the mean log-ratio.
    pub interval: (f64, f64),
    /// p of "the mean is 0".
    pub p_value: f64,
}

impl SignFlip {
    /// Whether 0 lies outside the interval; the same as p ≤ 0.05.
    #[must_use]
    pub fn detected(&self) -> bool {
        self.interval.0 > 0.0 || self.interval.1 < 0.0
    }
}

/// Tests the log-ratios of pairs. `None` below [`FEWEST_PAIRS`]. The same seed gives the
/// same answer.
#[must_use]
pub fn sign_flip_95(log_ratios: &[f64], seed: u64) -> Option<SignFlip> {
    if log_ratios.len() < FEWEST_PAIRS {
        return None;
    }
    let spans = if log_ratios.len() <= MOST_PAIRS_ENUMERATED {
        all_spans(log_ratios)
    } else {
        random_spans(log_ratios, seed)
    };
    let beyond = (LEVEL * spans.len() as f64).floor() as usize;
    let mut lows: Vec<f64> = spans.iter().map(|span| span.0).collect();
    let mut highs: Vec<f64> = spans.iter().map(|span| span.1).collect();
    let (_, low, _) = lows.select_nth_unstable_by(beyond, f64::total_cmp);
    let (_, high, _) = highs.select_nth_unstable_by(beyond, |x, y| y.total_cmp(x));
    let holding = spans.iter().filter(|span| span.0 <= 0.0 && 0.0 <= span.1).count();
    Some(SignFlip { interval: (*low, *high), p_value: holding as f64 / spans.len() as f64 })
}

/// The span of μ over which a flip is at least as extreme as what was observed.
fn span(log_ratios: &[f64], turned: impl Fn(usize) -> bool) -> (f64, f64) {
    let (mut kept_sum, mut kept_count, mut turned_sum, mut turned_count) = (0.0, 0_u32, 0.0, 0_u32);
    for (index, ratio) in log_ratios.iter().enumerate() {
        if turned(index) {
            turned_sum += ratio;
            turned_count += 1;
        } else {
            kept_sum += ratio;
            kept_count += 1;
        }
    }
    if kept_count == 0 || turned_count == 0 {
        return (f64::NEG_INFINITY, f64::INFINITY);
    }
    let (kept, turned) = (kept_sum / f64::from(kept_count), turned_sum / f64::from(turned_count));
    (kept.min(turned), kept.max(turned))
}

fn all_spans(log_ratios: &[f64]) -> Vec<(f64, f64)> {
    (0_u32..1 << log_ratios.len())
        .map(|mask| span(log_ratios, |index| mask >> index & 1 == 1))
        .collect()
}

fn random_spans(log_ratios: &[f64], seed: u64) -> Vec<(f64, f64)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut words = vec![0_u64; log_ratios.len().div_ceil(64)];
    let mut spans = vec![(f64::NEG_INFINITY, f64::INFINITY)];
    for _ in 0..RANDOM_FLIPS {
        words.fill_with(|| random.next_u64());
        spans.push(span(log_ratios, |index| words[index / 64] >> (index % 64) & 1 == 1));
    }
    spans
}

#[cfg(test)]
mod tests;
