use jiff::{SignedDuration, ToSpan};
use tempfile::TempDir;
use weighbridge_experiment::{
    CAMPAIGN_FORMAT, CampaignHeader, Schedule, ScheduleRule, Sha256Digest, SlotState,
    equally_spaced,
};
use weighbridge_registry::SqliteRegistry;

use super::*;

const SIX_HOURS: u64 = 6 * 3_600;

/// A clock that only waiting and working move.
#[derive(Clone)]
struct SimulatedTime(std::rc::Rc<std::cell::Cell<Timestamp>>);

impl SimulatedTime {
    fn pass(&self, duration: SignedDuration) {
        self.0.set(self.0.get() + duration);
    }
}

impl Time for SimulatedTime {
    fn now(&self) -> Timestamp {
        self.0.get()
    }

    async fn wait(&mut self, until: Timestamp) {
        self.0.set(until.max(self.0.get()));
    }
}

/// Plays slots: each takes 40 minutes, and the slots named are stopped in the middle.
struct FakeSlots {
    time: SimulatedTime,
    stop_in: Vec<u32>,
    fail_in: Vec<u32>,
    ran: Vec<(u32, &'static str)>,
}

impl FakeSlots {
    fn run(&mut self, slot: u32, how: &'static str) -> Ran {
        self.ran.push((slot, how));
        if self.fail_in.contains(&slot) {
            return Ran::Failed("a photo is gone".to_owned());
        }
        if self.stop_in.contains(&slot) {
            self.stop_in.retain(|stopped| *stopped != slot);
            self.time.pass(SignedDuration::from_mins(5));
            return Ran::Ended(Ending::Interrupted);
        }
        self.time.pass(SignedDuration::from_mins(40));
        Ran::Ended(Ending::Finished)
    }
}

impl Slots for FakeSlots {
    async fn begin(&mut self, slot: u32, _run: &RunId) -> anyhow::Result<Ran> {
        Ok(self.run(slot, "begun"))
    }

    async fn resume(&mut self, slot: u32, _run: &RunId) -> anyhow::Result<Ran> {
        Ok(self.run(slot, "resumed"))
    }

    async fn stopped(&mut self) {
        std::future::pending::<()>().await;
    }
}

#[derive(Default)]
struct Said(Vec<String>);

impl Progress for Said {
    fn tell(&mut self, told: &Told<'_>) {
        self.0.push(format!("{told:?}"));
    }
}

fn header(begin: Timestamp) -> CampaignHeader {
    CampaignHeader {
        format: CAMPAIGN_FORMAT.to_owned(),
        id: RunId::from_random(1),
        started: begin,
        tool_version: "0.1.0".to_owned(),
        name: "week".to_owned(),
        asked: String::new(),
        executable_sha256: Sha256Digest::of(b"this"),
        schedule: Schedule {
            rule: ScheduleRule::Every { seconds: SIX_HOURS },
            count: 28,
            late_seconds: None,
        },
        slots: equally_spaced(begin, SIX_HOURS, 28).expect("slots"),
        late_seconds: 900,
    }
}

/// One process after another, until the campaign is over; each begins `away` after the one
/// before it stopped.
async fn week(
    stop_in: &[u32],
    fail_in: &[u32],
    away: SignedDuration,
) -> (CampaignRecord, FakeSlots) {
    let home = TempDir::new().expect("a directory");
    let registry = SqliteRegistry::open(&home.path().join("registry")).await.expect("opened");
    let begin: Timestamp = "2026-10-01T00:00:00Z".parse().expect("a time");
    let mut time = SimulatedTime(std::rc::Rc::new(std::cell::Cell::new(begin)));
    let header = header(begin);
    registry.begin_campaign(&header).await.expect("written");
    let mut slots = FakeSlots {
        time: time.clone(),
        stop_in: stop_in.to_vec(),
        fail_in: fail_in.to_vec(),
        ran: Vec::new(),
    };
    loop {
        // Each process reads what the one before it wrote.
        let mut record = registry.get_campaign(&header.id).await.expect("there");
        let mut said = Said::default();
        let ending = conduct(&registry, &mut record, &mut time, &mut slots, &mut said).await;
        assert!(!said.0.is_empty());
        match ending.expect("conducted") {
            Ending::Finished => {
                let stored = registry.get_campaign(&header.id).await.expect("there");
                assert_eq!(stored, record, "what is in memory is what was written");
                return (record, slots);
            }
            Ending::Interrupted => time.pass(away),
        }
    }
}

#[tokio::test]
async fn a_week_of_slots_passes_in_order() {
    let (record, slots) = week(&[], &[], SignedDuration::ZERO).await;
    assert!(record.states().iter().all(|state| matches!(state, SlotState::Finished { .. })));
    assert_eq!(slots.ran, (0..28).map(|slot| (slot, "begun")).collect::<Vec<_>>());
    let last = record.events.last().expect("events");
    assert_eq!(last.at, record.header.slots[27] + 40.minutes());
}

#[tokio::test]
async fn a_stopped_slot_is_resumed_by_the_next_process() {
    let (record, slots) = week(&[3], &[], SignedDuration::from_mins(2)).await;
    assert!(slots.ran.contains(&(3, "resumed")));
    assert!(record.states().iter().all(|state| matches!(state, SlotState::Finished { .. })));
}

#[tokio::test]
async fn slots_of_a_day_without_a_process_are_missed() {
    let (record, slots) = week(&[3], &[], SignedDuration::from_hours(25)).await;
    let states = record.states();
    assert!(matches!(states[3], SlotState::CutShort { .. }), "{:?}", states[3]);
    for state in &states[4..=7] {
        assert!(matches!(state, SlotState::Missed { .. }), "{state:?}");
    }
    assert!(matches!(states[8], SlotState::Finished { .. }), "{:?}", states[8]);
    assert!(!slots.ran.iter().any(|(slot, _)| (4..=7).contains(slot)));
}

#[tokio::test]
async fn a_slot_that_cannot_run_does_not_end_the_campaign() {
    let (record, _) = week(&[], &[5], SignedDuration::ZERO).await;
    let SlotState::CutShort { reason, .. } = &record.states()[5] else { panic!("it ran") };
    assert_eq!(reason, "a photo is gone");
    assert!(matches!(record.states()[6], SlotState::Finished { .. }));
}
