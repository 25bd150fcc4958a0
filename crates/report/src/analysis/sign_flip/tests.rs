use proptest::prelude::*;

use super::*;

/// p(μ) straight from its definition: flips whose studentised mean is at least as large.
fn p_by_definition(log_ratios: &[f64], centre: f64) -> f64 {
    let count = log_ratios.len() as f64;
    let statistic = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        mean.abs() / (squares / (count - 1.0) / count).sqrt()
    };
    let shifted: Vec<f64> = log_ratios.iter().map(|ratio| ratio - centre).collect();
    let observed = statistic(&shifted);
    let flips = 1_u32 << log_ratios.len();
    let extreme = (0..flips).filter(|mask| {
        let flipped: Vec<f64> = shifted
            .iter()
            .enumerate()
            .map(|(index, value)| if mask >> index & 1 == 1 { -value } else { *value })
            .collect();
        // Rounding must not make a flip less extreme than itself.
        statistic(&flipped) >= observed * (1.0 - 1e-12)
    });
    extreme.count() as f64 / f64::from(flips)
}

#[test]
fn six_pairs_of_one_sign_are_just_enough() {
    let ratios = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06];
    assert_eq!(sign_flip_95(&ratios[..5], 1), None);
    let tested = sign_flip_95(&ratios, 1).expect("six pairs");
    // Of 64 flips only the observed and its mirror image are this extreme.
    assert!((tested.p_value - 2.0 / 64.0).abs() < 1e-12);
    assert!(tested.detected());
    // ⌊0.05 · 64⌋ = 3 spans may miss: the two unbounded ones, and the one that turns the
    // smallest alone, whose low end is 0.01. The fourth low end is that of {0.02}.
    assert!((tested.interval.0 - 0.015).abs() < 0.0051, "{tested:?}");
}

#[test]
fn identical_pairs_are_not_different() {
    let tested = sign_flip_95(&[0.0; 8], 1).expect("eight pairs");
    assert_eq!((tested.interval, tested.p_value), ((0.0, 0.0), 1.0));
    assert!(!tested.detected());
}

#[test]
fn the_same_seed_gives_the_same_interval() {
    let ratios: Vec<f64> =
        (0..30).map(|index| (f64::from(index) * 1.7).sin() * 0.05 + 0.01).collect();
    assert_eq!(sign_flip_95(&ratios, 9), sign_flip_95(&ratios, 9));
    assert_ne!(sign_flip_95(&ratios, 9), sign_flip_95(&ratios, 10));
}

proptest! {
    #[test]
    fn the_interval_holds_what_the_definition_does_not_refuse(
        ratios in prop::collection::vec(-0.2_f64..0.2, 6..9),
        probe in -0.3_f64..0.3,
    ) {
        let tested = sign_flip_95(&ratios, 1).expect("enough pairs");
        prop_assert!((p_by_definition(&ratios, 0.0) - tested.p_value).abs() < 1e-9);
        let inside = tested.interval.0 <= probe && probe <= tested.interval.1;
        prop_assert_eq!(p_by_definition(&ratios, probe) > 0.05, inside);
    }

    #[test]
    fn test_and_interval_agree(ratios in prop::collection::vec(-0.1_f64..0.12, 6..40), seed in any::<u64>()) {
        let tested = sign_flip_95(&ratios, seed).expect("enough pairs");
        prop_assert_eq!(tested.detected(), tested.p_value <= 0.05);
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        prop_assert!(tested.interval.0 <= mean && mean <= tested.interval.1);
    }

    #[test]
    fn swapping_the_sides_mirrors_the_interval(ratios in prop::collection::vec(-0.1_f64..0.12, 6..20)) {
        let mirrored: Vec<f64> = ratios.iter().map(|ratio| -ratio).collect();
        let (one, other) = (sign_flip_95(&ratios, 3).unwrap(), sign_flip_95(&mirrored, 3).unwrap());
        prop_assert!((one.interval.0 + other.interval.1).abs() < 1e-12);
        prop_assert!((one.interval.1 + other.interval.0).abs() < 1e-12);
    }
}

/// Standard normal numbers from a seed.
struct Normal(ChaCha8Rng);

impl Normal {
    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn draw(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// Share of made-up runs in which a difference is called: log-normal times of 3 % noise, on a
/// host whose speed drifts from block to block (AR(1), 0.9) and also within a block, the order
/// within which is drawn.
fn share_detected(pairs: usize, shift: f64, runs: u64) -> f64 {
    let mut normal = Normal(ChaCha8Rng::seed_from_u64(pairs as u64));
    let mut detected = 0;
    for run in 0..runs {
        let mut drift = 0.0;
        let mut time = |normal: &mut Normal, shift: f64| {
            drift = 0.9 * drift + 0.02 * normal.draw();
            shift + drift + 0.03 * normal.draw()
        };
        let ratios: Vec<f64> = (0..pairs)
            .map(|_| {
                if normal.uniform() < 0.5 {
                    let a = time(&mut normal, 0.0);
                    time(&mut normal, shift) - a
                } else {
                    let b = time(&mut normal, shift);
                    b - time(&mut normal, 0.0)
                }
            })
            .collect();
        detected += u64::from(sign_flip_95(&ratios, run).expect("enough pairs").detected());
    }
    detected as f64 / runs as f64
}

#[test]
fn identical_systems_are_called_different_about_one_time_in_twenty() {
    for pairs in [10, 20] {
        let share = share_detected(pairs, 0.0, 1_000);
        assert!((0.02..=0.08).contains(&share), "{share} of comparisons over {pairs} blocks");
    }
}

#[test]
fn five_per_cent_are_found_among_three_per_cent_noise() {
    let share = share_detected(20, 0.05_f64.ln_1p(), 300);
    assert!(share >= 0.95, "found in {share} of runs of 20 blocks");
}
