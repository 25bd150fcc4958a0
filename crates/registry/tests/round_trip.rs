//! Any sequence of appends comes back as it was given.

use proptest::prelude::*;
use tempfile::TempDir;
use weighbridge_experiment::{
    EnvironmentFacts, Fact, HostFacts, RunEvent, RunEventKind, RunId, RunRecord, TrialOutcome,
    TrialRecord,
};
use weighbridge_registry::conformance::example;
use weighbridge_registry::{RegistryError, Runs, SqliteRegistry};

#[derive(Debug, Clone)]
enum Step {
    Trial(Box<TrialRecord>),
    Event(RunEvent),
}

prop_compose! {
    fn trial()(
        block in 0_u32..4,
        environment in prop::sample::select(vec!["native", "small", "a b\"c'd;--"]),
        workload in prop::sample::select(vec!["derain", "lights"]),
        ready_seconds in -1.0e300..1.0e300_f64,
        steal in prop::option::of(any::<f64>().prop_filter("finite", |value| value.is_finite())),
        nanoseconds in any::<u64>(),
        words in prop::option::of(".{0,40}"),
    ) -> TrialRecord {
        if let Some(words) = words {
            let mut trial = example::failure(block, environment, workload);
            if let TrialOutcome::Failed(failure) = &mut trial.outcome {
                failure.reason = words;
            }
            return trial;
        }
        let mut trial = example::trial(block, environment, workload);
        let measurement = example::measurement(&mut trial);
        measurement.start.ready_seconds = ready_seconds;
        measurement.noise.steal_percent = steal;
        measurement.total_nanoseconds = nanoseconds;
        trial
    }
}

fn event() -> impl Strategy<Value = RunEvent> {
    let kind = prop_oneof![
        Just(RunEventKind::Interrupted),
        Just(RunEventKind::Resumed),
        Just(RunEventKind::Finished),
        ".{0,40}".prop_map(|value| {
            let facts = HostFacts(vec![Fact::known("cpu_model", value, "/proc/cpuinfo")]);
            RunEventKind::Described(EnvironmentFacts { environment: "native".to_owned(), facts })
        }),
    ];
    (0_i64..1_000_000, kind)
        .prop_map(|(seconds, kind)| RunEvent { at: example::time(seconds), kind })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![3 => trial().prop_map(|trial| Step::Trial(Box::new(trial))), 1 => event().prop_map(Step::Event)]
}

/// Applies the steps to a registry and to a plain record at the same time; a second trial
/// of a cell in a block must be refused by one and is left out of the other.
async fn play(steps: Vec<Step>) -> (RunRecord, RunRecord) {
    let directory = TempDir::new().expect("a directory");
    let registry =
        SqliteRegistry::open(&directory.path().join("registry.sqlite")).await.expect("a registry");
    let id = RunId::from_random(1);
    let header = example::header(&id, 0);
    registry.begin(&header).await.expect("a run");
    let mut model = RunRecord { header, events: Vec::new(), trials: Vec::new() };
    for step in steps {
        match step {
            Step::Event(event) => {
                registry.append_event(&id, &event).await.expect("an event");
                model.events.push(event);
            }
            Step::Trial(trial) => {
                let known = model
                    .trials
                    .iter()
                    .any(|old| old.block == trial.block && old.cell == trial.cell);
                match registry.append_trial(&id, &trial).await {
                    Ok(()) if !known => model.trials.push(*trial),
                    Err(RegistryError::DuplicateTrial { .. }) if known => {}
                    other => panic!("known: {known}, but {other:?}"),
                }
            }
        }
    }
    let list = registry.list().await.expect("a list");
    assert_eq!(list[0].status, model.status());
    assert_eq!(list[0].trials_done as usize, model.trials.len());
    (registry.get(&id).await.expect("the run"), model)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_sequence_of_appends_comes_back(steps in prop::collection::vec(step(), 0..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (stored, model) = runtime.block_on(play(steps));
        prop_assert_eq!(stored, model);
    }
}
