//! Campaigns: several runs of one experiment, and what they say together.

use jiff::{SignedDuration, Timestamp};
use weighbridge_experiment::*;
use weighbridge_report::campaign::{self, SlotRun, build_campaign, campaign_report_schema};
use weighbridge_report::figure::FigureBody;
use weighbridge_report::render;

use crate::fixture::*;

const SIX_HOURS: u64 = 6 * 3_600;

/// A campaign of `count` slots, each a run of three trials on two platforms, the second 3 %
/// slower. The hour of the day changes both by 10 %, each slot by a further 1 %.
fn week(count: u32, priced: bool) -> (CampaignRecord, Vec<(u32, RunRecord)>) {
    let mut draw = Draw::new(11);
    let begin: Timestamp = "2026-10-01T00:00:00Z".parse().expect("a time");
    let rule = ScheduleRule::Every { seconds: SIX_HOURS };
    let schedule = Schedule { rule, count, late_seconds: None };
    let slots = equally_spaced(begin, SIX_HOURS, count).expect("slots");
    let mut events = Vec::new();
    let mut runs = Vec::new();
    for (slot, due) in (0..count).zip(&slots) {
        if slot == 5 {
            let reason = "nothing was running the campaign at its time".to_owned();
            events.push(SlotEvent { at: *due, slot, kind: SlotEventKind::Missed { reason } });
            continue;
        }
        let hour = 1.2 * (1.0 + 0.1 * draw.normal()).max(0.5);
        let mut places = [
            Place::new("small", EnvironmentKind::Native, 1.0 + 0.01 * draw.normal()),
            Place::new("large", EnvironmentKind::Container, 1.03 + 0.01 * draw.normal()),
        ];
        if priced {
            places[0].price = Some("0.0900 USD");
        }
        let works = [Work::new("web", ApplicationName::Derain, hour, 20)];
        let mut record = run(&places, &works, 3);
        let id = RunId::from_random(u64::from(slot) + 1);
        let shift = Timestamp::from_second(1_760_000_000).expect("a time").duration_until(*due);
        let later = SignedDuration::from_secs(7) + shift;
        record.header.id = id.clone();
        record.header.started += later;
        for (index, trial) in record.trials.iter_mut().enumerate() {
            trial.started += later + SignedDuration::from_secs(2 * index as i64);
        }
        events.push(SlotEvent { at: *due, slot, kind: SlotEventKind::Begun { run: id } });
        let end = *due + SignedDuration::from_secs(40);
        events.push(SlotEvent { at: end, slot, kind: SlotEventKind::Finished });
        runs.push((slot, record));
    }
    let header = CampaignHeader {
        format: CAMPAIGN_FORMAT.to_owned(),
        id: RunId::from_random(0xca),
        started: begin,
        tool_version: "0.1.0".to_owned(),
        name: "week".to_owned(),
        asked: String::new(),
        executable_sha256: Sha256Digest::of(b"weighbridge"),
        late_seconds: schedule.late_seconds(&slots),
        schedule,
        slots,
    };
    (CampaignRecord { header, events }, runs)
}

fn slot_runs(runs: &[(u32, RunRecord)]) -> Vec<SlotRun<'_>> {
    runs.iter().map(|(slot, record)| SlotRun { slot: *slot, record }).collect()
}

#[test]
fn three_per_cent_are_found_although_the_hours_of_the_day_differ_by_ten() {
    let (campaign, runs) = week(28, false);
    let report = build_campaign(&campaign, &slot_runs(&runs), &cost);
    let [pair] = report.comparisons.as_slice() else { panic!("{:?}", report.comparisons) };
    assert_eq!((pair.n, pair.detected), (27, true), "{pair:?}");
    let ratio = pair.ratio.expect("a ratio");
    assert!((1.02..1.04).contains(&ratio), "{ratio}");
    assert!(pair.method.starts_with("paired by slot"));
    assert!(report.notes[0].starts_with("1 of 28 slots were missed"), "{:?}", report.notes);
}

#[test]
fn a_verdict_needs_six_slots() {
    let (campaign, runs) = week(5, false);
    let report = build_campaign(&campaign, &slot_runs(&runs), &cost);
    assert_eq!(report.comparisons[0].ci95, None);
    assert!(report.comparisons[0].verdict.contains("5 in which both worked, 6 needed"));
}

