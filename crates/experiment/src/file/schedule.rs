//! The table `[schedule]`, checked and written again.

use jiff::SignedDuration;

use super::asked::Problems;
use super::written::ScheduleTable;
use crate::{MOST_SLOTS, Schedule, ScheduleRule};

const LONGEST_SECONDS: u64 = 366 * 86_400;

pub(super) fn check(table: ScheduleTable, problems: &mut Problems) -> Option<Schedule> {
    let before = problems.0.len();
    let count = table.count.unwrap_or_else(|| {
        problems.add(
            "schedule",
            "`[schedule]` does not say how many slots there are".to_owned(),
            "add `count`, such as 28 for a week of one slot every 6h",
        );
        1
    });
    problems.within("schedule", "count", count, 1, MOST_SLOTS);
    if let (Some(time_zone), None) = (&table.time_zone, &table.cron) {
        problems.add(
            "schedule.time_zone",
            format!("`time_zone = \"{time_zone}\"` says nothing to `every`"),
            "remove it, or give the times by `cron`",
        );
    }
    let late_seconds = table.late.and_then(|late| seconds("late", &late, 1, problems));
    let rule = match (table.every, table.cron) {
        (Some(every), None) => {
            seconds("every", &every, 1, problems).map(|seconds| ScheduleRule::Every { seconds })
        }
        (None, Some(expression)) => Some(ScheduleRule::Cron {
            expression,
            time_zone: table.time_zone.unwrap_or_else(|| "UTC".to_owned()),
        }),
        (None, None) => {
            problems.add(
                "schedule",
                "`[schedule]` does not say when".to_owned(),
                "add `every`, such as \"6h\", or `cron`, such as \"0 */6 * * *\"",
            );
            None
        }
        (Some(_), Some(_)) => {
            problems.add(
                "schedule.cron",
                "`[schedule]` says twice when".to_owned(),
                "give either `every` or `cron`",
            );
            None
        }
    };
    rule.filter(|_| problems.0.len() == before).map(|rule| Schedule { rule, count, late_seconds })
}

fn seconds(key: &str, written: &str, least: u64, problems: &mut Problems) -> Option<u64> {
    let seconds = written.parse::<SignedDuration>().ok().map(|time| time.as_secs());
    let seconds = seconds
        .and_then(|seconds| u64::try_from(seconds).ok())
        .filter(|seconds| (least..=LONGEST_SECONDS).contains(seconds));
    if seconds.is_none() {
        problems.add(
            &format!("schedule.{key}"),
            format!("`{key} = \"{written}\"` is not a time from {least}s to a year"),
            "write a number and a unit of s, m or h, such as \"6h\"",
        );
    }
    seconds
}

pub(super) fn written_again(schedule: &Schedule) -> ScheduleTable {
    let table = ScheduleTable {
        count: Some(schedule.count),
        late: schedule.late_seconds.map(|seconds| format!("{seconds}s")),
        ..ScheduleTable::default()
    };
    match &schedule.rule {
        ScheduleRule::Every { seconds } => {
            ScheduleTable { every: Some(format!("{seconds}s")), ..table }
        }
        ScheduleRule::Cron { expression, time_zone } => ScheduleTable {
            cron: Some(expression.clone()),
            time_zone: Some(time_zone.clone()),
            ..table
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::file::{asked, parse};

    fn complaint(text: &str) -> String {
        parse(text, "week.toml").expect_err("the file is wrong").to_string()
    }

    #[test]
    fn both_forms_are_read_and_written_again() {
        for text in [
            "[schedule]\nevery = \"6h\"\ncount = 28\nlate = \"10m\"\n",
            "[schedule]\ncron = \"0 */6 * * *\"\ntime_zone = \"Asia/Seoul\"\ncount = 28\n",
        ] {
            let experiment = parse(text, "week.toml").expect("valid");
            assert!(experiment.schedule.is_some());
            let again = parse(&asked::write(&experiment), "again").expect("valid again");
            assert_eq!(again, experiment);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_where_it_stands() {
        assert_eq!(
            complaint("[schedule]\nevery = \"6 weeks\"\ncount = 3"),
            "week.toml:2:9: `every = \"6 weeks\"` is not a time from 1s to a year; write a number \
             and a unit of s, m or h, such as \"6h\""
        );
        assert!(complaint("[schedule]\nevery = \"6h\"").contains("add `count`"));
        assert!(complaint("[schedule]\ncount = 3").contains("does not say when"));
        assert!(
            complaint("[schedule]\nevery = \"6h\"\ncron = \"* * * * *\"\ncount = 3")
                .contains("says twice when")
        );
        assert!(complaint("[schedule]\nevery = \"6h\"\ncount = 0").contains("out of range"));
        assert!(
            complaint("[schedule]\nevery = \"6h\"\ncount = 1\ntime_zone = \"UTC\"")
                .contains("says nothing to `every`")
        );
        assert!(complaint("[schedule]\nevry = \"6h\"").contains("did you mean `every`?"));
    }
}
