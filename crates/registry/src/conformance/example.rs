//! Records with every field filled, the same on every call.

use std::path::PathBuf;

use jiff::{Timestamp, ToSpan};
use weighbridge_experiment::{
    ApplicationName, CAMPAIGN_FORMAT, CampaignHeader, CellKey, CpuCount, Ended, EngineIdentity,
    EnginePlan, EnvironmentFacts, EnvironmentKind, EnvironmentPlan, EnvironmentSettings, Fact,
    HostFacts, HostNoise, InferenceTiming, InputFile, InstanceId, Instrument, InstrumentChoice,
    Instruments, Limits, PaperCpu, Plan, RUN_FORMAT, Resource, Restart, RunEventKind, RunHeader,
    RunId, Sample, SamplerCost, Schedule, ScheduleRule, Sha256Digest, StartTiming, TaskPlan,
    TrialFailure, TrialForm, TrialMeasurement, TrialOutcome, TrialRecord, Unavailable, Usage,
    WorkloadPlan,
};

use crate::Owner;

/// A moment, this many seconds after a fixed one.
#[must_use]
pub fn time(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + (20_000 * 24).hours() + seconds.seconds() + 123_456_789.nanoseconds()
}

/// A run of two environments, `native` and `small`, and two workloads, `derain` with 20
/// trials and `lights` with 5.
#[must_use]
pub fn header(id: &RunId, started_seconds: i64) -> RunHeader {
    RunHeader {
        format: RUN_FORMAT.to_owned(),
        id: id.clone(),
        started: time(started_seconds),
        tool_version: "0.1.0".to_owned(),
        asked: "name = \"edge\"\nseed = 42\n".to_owned(),
        plan: Plan {
            name: "edge".to_owned(),
            seed: u64::MAX,
            restart: Restart::Block,
            allow_differences: Vec::new(),
            repeat_disturbed: 0,
            instrument: InstrumentChoice::One,
            executable_sha256: Sha256Digest::of(b"executable"),
            environments: vec![
                environment("native", EnvironmentKind::Native),
                environment("small", EnvironmentKind::Container),
            ],
            workloads: vec![
                workload("derain", ApplicationName::Derain, 20),
                workload("lights", ApplicationName::TrafficLight, 5),
            ],
            unavailable: vec![Unavailable {
                environment: "microvm".to_owned(),
                requested: true,
                reason: "/dev/kvm is missing".to_owned(),
                enable: Some("modprobe kvm".to_owned()),
            }],
        },
        host: facts(),
    }
}

/// A campaign of two slots, six hours apart.
#[must_use]
pub fn campaign(id: &RunId) -> CampaignHeader {
    CampaignHeader {
        format: CAMPAIGN_FORMAT.to_owned(),
        id: id.clone(),
        started: time(0),
        tool_version: "0.1.0".to_owned(),
        name: "week".to_owned(),
        asked: "name = \"week\"\n".to_owned(),
        executable_sha256: Sha256Digest::of(b"executable"),
        schedule: Schedule {
            rule: ScheduleRule::Every { seconds: 21_600 },
            count: 2,
            late_seconds: Some(60),
        },
        slots: vec![time(0), time(21_600)],
        late_seconds: 60,
    }
}

fn environment(name: &str, kind: EnvironmentKind) -> EnvironmentPlan {
    EnvironmentPlan {
        name: name.to_owned(),
        kind,
        limits: Limits {
            cpus: CpuCount::new(0.7).expect("a share"),
            memory: "512MiB".parse().ok(),
        },
        version: Some("runtime 1.2.3".to_owned()),
        emulated: false,
        restriction: None,
        price: None,
        slowdown_percent: None,
        settings: EnvironmentSettings::None,
    }
}

fn workload(name: &str, application: ApplicationName, trials: u32) -> WorkloadPlan {
    WorkloadPlan {
        engine: EnginePlan::default(),
        name: name.to_owned(),
        task: TaskPlan::Application(application),
        model: Some(InputFile {
            name: "model.onnx".to_owned(),
            path: Some(PathBuf::from("/models/model.onnx")),
            sha256: Sha256Digest::of(b"model"),
            bytes: 1_234_567,
        }),
        class_labels: None,
        labels: vec!["seeded weights: speed only".to_owned()],
        inputs: Vec::new(),
        inputs_per_trial: 4,
        trials,
        trial: TrialForm::Warm,
        warmup: 1,
        threads: None,
    }
}

fn facts() -> HostFacts {
    HostFacts(vec![
        Fact::known("memory_total_bytes", "16777216", "/proc/meminfo"),
        Fact::missing("governor", "no such file: 'cpufreq' — \"not\" here\n", "/sys"),
    ])
}

