//! When the slots of a schedule are due, once it is known when the campaign begins.

use std::str::FromStr;

use croner::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use thiserror::Error;
use weighbridge_experiment::{Schedule, ScheduleRule, equally_spaced};

/// Why a schedule has no times.
#[derive(Debug, Error)]
pub(crate) enum ScheduleError {
    /// Not a cron expression.
    #[error(
        "`cron = \"{expression}\"` is not a cron expression; write minute, hour, day of the month, \
         month and day of the week, such as \"0 */6 * * *\""
    )]
    Expression { expression: String, source: croner::errors::CronError },
    /// No time zone of this name.
    #[error(
        "`time_zone = \"{time_zone}\"` is not in the tz database; use a name such as \"UTC\" or \
         \"Asia/Seoul\""
    )]
    TimeZone { time_zone: String, source: jiff::Error },
    /// The expression matches fewer times than there are slots.
    #[error("`cron = \"{expression}\"` has no {count} times to come; it matches {found}")]
    TooFew { expression: String, count: u32, found: usize },
    /// The last slot lies after the last day of the calendar.
    #[error("the last of {count} slots is due after the year 9999; ask for fewer")]
    TooLate { count: u32 },
}

/// The due time of each slot of a campaign that begins at `begin`, in order.
pub(crate) fn slot_times(
    schedule: &Schedule,
    begin: Timestamp,
) -> Result<Vec<Timestamp>, ScheduleError> {
    let count = schedule.count;
    match &schedule.rule {
        ScheduleRule::Every { seconds } => {
            equally_spaced(begin, *seconds, count).ok_or(ScheduleError::TooLate { count })
        }
        ScheduleRule::Cron { expression, time_zone } => cron(expression, time_zone, begin, count),
    }
}

fn cron(
    expression: &str,
    time_zone: &str,
    begin: Timestamp,
    count: u32,
) -> Result<Vec<Timestamp>, ScheduleError> {
    let pattern = Cron::from_str(expression).map_err(|source| ScheduleError::Expression {
        expression: expression.to_owned(),
        source,
    })?;
    let zone = TimeZone::get(time_zone)
        .map_err(|source| ScheduleError::TimeZone { time_zone: time_zone.to_owned(), source })?;
    let mut times: Vec<Timestamp> = pattern
        .iter_after(begin.to_zoned(zone))
        .map(|time| time.timestamp())
        // Where clocks go back an hour, the same local time comes twice.
        .take(count as usize)
        .collect();
    times.dedup();
    if times.len() < count as usize {
        let (expression, found) = (expression.to_owned(), times.len());
        return Err(ScheduleError::TooFew { expression, count, found });
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin() -> Timestamp {
        "2026-10-24T22:10:00Z".parse().expect("a time")
    }

    fn times(expression: &str, time_zone: &str, count: u32) -> Result<Vec<String>, String> {
        let (expression, time_zone) = (expression.to_owned(), time_zone.to_owned());
        let rule = ScheduleRule::Cron { expression, time_zone };
        slot_times(&Schedule { rule, count, late_seconds: None }, begin())
            .map(|times| times.iter().map(ToString::to_string).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_cron_expression_is_meant_in_its_time_zone() {
        assert_eq!(
            times("0 9 * * *", "Asia/Seoul", 2),
            Ok(vec!["2026-10-25T00:00:00Z".to_owned(), "2026-10-26T00:00:00Z".to_owned()])
        );
    }

    #[test]
    fn nine_in_the_morning_stays_nine_when_clocks_go_back() {
        // Summer time ends in Berlin on 25 October 2026.
        assert_eq!(
            times("0 9 * * *", "Europe/Berlin", 2),
            Ok(vec!["2026-10-25T08:00:00Z".to_owned(), "2026-10-26T08:00:00Z".to_owned()])
        );
        let before = "2026-10-23T22:10:00Z".parse().expect("a time");
        let rule = ScheduleRule::Cron {
            expression: "0 9 * * *".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
        };
        let schedule = Schedule { rule, count: 2, late_seconds: None };
        let found = slot_times(&schedule, before).expect("times");
        assert_eq!(found[0].to_string(), "2026-10-24T07:00:00Z");
        assert_eq!(found[1].to_string(), "2026-10-25T08:00:00Z");
    }

    #[test]
    fn what_has_no_times_is_refused_with_words_of_the_file() {
        assert!(times("every day", "UTC", 1).expect_err("no expression").contains("is not a cron"));
        assert!(times("0 9 * * *", "Atlantis", 1).expect_err("no zone").contains("tz database"));
        assert!(times("0 0 30 2 *", "UTC", 1).expect_err("never").contains("it matches 0"));
    }
}
