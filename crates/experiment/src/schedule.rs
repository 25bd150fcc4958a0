//! When a campaign runs: the table `[schedule]`, checked. Does not know any clock: the times
//! of slots follow from the moment at which a campaign begins.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most slots that one campaign may have: a year of them, one every hour.
pub const MOST_SLOTS: u32 = 8_784;

/// How late a slot may begin unless the file says it: a tenth of the way to the next one,
/// and never more than this.
const LATE_AT_MOST_SECONDS: u64 = 15 * 60;

/// When the slots of a campaign are due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    /// The rule.
    pub rule: ScheduleRule,
    /// How many slots there are.
    pub count: u32,
    /// How late a slot may begin and still be run, in seconds; later it is missed. A tenth of
    /// the distance of two slots, 15 minutes at most, unless given.
    pub late_seconds: Option<u64>,
}

/// The rule by which slots follow one another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleRule {
    /// The first at once, each other one so many seconds after the one before.
    Every {
        /// The distance, in seconds.
        seconds: u64,
    },
    /// At the times of a cron expression.
    Cron {
        /// Five fields: minute, hour, day of the month, month, day of the week.
        expression: String,
        /// Name of the time zone of the tz database in which the expression is meant.
        time_zone: String,
    },
}

impl fmt::Display for ScheduleRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every { seconds } => {
                let distance =
                    SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(i64::MAX));
                write!(formatter, "every {distance:#}")
            }
            Self::Cron { expression, time_zone } => {
                write!(formatter, "cron `{expression}` in {time_zone}")
            }
        }
    }
}

/// The times of slots of equal distance, the first at `begin`.
///
/// `None` where the last one lies beyond the end of the calendar.
#[must_use]
pub fn equally_spaced(begin: Timestamp, seconds: u64, count: u32) -> Option<Vec<Timestamp>> {
    let seconds = i64::try_from(seconds).ok()?;
    (0..i64::from(count))
        .map(|slot| begin.checked_add(SignedDuration::from_secs(seconds.checked_mul(slot)?)).ok())
        .collect()
}

impl Schedule {
    /// How late a slot may begin, in seconds, where the times of all slots are known.
    #[must_use]
    pub fn late_seconds(&self, slots: &[Timestamp]) -> u64 {
        let distance = slots.windows(2).map(|pair| pair[0].duration_until(pair[1])).min();
        let tenth = distance.and_then(|distance| u64::try_from(distance.as_secs() / 10).ok());
        // No timer is exact: with none allowed, every slot would be missed by a millisecond.
        let usual =
            tenth.map_or(LATE_AT_MOST_SECONDS, |tenth| tenth.clamp(1, LATE_AT_MOST_SECONDS));
        self.late_seconds.unwrap_or(usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_of_slots_is_twenty_eight_every_six_hours() {
        let begin: Timestamp = "2026-10-01T00:00:00Z".parse().expect("a time");
        let slots = equally_spaced(begin, 6 * 3_600, 28).expect("within the calendar");
        assert_eq!(slots.len(), 28);
        assert_eq!(slots[0], begin);
        assert_eq!(slots[27].to_string(), "2026-10-07T18:00:00Z");
        assert_eq!(equally_spaced(Timestamp::MAX, 1, 2), None);
    }

    #[test]
    fn a_slot_may_be_late_by_a_tenth_and_never_by_more_than_a_quarter_of_an_hour() {
        let begin: Timestamp = "2026-10-01T00:00:00Z".parse().expect("a time");
        let late = |seconds, given| {
            let rule = ScheduleRule::Every { seconds };
            let slots = equally_spaced(begin, seconds, 3).expect("slots");
            Schedule { rule, count: 3, late_seconds: given }.late_seconds(&slots)
        };
        assert_eq!(late(6 * 3_600, None), 900);
        assert_eq!(late(600, None), 60);
        assert_eq!(late(600, Some(5)), 5);
    }
}
