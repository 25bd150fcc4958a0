//! What every implementation of [`Runs`], [`Campaigns`] and [`Journal`] does, as one suite.
//!
//! An implementation calls [`all`] from a test with a factory that gives a new, empty
//! registry each time. Nothing here knows how records are stored; that they survive a
//! restart, a kill or a full disk is for each implementation to test.

pub mod example;

use std::collections::BTreeSet;
use std::future::Future;

use weighbridge_experiment::{
    CampaignRecord, RunEvent, RunEventKind, RunId, RunRecord, RunStatus, SlotEvent, SlotEventKind,
};

use crate::{Campaigns, Journal, JournalId, RegistryError, Runs};

/// Runs the whole suite, a new registry for each of its tests.
///
/// # Panics
///
/// Where the implementation does something else than it must.
pub async fn all<R, F, Made>(make: F)
where
    R: Runs + Campaigns + Journal,
    F: Fn() -> Made,
    Made: Future<Output = R>,
{
    a_run_is_read_back_as_it_was_written(&make().await).await;
    an_id_is_taken_once(&make().await).await;
    a_trial_is_taken_once(&make().await).await;
    a_run_that_is_not_there_is_refused_everywhere(&make().await).await;
    a_newer_run_is_refused(&make().await).await;
    what_would_not_come_back_is_refused(&make().await).await;
    runs_are_listed_from_the_last(&make().await).await;
    status_follows_the_events(&make().await).await;
    runs_are_found_by_what_users_write(&make().await).await;
    done_is_what_a_resumed_run_leaves_out(&make().await).await;
    a_campaign_is_read_back_as_it_was_written(&make().await).await;
    campaigns_are_refused_like_runs(&make().await).await;
    the_journal_holds_what_is_not_gone(&make().await).await;
    the_journal_keeps_everything_it_was_told(&make().await).await;
}

fn run(number: u64) -> RunId {
    RunId::from_random(number)
}

fn at(seconds: i64, kind: RunEventKind) -> RunEvent {
    RunEvent { at: example::time(seconds), kind }
}

/// Header, events and trials come back equal and in order, of that run only.
pub async fn a_run_is_read_back_as_it_was_written(registry: &impl Runs) {
    let mut expected = Vec::new();
    for id in [run(1), run(2)] {
        let record = RunRecord {
            header: example::header(&id, 0),
            events: vec![at(1, example::described()), at(9, RunEventKind::Finished)],
            trials: vec![
                example::trial(1, "native", "derain"),
                example::failure(0, "small", "derain"),
            ],
        };
        registry.begin(&record.header).await.expect("a new run");
        expected.push(record);
    }
    for record in &expected {
        for trial in &record.trials {
            registry.append_trial(&record.header.id, trial).await.expect("a new trial");
        }
        for event in &record.events {
            registry.append_event(&record.header.id, event).await.expect("an event");
        }
    }
    for record in &expected {
        assert_eq!(registry.get(&record.header.id).await.expect("the run"), *record);
    }
}

/// A second run of the same id is refused and changes nothing.
pub async fn an_id_is_taken_once(registry: &impl Runs) {
    let header = example::header(&run(1), 0);
    registry.begin(&header).await.expect("a new run");
    let again = registry.begin(&example::header(&run(1), 60)).await;
    assert!(matches!(again, Err(RegistryError::DuplicateRun { run: id }) if id == run(1)));
    assert_eq!(registry.get(&run(1)).await.expect("the run").header, header);
}

/// A second trial of the same cell in the same block is refused, whatever it says.
pub async fn a_trial_is_taken_once(registry: &impl Runs) {
    registry.begin(&example::header(&run(1), 0)).await.expect("a new run");
    registry.begin(&example::header(&run(2), 0)).await.expect("a new run");
    let first = example::trial(3, "native", "derain");
    registry.append_trial(&run(1), &first).await.expect("a new trial");
    let again = registry.append_trial(&run(1), &example::failure(3, "native", "derain")).await;
    let Err(RegistryError::DuplicateTrial { run: id, block, cell }) = again else {
        panic!("a second trial was taken: {again:?}");
    };
    assert_eq!((id, block, cell), (run(1), 3, first.cell.clone()));
    for (id, other) in [
        (run(1), example::trial(4, "native", "derain")),
        (run(1), example::trial(3, "small", "derain")),
        (run(1), example::trial(3, "native", "lights")),
        (run(2), example::trial(3, "native", "derain")),
    ] {
        registry.append_trial(&id, &other).await.expect("another trial");
    }
    assert_eq!(registry.get(&run(1)).await.expect("the run").trials[0], first);
}

/// No method makes a run up.
pub async fn a_run_that_is_not_there_is_refused_everywhere(registry: &impl Runs) {
    let trial = example::trial(0, "native", "derain");
    let errors = [
        registry.append_trial(&run(7), &trial).await.err(),
        registry.append_event(&run(7), &at(0, RunEventKind::Finished)).await.err(),
        registry.get(&run(7)).await.err(),
        registry.done(&run(7)).await.err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(RegistryError::NoSuchRun { .. })), "{error:?}");
    }
    assert_eq!(registry.list().await.expect("a list"), []);
}

