use jiff::ToSpan;
use proptest::prelude::*;

use super::*;
use crate::{ScheduleRule, equally_spaced};

const SIX_HOURS: u64 = 6 * 3_600;

fn begin() -> Timestamp {
    "2026-10-01T00:00:00Z".parse().expect("a time")
}

fn run(number: u64) -> RunId {
    RunId::from_random(number)
}

fn week() -> CampaignRecord {
    let schedule = Schedule {
        rule: ScheduleRule::Every { seconds: SIX_HOURS },
        count: 28,
        late_seconds: None,
    };
    let slots = equally_spaced(begin(), SIX_HOURS, 28).expect("slots");
    let late_seconds = schedule.late_seconds(&slots);
    let header = CampaignHeader {
        format: CAMPAIGN_FORMAT.to_owned(),
        id: run(0xca),
        started: begin(),
        tool_version: "0.1.0".to_owned(),
        name: "week".to_owned(),
        asked: String::new(),
        executable_sha256: Sha256Digest::of(b"this executable"),
        schedule,
        slots,
        late_seconds,
    };
    CampaignRecord { header, events: Vec::new() }
}

/// Plays a campaign: each slot takes `work`, and the process is away in the given spans.
fn play(
    mut record: CampaignRecord,
    work: SignedDuration,
    away: &[(Timestamp, Timestamp)],
) -> CampaignRecord {
    let mut now = record.header.started;
    let present = |now: Timestamp| {
        away.iter().find(|(from, to)| *from <= now && now < *to).map_or(now, |(_, to)| *to)
    };
    for _ in 0..10_000 {
        now = present(now);
        let at = now;
        match next_step(&record, now) {
            Step::Miss { slot, reason } => {
                record.events.push(SlotEvent { at, slot, kind: SlotEventKind::Missed { reason } });
            }
            Step::CutShort { slot, reason } => {
                record.events.push(SlotEvent {
                    at,
                    slot,
                    kind: SlotEventKind::CutShort { reason },
                });
            }
            Step::Begin { slot } => {
                let kind = SlotEventKind::Begun { run: run(u64::from(slot)) };
                record.events.push(SlotEvent { at, slot, kind });
                end_of_work(&mut record, slot, &mut now, work, away);
            }
            Step::Resume { slot, .. } => {
                record.events.push(SlotEvent { at, slot, kind: SlotEventKind::Resumed });
                end_of_work(&mut record, slot, &mut now, work, away);
            }
            Step::Wait { until, .. } => now = until,
            Step::Done => return record,
        }
    }
    panic!("the campaign does not end");
}

/// The work ends, unless the process is killed in it.
fn end_of_work(
    record: &mut CampaignRecord,
    slot: u32,
    now: &mut Timestamp,
    work: SignedDuration,
    away: &[(Timestamp, Timestamp)],
) {
    let end = *now + work;
    match away.iter().find(|(from, _)| *now < *from && *from < end) {
        Some((_, back)) => *now = *back,
        None => {
            *now = end;
            record.events.push(SlotEvent { at: end, slot, kind: SlotEventKind::Finished });
        }
    }
}

fn count(record: &CampaignRecord, is: fn(&SlotState) -> bool) -> usize {
    record.states().iter().filter(|state| is(state)).count()
}

fn finished(record: &CampaignRecord) -> usize {
    count(record, |state| matches!(state, SlotState::Finished { .. }))
}

#[test]
fn a_week_without_trouble_is_twenty_eight_slots_each_at_its_time() {
    let record = play(week(), SignedDuration::from_mins(40), &[]);
    assert_eq!(finished(&record), 28);
    let begun: Vec<Timestamp> = record
        .events
        .iter()
        .filter(|event| matches!(event.kind, SlotEventKind::Begun { .. }))
        .map(|event| event.at)
        .collect();
    assert_eq!(begun, record.header.slots);
    assert!(record.is_over());
}

#[test]
fn slots_of_a_day_away_are_missed_and_never_made_up() {
    let away = (begin() + 7.hours(), begin() + 31.hours());
    let record = play(week(), SignedDuration::from_mins(40), &[away]);
    let states = record.states();
    for missed in [2, 3, 4, 5] {
        let SlotState::Missed { reason } = &states[missed] else { panic!("{:?}", states[missed]) };
        assert!(reason.contains("nothing was running the campaign"), "{reason}");
    }
    assert_eq!(finished(&record), 24);
}

#[test]
fn a_kill_is_taken_up_again_soon_and_cut_short_later() {
    let soon = (begin() + 5.minutes(), begin() + 9.minutes());
    let record = play(week(), SignedDuration::from_mins(40), &[soon]);
    assert_eq!(finished(&record), 28);
    assert!(record.events.iter().any(|event| event.kind == SlotEventKind::Resumed));
    let later = (begin() + 5.minutes(), begin() + 2.hours());
    let record = play(week(), SignedDuration::from_mins(40), &[later]);
    let SlotState::CutShort { reason, .. } = &record.states()[0] else { panic!("resumed late") };
    assert_eq!(
        reason,
        "stopped before its end; it could go on only 2h after its time, and 15m is allowed"
    );
    assert_eq!(finished(&record), 27);
}

#[test]
fn a_slot_that_runs_into_the_next_one_makes_it_missed_by_name() {
    let record = play(week(), SignedDuration::from_hours(7), &[]);
    let states = record.states();
    let SlotState::Missed { reason } = &states[1] else { panic!("{:?}", states[1]) };
    assert_eq!(reason, "slot 1 was still being run until 2026-10-01T07:00:00Z");
    assert_eq!(finished(&record), 14);
}

#[test]
fn a_slot_that_is_a_little_late_is_run() {
    let record = play(week(), SignedDuration::from_secs(6 * 3_600 + 10 * 60), &[]);
    // Ten minutes late, then twenty: every second one falls out.
    assert!(matches!(record.states()[1], SlotState::Finished { .. }));
    assert!(matches!(record.states()[2], SlotState::Missed { .. }));
}

proptest! {
    /// Whatever happens to the process: every slot is over in the end, none begins before its
    /// time or later than allowed, no two are at work at once.
    #[test]
    fn every_slot_ends_once_and_none_is_invented(
        work_minutes in 1_i64..600,
        absences in prop::collection::vec((0_i64..10_000, 1_i64..3_000), 0..6),
    ) {
        let mut away: Vec<(Timestamp, Timestamp)> = absences
            .iter()
            .map(|(from, minutes)| {
                (begin() + from.minutes(), begin() + (from + minutes).minutes())
            })
            .collect();
        away.sort_unstable();
        let record = play(week(), SignedDuration::from_mins(work_minutes), &away);
        prop_assert!(record.is_over());
        let mut ends = vec![0_u32; 28];
        let mut at_work: Option<u32> = None;
        for event in &record.events {
            let due = record.header.slots[event.slot as usize];
            match event.kind {
                SlotEventKind::Begun { .. } => {
                    prop_assert_eq!(at_work, None);
                    prop_assert!(event.at >= due);
                    prop_assert!(due.duration_until(event.at) <= SignedDuration::from_mins(15));
                    at_work = Some(event.slot);
                }
                SlotEventKind::Resumed => prop_assert_eq!(at_work, Some(event.slot)),
                SlotEventKind::Finished | SlotEventKind::CutShort { .. } => {
                    prop_assert_eq!(at_work, Some(event.slot));
                    at_work = None;
                    ends[event.slot as usize] += 1;
                }
                SlotEventKind::Missed { .. } => ends[event.slot as usize] += 1,
            }
        }
        prop_assert!(ends.iter().all(|&ends| ends == 1), "{ends:?}");
    }
}