/// Facts read inside an environment.
#[must_use]
pub fn described() -> RunEventKind {
    RunEventKind::Described(EnvironmentFacts { environment: "small".to_owned(), facts: facts() })
}

fn cell(environment: &str, workload: &str) -> CellKey {
    CellKey { environment: environment.to_owned(), workload: workload.to_owned() }
}

/// A trial that worked.
#[must_use]
pub fn trial(block: u32, environment: &str, workload: &str) -> TrialRecord {
    let usage = Usage {
        cpu_nanoseconds: Some(u64::MAX),
        memory_resident_bytes: Some(1 << 27),
        memory_peak_bytes: None,
        ..Usage::default()
    };
    // 0.1 + 0.2 has all of its bits: an f64 that is shortened on its way is noticed.
    let sample = Sample { at_seconds: 0.1 + 0.2, usage };
    let timing = InferenceTiming {
        decode_nanoseconds: 1,
        prepare_nanoseconds: 22,
        infer_nanoseconds: 333,
        interpret_nanoseconds: 4_444,
    };
    let present = |means: &str| Instrument::Present(means.to_owned());
    let measurement = TrialMeasurement {
        engine: EngineIdentity {
            name: "rten".to_owned(),
            version: "0.27.0".to_owned(),
            instruction_set: "avx2".to_owned(),
            threads: 2,
        },
        start: StartTiming {
            created_seconds: Some(0.25),
            ready_seconds: 1.0 / 3.0,
            load_seconds: 5e-324,
            guest: None,
        },
        warmup: vec![timing],
        inferences: vec![timing; 4],
        total_nanoseconds: 987_654_321,
        host_total_nanoseconds: 987_700_000,
        outside: vec![sample; 3],
        inside: vec![sample; 2],
        paper_cpu: Some(PaperCpu {
            instrument: present("as `docker stats` shows it"),
            percents: vec![[1.0, 199.5]],
        }),
        agent_usage: usage,
        process_cpu_nanoseconds: Some(7),
        outside_sampler: SamplerCost { cpu_nanoseconds: 11, samples: 3 },
        inside_sampler: SamplerCost { cpu_nanoseconds: 12, samples: 2 },
        instruments: Instruments {
            cpu: present("cpuacct.usage"),
            memory: present("memory.usage_in_bytes"),
            storage: Instrument::Missing("no blkio controller".to_owned()),
            network: present("/proc/PID/net/dev"),
            time: present("CLOCK_MONOTONIC"),
            gpu: Instrument::Missing("no GPU".to_owned()),
        },
        noise: HostNoise {
            steal_percent: Some(0.1),
            heat_throttles: Some(2),
            ..HostNoise::default()
        },
        output_sha256: Sha256Digest::of(b"output"),
        benchmark: Vec::new(),
    };
    TrialRecord {
        block,
        position: 1,
        cell: cell(environment, workload),
        started: time(i64::from(block)),
        outcome: TrialOutcome::Ok(Box::new(measurement)),
    }
}

/// A trial that did not.
#[must_use]
pub fn failure(block: u32, environment: &str, workload: &str) -> TrialRecord {
    let ended = Ended {
        exit_code: None,
        signal: Some(9),
        oom_kills: Some(1),
        last_words: "out of memory\n".to_owned(),
    };
    TrialRecord {
        block,
        position: 0,
        cell: cell(environment, workload),
        started: time(i64::from(block)),
        outcome: TrialOutcome::Failed(TrialFailure {
            reason: "killed by the kernel for want of memory".to_owned(),
            ended: Some(ended),
            command_exit_code: None,
        }),
    }
}

/// The measurement of a trial that worked.
///
/// # Panics
///
/// Where it did not.
pub fn measurement(trial: &mut TrialRecord) -> &mut TrialMeasurement {
    match &mut trial.outcome {
        TrialOutcome::Ok(measurement) => measurement,
        TrialOutcome::Failed(failure) => panic!("the trial failed: {}", failure.reason),
    }
}

/// Something that could be left behind.
#[must_use]
pub fn resource(instance: &str) -> Resource {
    Resource {
        kind: EnvironmentKind::Container,
        instance: InstanceId(instance.to_owned()),
        directory: PathBuf::from("/run/weighbridge").join(instance),
        locator: None,
    }
}

/// A process.
#[must_use]
pub fn owner(process_start_ticks: u64) -> Owner {
    Owner {
        boot_id: "5e0f6c1a-8f4e-4d7f-9d5c-0d2f7f4f3a11".to_owned(),
        process: u32::MAX,
        process_start_ticks,
    }
}
