//! When the requests of the open model are due: pure, the same for the same seed.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use weighbridge_experiment::load::{Arrival, Profile};

/// A number from 0 up to 1, with 53 bits.
pub(super) fn unit(random: &mut ChaCha8Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Due times of one of all threads of all machines, in seconds from the start, in order.
///
/// Times are those at which the sum of the rate reaches the next amount (the inverse of the
/// cumulated rate): evenly spaced amounts, or exponentially distributed distances (a Poisson
/// process whose rate follows the profile).
pub(super) struct Arrivals {
    profile: Profile,
    arrival: Arrival,
    threads: f64,
    amount: f64,
    random: ChaCha8Rng,
}

impl Arrivals {
    pub(super) fn new(
        profile: Profile,
        arrival: Arrival,
        (thread, threads): (u32, u32),
        seed: u64,
    ) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::from(thread) + 1);
        let threads = f64::from(threads.max(1));
        let amount = match arrival {
            // Threads take turns.
            Arrival::Constant => f64::from(thread),
            Arrival::Poisson => exponential(&mut random) * threads,
        };
        Self { profile, arrival, threads, amount, random }
    }
}

impl Iterator for Arrivals {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        // The end itself is outside: 10 requests a second for a second are 10, not 11.
        if self.amount >= self.profile.total() - 1e-9 {
            return None;
        }
        let due = self.profile.reaches(self.amount)?;
        self.amount += match self.arrival {
            Arrival::Constant => self.threads,
            Arrival::Poisson => exponential(&mut self.random) * self.threads,
        };
        Some(due)
    }
}

/// Exponentially distributed with mean 1.
fn exponential(random: &mut ChaCha8Rng) -> f64 {
    -(1.0 - unit(random)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_times_of_all_threads_are_evenly_spaced() {
        let of = |thread| {
            Arrivals::new(Profile::constant(100.0, 1.0), Arrival::Constant, (thread, 3), 1)
        };
        let mut times: Vec<f64> = (0..3).flat_map(of).collect();
        times.sort_by(f64::total_cmp);
        assert_eq!(times.len(), 100);
        for (index, time) in times.iter().enumerate() {
            assert!((time - index as f64 * 0.01).abs() < 1e-9, "{time}");
        }
    }

    #[test]
    fn poisson_times_have_the_rate_and_the_spread_of_a_poisson_process() {
        let profile = Profile::constant(1000.0, 100.0);
        let times: Vec<f64> = Arrivals::new(profile.clone(), Arrival::Poisson, (0, 1), 7).collect();
        // 100,000 expected, standard deviation 316.
        assert!((98_700..101_300).contains(&times.len()), "{}", times.len());
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.03, "{}", variance.sqrt() / mean);
        let again: Vec<f64> = Arrivals::new(profile, Arrival::Poisson, (0, 1), 7).collect();
        assert_eq!(times, again);
    }
}