/// A run of a newer format is not written, so that no version pretends to know it.
pub async fn a_newer_run_is_refused(registry: &impl Runs) {
    let mut header = example::header(&run(1), 0);
    header.format = "weighbridge.run/99".to_owned();
    let refused = registry.begin(&header).await;
    assert!(matches!(refused, Err(RegistryError::NewerRecord { .. })), "{refused:?}");
}

/// A number that is not finite is refused while there is somebody to tell.
pub async fn what_would_not_come_back_is_refused(registry: &impl Runs) {
    registry.begin(&example::header(&run(1), 0)).await.expect("a new run");
    let mut trial = example::trial(0, "native", "derain");
    example::measurement(&mut trial).start.ready_seconds = f64::NAN;
    let refused = registry.append_trial(&run(1), &trial).await;
    assert!(matches!(refused, Err(RegistryError::NotStorable { .. })), "{refused:?}");
    assert_eq!(registry.get(&run(1)).await.expect("the run").trials, []);
}

/// The list says what the plan asks and what is there, the run begun last first.
pub async fn runs_are_listed_from_the_last(registry: &impl Runs) {
    // Begun later by order, earlier by its clock: the order in which runs were begun counts.
    registry.begin(&example::header(&run(1), 3_600)).await.expect("a new run");
    registry.begin(&example::header(&run(2), 0)).await.expect("a new run");
    registry.append_trial(&run(1), &example::trial(0, "native", "derain")).await.expect("a trial");
    registry.append_trial(&run(1), &example::failure(0, "small", "derain")).await.expect("a trial");
    let list = registry.list().await.expect("a list");
    assert_eq!(list.iter().map(|summary| summary.id.clone()).collect::<Vec<_>>(), [run(2), run(1)]);
    let summary = &list[1];
    let header = example::header(&run(1), 3_600);
    assert_eq!(summary.name, header.plan.name);
    assert_eq!(summary.started, header.started);
    assert_eq!(summary.tool_version, header.tool_version);
    assert_eq!(summary.environments, ["native", "small"]);
    assert_eq!(summary.workloads, ["derain", "lights"]);
    assert_eq!((summary.trials_done, summary.trials_failed), (2, 1));
    // Two environments, 20 trials of one workload and 5 of the other.
    assert_eq!(summary.trials_asked, 50);
    assert_eq!(
        (summary.status, summary.finished, summary.resumed),
        (RunStatus::Unfinished, None, false)
    );
}

/// Status, end and resumption in the list are those of the record.
pub async fn status_follows_the_events(registry: &impl Runs) {
    registry.begin(&example::header(&run(1), 0)).await.expect("a new run");
    let steps = [
        (example::described(), RunStatus::Unfinished),
        (RunEventKind::Interrupted, RunStatus::Interrupted),
        (RunEventKind::Resumed, RunStatus::Unfinished),
        (RunEventKind::Finished, RunStatus::Finished),
    ];
    for (second, (kind, status)) in (1..).zip(steps) {
        registry.append_event(&run(1), &at(second, kind)).await.expect("an event");
        let record = registry.get(&run(1)).await.expect("the run");
        let list = registry.list().await.expect("a list");
        assert_eq!(list[0].status, status);
        assert_eq!(list[0].status, record.status());
        assert_eq!(list[0].resumed, record.resumed());
        assert_eq!(list[0].finished, record.finished());
    }
}

/// `latest`, ids and beginnings of ids; several candidates are named.
pub async fn runs_are_found_by_what_users_write(registry: &impl Runs) {
    assert!(matches!(registry.find("latest").await, Err(RegistryError::NoRuns)));
    for id in [run(0xab00_0000_0001), run(0xab00_0000_0002), run(0xcd00_0000_0003)] {
        registry.begin(&example::header(&id, 0)).await.expect("a new run");
    }
    let found = async |reference: &str| registry.find(reference).await.expect("a run");
    assert_eq!(found("latest").await, run(0xcd00_0000_0003));
    assert_eq!(found("ab0000000001").await, run(0xab00_0000_0001));
    assert_eq!(found("cd").await, run(0xcd00_0000_0003));
    assert!(matches!(registry.find("ef").await, Err(RegistryError::NoSuchRun { .. })));
    // Characters that mean something to a database's pattern matching mean nothing here.
    for pattern in ["%", "_b", "a*", "' OR 1=1 --"] {
        assert!(matches!(registry.find(pattern).await, Err(RegistryError::NoSuchRun { .. })));
    }
    let ambiguous = registry.find("ab").await;
    let Err(RegistryError::AmbiguousRun { candidates, .. }) = ambiguous else {
        panic!("two runs begin with ab: {ambiguous:?}");
    };
    assert_eq!(candidates, [run(0xab00_0000_0002), run(0xab00_0000_0001)]);
}