#[test]
fn response_times_come_from_all_slots_and_their_maximum_is_above_their_mean() {
    let (campaign, runs) = week(28, false);
    let report = build_campaign(&campaign, &slot_runs(&runs), &cost);
    for responses in &report.responses {
        assert_eq!((responses.slots, responses.requests), (27, 27 * 3 * 20));
        let times = responses.times.as_ref().expect("times");
        let order =
            [Some(times.min_ms), times.p50_ms, times.p90_ms, times.p99_ms, Some(times.max_ms)];
        assert!(order.windows(2).all(|pair| pair[0] <= pair[1]), "{order:?}");
        assert!(times.min_ms < times.mean_ms && times.mean_ms < times.max_ms);
    }
    let one = build_campaign(&campaign, &slot_runs(&runs[..1]), &cost);
    let times = one.responses[0].times.as_ref().expect("times");
    assert_eq!(times.p99_ms, None, "60 requests are too few for a 99th percentile");
    assert!(times.reasons["p99_ms"].contains("60 of the 459 needed"), "{:?}", times.reasons);
}

#[test]
fn a_week_is_seven_days_of_rent_and_a_platform_without_price_has_a_reason() {
    let (campaign, runs) = week(28, true);
    let report = build_campaign(&campaign, &slot_runs(&runs), &cost);
    let [small, large] = report.costs.as_slice() else { panic!("{:?}", report.costs) };
    assert_eq!(small.days.len(), 7);
    assert_eq!(small.days.iter().map(|day| day.slots).collect::<Vec<_>>(), [4, 3, 4, 4, 4, 4, 4]);
    let amount = |money: &Option<String>| -> f64 {
        let text = money.as_deref().expect("money");
        text.split_once(' ').expect("a currency").0.parse().expect("a number")
    };
    assert!((amount(&small.days[0].rented) - 24.0 * 0.09).abs() < 1e-9);
    assert!((amount(&small.rented) - 7.0 * 24.0 * 0.09).abs() < 1e-9);
    assert!(amount(&small.in_use) > 0.0 && amount(&small.in_use) < 0.05);
    assert!(large.rented.is_none() && large.reason.as_ref().expect("why").contains("no price"));
}

#[test]
fn the_json_is_what_its_schema_says() {
    let schema = serde_json::to_value(campaign_report_schema()).expect("a schema");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    for (count, priced) in [(1, false), (28, true)] {
        let (campaign, runs) = week(count, priced);
        let report = build_campaign(&campaign, &slot_runs(&runs), &cost);
        let value = serde_json::to_value(&report).expect("json");
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn tables_say_what_is_missing_and_why() {
    let (campaign, runs) = week(28, true);
    let report = build_campaign(&campaign, &slot_runs(&runs), &cost);
    let texts: Vec<String> = ["cloud.table1", "cloud.table2", "cloud.table3"]
        .iter()
        .map(|id| match campaign::table(id, &report).expect("a table").body {
            FigureBody::Table(table) => table.text(),
            FigureBody::Drawing(_) => panic!("{id} is a table"),
        })
        .collect();
    insta::assert_snapshot!(texts.join("\n"));
    insta::assert_snapshot!("terminal", render::campaign_table(&report, 80, false));
    let page = render::campaign_html(&report, &campaign, &slot_runs(&runs));
    assert!(
        page.contains("cloud.table3") && page.contains("cloud-fig2") && !page.contains("<script")
    );
    if let Some(out) = std::env::var_os("WEIGHBRIDGE_PICTURES") {
        std::fs::write(std::path::Path::new(&out).join("campaign.html"), page).expect("written");
    }
    let none = build_campaign(&campaign, &[], &cost);
    let refused = campaign::table("cloud.table2", &none).expect_err("no slot").to_string();
    assert!(refused.contains("no slot of the campaign has been run"), "{refused}");
    let unknown = campaign::table("cloud.table9", &report).expect_err("unknown").to_string();
    assert!(unknown.contains("cloud.table1, cloud.table2, cloud.table3, cloud.fig2"), "{unknown}");
}

#[test]
fn a_slot_is_drawn_from_its_due_time_to_its_last_record() {
    let (campaign, runs) = week(2, false);
    let runs = slot_runs(&runs);
    let figure = campaign::trace(&campaign, &runs[1]).expect("a trace");
    let FigureBody::Drawing(svg) = &figure.body else { panic!("a drawing") };
    let text = svg.standalone();
    for word in ["schedule", "registry", "service in small", "service in large", "Slot 2 of"] {
        assert!(text.contains(word), "{word}");
    }
    if let Some(out) = std::env::var_os("WEIGHBRIDGE_PICTURES") {
        std::fs::write(std::path::Path::new(&out).join("cloud.fig2.svg"), text).expect("written");
    }
}
