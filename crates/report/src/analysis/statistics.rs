//! Textbook statistics of a sample. Does not know where the numbers come from.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Arithmetic mean; `None` of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample standard deviation, with n − 1; `None` of fewer than two values.
#[must_use]
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let centre = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// The middle value, or the mean of the two middle ones; `None` of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[half]),
        _ => Some(f64::midpoint(sorted[half - 1], sorted[half])),
    }
}

/// The value that Student's t with `freedom` degrees of freedom stays below in size with
/// probability 0.95.
#[must_use]
pub fn student_t_95(freedom: f64) -> Option<f64> {
    StudentsT::new(0.0, 1.0, freedom).ok().map(|t| t.inverse_cdf(0.975))
}

/// 95 % interval of the mean by Student's t; `None` of fewer than two values. Holds for
/// independent, roughly normal values.
#[must_use]
pub fn mean_interval_95(values: &[f64]) -> Option<(f64, f64)> {
    let centre = mean(values)?;
    let deviation = standard_deviation(values)?;
    let count = values.len() as f64;
    let half = student_t_95(count - 1.0)? * deviation / count.sqrt();
    Some((centre - half, centre + half))
}

/// Difference of the means of two unpaired samples, b − a, with its 95 % interval after
/// Welch (1947) and the degrees of freedom of Satterthwaite. `None` where a sample has fewer
/// than two values.
#[must_use]
pub fn welch_95(a: &[f64], b: &[f64]) -> Option<(f64, (f64, f64))> {
    let difference = mean(b)? - mean(a)?;
    let share = |values: &[f64]| Some(standard_deviation(values)?.powi(2) / values.len() as f64);
    let (in_a, in_b) = (share(a)?, share(b)?);
    let variance = in_a + in_b;
    if variance == 0.0 {
        return Some((difference, (difference, difference)));
    }
    let freedom = variance.powi(2)
        / (in_a.powi(2) / (a.len() - 1) as f64 + in_b.powi(2) / (b.len() - 1) as f64);
    let half = student_t_95(freedom)? * variance.sqrt();
    Some((difference, (difference - half, difference + half)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(actual: f64, expected: f64) {
        assert!(
            (actual - expected).abs() < 1e-4 * expected.abs().max(1e-9),
            "{actual} is not {expected}"
        );
    }

    #[test]
    fn hand_computed_values() {
        // Deviations −3, −1, −1, −1, 0, 0, 2, 4 from 5: squares sum to 32.
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        close(mean(&values).expect("a mean"), 5.0);
        close(standard_deviation(&values).expect("a deviation"), (32.0_f64 / 7.0).sqrt());
        close(median(&values).expect("a median"), 4.5);
        close(median(&[3.0, 1.0, 2.0]).expect("a median"), 2.0);
        // t(0.975, 7) = 2.364624 in every table.
        let (low, high) = mean_interval_95(&values).expect("an interval");
        let half = 2.364_624 * (32.0_f64 / 7.0).sqrt() / 8.0_f64.sqrt();
        close(low, 5.0 - half);
        close(high, 5.0 + half);
    }

    #[test]
    fn too_little_gives_nothing() {
        assert_eq!(mean(&[]), None);
        assert_eq!(median(&[]), None);
        assert_eq!(standard_deviation(&[1.0]), None);
        assert_eq!(mean_interval_95(&[1.0]), None);
        assert_eq!(welch_95(&[1.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn welch_of_equal_variances_has_all_degrees_of_freedom() {
        // Variances 1 and 1, three values each: t(0.975, 4) = 2.776445, error √(2/3).
        let (difference, (low, high)) =
            welch_95(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0]).expect("an interval");
        close(difference, 1.0);
        close(high - 1.0, 2.776_445 * (2.0_f64 / 3.0).sqrt());
        close(1.0 - low, 2.776_445 * (2.0_f64 / 3.0).sqrt());
    }
}
