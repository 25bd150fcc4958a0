use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A stretch of time over which a quantity (users, requests per second) goes evenly from one
/// value to another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ramp {
    /// Its length in seconds.
    pub seconds: f64,
    /// The value at its beginning.
    pub from: f64,
    /// The value at its end.
    pub to: f64,
}

/// Ramps one after another; 0 before and after them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Profile(pub Vec<Ramp>);

/// A time in which one user is there, in seconds from the start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Presence {
    /// When the user comes.
    pub from: f64,
    /// When the user leaves.
    pub to: f64,
}

impl Profile {
    /// The same value all the time.
    #[must_use]
    pub fn constant(value: f64, seconds: f64) -> Self {
        Self(vec![Ramp { seconds, from: value, to: value }])
    }

    /// Up from 0 at so many a second, then level. A ramp longer than the whole is cut.
    #[must_use]
    pub fn ramp_up(value: f64, per_second: f64, seconds: f64) -> Self {
        let rising = value / per_second;
        if rising >= seconds {
            return Self(vec![Ramp { seconds, from: 0.0, to: per_second * seconds }]);
        }
        Self(vec![
            Ramp { seconds: rising, from: 0.0, to: value },
            Ramp { seconds: seconds - rising, from: value, to: value },
        ])
    }

    /// Length in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.0.iter().map(|ramp| ramp.seconds).sum()
    }

    /// The highest value.
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.0.iter().map(|ramp| ramp.from.max(ramp.to)).fold(0.0, f64::max)
    }

    /// The sum up to the end: of a rate, how many requests.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.0.iter().map(|ramp| f64::midpoint(ramp.from, ramp.to) * ramp.seconds).sum()
    }

    /// The time at which the sum reaches `amount`; `None` where it never does.
    ///
    /// Within a ramp the sum is `from·t + slope·t²/2`; its root is written so that a slope of
    /// nearly 0 divides by nothing small.
    #[must_use]
    pub fn reaches(&self, amount: f64) -> Option<f64> {
        let (mut begin, mut before) = (0.0, 0.0);
        for ramp in &self.0 {
            let area = f64::midpoint(ramp.from, ramp.to) * ramp.seconds;
            if amount <= before + area && area > 0.0 {
                let missing = (amount - before).max(0.0);
                let slope = (ramp.to - ramp.from) / ramp.seconds;
                let root = (ramp.from * ramp.from + 2.0 * slope * missing).max(0.0).sqrt();
                let after =
                    if root + ramp.from > 0.0 { 2.0 * missing / (root + ramp.from) } else { 0.0 };
                return Some(begin + after.min(ramp.seconds));
            }
            begin += ramp.seconds;
            before += area;
        }
        None
    }

    /// When the user of this number (from 0) is there: while the profile lies above the
    /// number. A rise to 1,000 in 10 s brings one every 10 ms, not a hundred every second.
    #[must_use]
    pub fn presences(&self, user: u32) -> Vec<Presence> {
        let level = f64::from(user);
        let mut found: Vec<Presence> = Vec::new();
        let mut begin = 0.0;
        for ramp in &self.0 {
            let end = begin + ramp.seconds;
            let slope = (ramp.to - ramp.from) / ramp.seconds;
            let crossing = begin + (level - ramp.from) / slope;
            let part = match (ramp.from > level, ramp.to > level) {
                (true, true) => Some((begin, end)),
                (false, true) => Some((crossing, end)),
                (true, false) => Some((begin, crossing)),
                (false, false) => None,
            };
            if let Some((from, to)) = part.filter(|(from, to)| to > from) {
                match found.last_mut() {
                    Some(last) if (last.to - from).abs() < 1e-9 => last.to = to,
                    _ => found.push(Presence { from, to }),
                }
            }
            begin = end;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn users_come_one_by_one() {
        let profile = Profile::ramp_up(1000.0, 100.0, 60.0);
        for user in [0_u32, 1, 500, 999] {
            let presences = profile.presences(user);
            assert_eq!(presences.len(), 1, "{presences:?}");
            assert!((presences[0].from - f64::from(user) * 0.01).abs() < 1e-9);
            assert!((presences[0].to - 60.0).abs() < 1e-9);
        }
        assert!(profile.presences(1000).is_empty());
    }

    #[test]
    fn a_user_leaves_and_comes_again() {
        let ramp = |seconds, from, to| Ramp { seconds, from, to };
        let profile =
            Profile(vec![ramp(10.0, 0.0, 10.0), ramp(10.0, 10.0, 0.0), ramp(10.0, 0.0, 10.0)]);
        let presences = profile.presences(5);
        assert_eq!(presences.len(), 2, "{presences:?}");
        assert!((presences[0].from - 5.0).abs() < 1e-9 && (presences[0].to - 15.0).abs() < 1e-9);
        assert!((presences[1].from - 25.0).abs() < 1e-9);
    }

    #[test]
    fn a_ramp_that_never_ends_in_time_is_cut() {
        let profile = Profile::ramp_up(100.0, 1.0, 10.0);
        assert!((profile.peak() - 10.0).abs() < 1e-9 && (profile.seconds() - 10.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn sums_are_reached_in_order_and_in_time(
            values in proptest::collection::vec((0.1_f64..50.0, 0.0_f64..500.0), 1..5),
            share in 0.0_f64..1.0,
        ) {
            let mut from = 0.0;
            let ramps = values.iter().map(|(seconds, to)| {
                let ramp = Ramp { seconds: *seconds, from, to: *to };
                from = *to;
                ramp
            });
            let profile = Profile(ramps.collect());
            let amount = profile.total() * share;
            if let Some(time) = profile.reaches(amount) {
                prop_assert!(time <= profile.seconds() + 1e-6);
                let earlier = profile.reaches(amount * 0.5).expect("less is reached too");
                prop_assert!(earlier <= time + 1e-6);
            }
            prop_assert!(profile.reaches(profile.total() + 1.0).is_none());
        }
    }
}