/// Measured and failed trials alike are done.
pub async fn done_is_what_a_resumed_run_leaves_out(registry: &impl Runs) {
    registry.begin(&example::header(&run(1), 0)).await.expect("a new run");
    assert_eq!(registry.done(&run(1)).await.expect("nothing yet"), BTreeSet::new());
    let trials = [example::trial(0, "native", "derain"), example::failure(2, "small", "derain")];
    for trial in &trials {
        registry.append_trial(&run(1), trial).await.expect("a trial");
    }
    let expected: BTreeSet<_> = trials.into_iter().map(|trial| (trial.block, trial.cell)).collect();
    assert_eq!(registry.done(&run(1)).await.expect("two trials"), expected);
}

/// Header and events come back equal and in order, of that campaign only, the last one first.
pub async fn a_campaign_is_read_back_as_it_was_written(registry: &impl Campaigns) {
    let event = |seconds, slot, kind| SlotEvent { at: example::time(seconds), slot, kind };
    let mut expected = Vec::new();
    for id in [run(1), run(2)] {
        let record = CampaignRecord {
            header: example::campaign(&id),
            events: vec![
                event(0, 0, SlotEventKind::Begun { run: run(7) }),
                event(1, 0, SlotEventKind::Resumed),
                event(9, 0, SlotEventKind::Finished),
                event(10, 1, SlotEventKind::Missed { reason: "the host was off".to_owned() }),
            ],
        };
        registry.begin_campaign(&record.header).await.expect("a new campaign");
        expected.push(record);
    }
    for index in 0..4 {
        for record in &expected {
            let event = &record.events[index];
            registry.append_slot_event(&record.header.id, event).await.expect("an event");
        }
    }
    for record in &expected {
        assert_eq!(registry.get_campaign(&record.header.id).await.expect("there"), *record);
    }
    expected.reverse();
    assert_eq!(registry.list_campaigns().await.expect("a list"), expected);
    assert_eq!(registry.find_campaign("latest").await.expect("the last"), run(2));
    assert_eq!(registry.find_campaign("000000000001").await.expect("by id"), run(1));
}

/// An id is taken once, nothing is made up, a newer format is not read.
pub async fn campaigns_are_refused_like_runs(registry: &impl Campaigns) {
    assert!(matches!(registry.find_campaign("latest").await, Err(RegistryError::NoCampaigns)));
    let header = example::campaign(&run(1));
    registry.begin_campaign(&header).await.expect("a new campaign");
    let again = registry.begin_campaign(&header).await;
    assert!(
        matches!(again, Err(RegistryError::DuplicateCampaign { campaign }) if campaign == run(1))
    );
    let event = SlotEvent { at: example::time(0), slot: 0, kind: SlotEventKind::Finished };
    for error in [
        registry.append_slot_event(&run(9), &event).await.err(),
        registry.get_campaign(&run(9)).await.err(),
        registry.find_campaign("f").await.err(),
    ] {
        assert!(matches!(error, Some(RegistryError::NoSuchCampaign { .. })), "{error:?}");
    }
    let mut newer = example::campaign(&run(2));
    newer.format = "weighbridge.campaign/99".to_owned();
    let refused = registry.begin_campaign(&newer).await.expect_err("newer").to_string();
    assert!(refused.starts_with("campaign 000000000002 was written by"), "{refused}");
}

/// Intended, made, gone; each step may be written twice, and gone is for ever.
pub async fn the_journal_holds_what_is_not_gone(registry: &impl Journal) {
    let owner = example::owner(1);
    let id = registry.intend(None, &example::resource("wb-1"), &owner).await.expect("an entry");
    let other =
        registry.intend(Some(&run(1)), &example::resource("wb-2"), &owner).await.expect("an entry");
    assert_ne!(id, other);
    let created = async || -> Vec<(JournalId, bool)> {
        let entries = registry.outstanding().await.expect("the journal");
        entries.iter().map(|entry| (entry.id, entry.created)).collect()
    };
    assert_eq!(created().await, [(id, false), (other, false)]);
    for _ in 0..2 {
        registry.created(id).await.expect("a step");
        assert_eq!(created().await, [(id, true), (other, false)]);
    }
    for _ in 0..2 {
        registry.gone(id).await.expect("a step");
        assert_eq!(created().await, [(other, false)]);
    }
    // A process that was slow to say so does not bring it back.
    registry.created(id).await.expect("a step");
    registry.gone(other).await.expect("gone without having been seen");
    assert_eq!(created().await, []);
    let unknown = JournalId(id.0.max(other.0) + 1_000);
    for refused in [registry.created(unknown).await, registry.gone(unknown).await] {
        assert!(matches!(refused, Err(RegistryError::NoSuchJournalEntry { id }) if id == unknown));
    }
}

/// Resource, owner and run come back equal.
pub async fn the_journal_keeps_everything_it_was_told(registry: &impl Journal) {
    let resource = example::resource("wb-1");
    let owner = example::owner(u64::MAX);
    registry.intend(Some(&run(5)), &resource, &owner).await.expect("an entry");
    registry.intend(None, &resource, &owner).await.expect("the same thing once more");
    let entries = registry.outstanding().await.expect("the journal");
    assert_eq!(entries[0].run, Some(run(5)));
    assert_eq!(entries[1].run, None);
    for entry in entries {
        assert_eq!((entry.resource, entry.owner), (resource.clone(), owner.clone()));
    }
}
