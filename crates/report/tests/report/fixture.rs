//! Records of runs built in code: the same at every call, no clock, no measurement.

use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use weighbridge_experiment::*;
use weighbridge_report::Report;

/// Uniform and normal numbers from a seed.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn normal(&mut self) -> f64 {
        // Box and Muller (1958).
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// An environment of a run that is to be made up.
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) kind: EnvironmentKind,
    /// Time of a trial relative to the workload's.
    pub(crate) factor: f64,
    /// Every trial fails for this reason.
    pub(crate) fails: Option<&'static str>,
    pub(crate) price: Option<&'static str>,
    pub(crate) cpus: f64,
}

impl Place {
    pub(crate) fn new(name: &str, kind: EnvironmentKind, factor: f64) -> Self {
        Self { name: name.into(), kind, factor, fails: None, price: None, cpus: 2.0 }
    }
}

/// A workload of a run that is to be made up.
pub(crate) struct Work {
    pub(crate) name: String,
    pub(crate) application: ApplicationName,
    pub(crate) seconds: f64,
    pub(crate) inferences: u32,
}

impl Work {
    pub(crate) fn new(
        name: &str,
        application: ApplicationName,
        seconds: f64,
        inferences: u32,
    ) -> Self {
        Self { name: name.into(), application, seconds, inferences }
    }
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + seconds).expect("a time")
}

fn file(name: &str) -> InputFile {
    InputFile {
        name: name.into(),
        path: None,
        sha256: Sha256Digest::of(name.as_bytes()),
        bytes: 1_234,
    }
}

fn facts(model: &str) -> HostFacts {
    HostFacts(vec![
        Fact::known("cpu_model", model, "/proc/cpuinfo"),
        Fact::known("cpu_logical_count", "2", "/proc/cpuinfo"),
        Fact::known("kernel_release", "6.1.0-18-amd64", "uname"),
        Fact::known("cgroup_version", "v1", "/proc/self/mountinfo"),
        Fact::known("memory_total_bytes", "8324636672", "/proc/meminfo"),
        Fact::missing(
            "cpu_governor",
            "no such file",
            "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        ),
    ])
}

fn environment(place: &Place) -> EnvironmentPlan {
    EnvironmentPlan {
        name: place.name.clone(),
        kind: place.kind,
        limits: Limits {
            cpus: CpuCount::new(place.cpus).expect("CPUs"),
            memory: Some(ByteSize(2 << 30)),
        },
        version: (place.kind == EnvironmentKind::Container)
            .then(|| "libcontainer 0.7.0, cgroup v1".into()),
        emulated: false,
        restriction: None,
        slowdown_percent: None,
        settings: EnvironmentSettings::None,
        price: place.price.map(|hourly| ResolvedPrice {
            hourly: hourly.parse().expect("a price"),
            source: PriceSource::Book {
                entry: "aws/us-east-1/c7i.large".into(),
                book: "2026-11".into(),
                source: "https://aws.example/pricing".into(),
                retrieved: "2026-11-01".into(),
            },
        }),
    }
}

fn workload(work: &Work, trials: u32) -> WorkloadPlan {
    WorkloadPlan {
        engine: EnginePlan::default(),
        name: work.name.clone(),
        task: TaskPlan::Application(work.application),
        model: Some(file(&format!("{}.onnx", work.application))),
        class_labels: None,
        labels: Vec::new(),
        inputs: vec![file("rain-1.jpg"), file("rain-2.jpg")],
        inputs_per_trial: work.inferences,
        trials,
        trial: TrialForm::Warm,
        warmup: 1,
        threads: None,
    }
}

/// A finished run of these workloads in these environments.
pub(crate) fn run(places: &[Place], works: &[Work], trials: u32) -> RunRecord {
    let mut draw = Draw::new(7);
    let plan = Plan {
        name: "edge".into(),
        seed: 42,
        restart: Restart::Block,
        allow_differences: Vec::new(),
        repeat_disturbed: 0,
        instrument: InstrumentChoice::One,
        executable_sha256: Sha256Digest::of(b"weighbridge"),
        environments: places.iter().map(environment).collect(),
        workloads: works.iter().map(|work| workload(work, trials)).collect(),
        unavailable: vec![Unavailable {
            environment: "firecracker".into(),
            requested: false,
            reason: "not asked for".into(),
            enable: Some("weighbridge run --env firecracker".into()),
        }],
    };
    let mut events: Vec<RunEvent> = places
        .iter()
        .map(|place| {
            let described = EnvironmentFacts {
                environment: place.name.clone(),
                facts: facts("Example 9000 <fast> & \"quiet\""),
            };
            RunEvent { at: time(1), kind: RunEventKind::Described(described) }
        })
        .collect();
    events.push(RunEvent { at: time(120), kind: RunEventKind::Finished });
    let mut records = Vec::new();
    for block in 0..trials {
        let drift = 1.0 + 0.02 * draw.normal();
        for (position, (work, place)) in
            works.iter().flat_map(|work| places.iter().map(move |place| (work, place))).enumerate()
        {
            records.push(TrialRecord {
                block,
                position: position as u32,
                cell: CellKey { environment: place.name.clone(), workload: work.name.clone() },
                started: time(i64::from(block) + 2),
                outcome: outcome(place, work, drift * (1.0 + 0.01 * draw.normal())),
            });
        }
    }
    RunRecord {
        header: RunHeader {
            format: RUN_FORMAT.into(),
            id: "0123456789ab".parse().expect("an id"),
            started: time(0),
            tool_version: "0.1.0".into(),
            asked: "name = \"edge\"\n# <script>alert(1)</script>\n".into(),
            plan,
            host: facts("Example 9000 <fast> & \"quiet\""),
        },
        events,
        trials: records,
    }
}

fn outcome(place: &Place, work: &Work, noise: f64) -> TrialOutcome {
    if let Some(reason) = place.fails {
        return TrialOutcome::Failed(TrialFailure {
            reason: reason.into(),
            ended: Some(Ended {
                exit_code: None,
                signal: Some(9),
                oom_kills: Some(1),
                last_words: String::new(),
            }),
            command_exit_code: None,
        });
    }
    TrialOutcome::Ok(Box::new(measurement(place, work, work.seconds * place.factor * noise)))
}

fn measurement(place: &Place, work: &Work, seconds: f64) -> TrialMeasurement {
    let total_nanoseconds = (seconds * 1e9) as u64;
    let each = total_nanoseconds / u64::from(work.inferences);
    let inference = InferenceTiming {
        decode_nanoseconds: each / 10,
        prepare_nanoseconds: each / 20,
        infer_nanoseconds: each * 8 / 10,
        interpret_nanoseconds: each / 20,
    };
    let simulated = place.kind == EnvironmentKind::Simulated;
    let outside = if simulated { Vec::new() } else { samples(seconds, place.cpus) };
    let cpu =
        outside.last().and_then(|last| last.usage.cpu_nanoseconds).map(|last| last - 50_000_000);
    let present = |means: &str| Instrument::Present(means.into());
    let missing = || Instrument::Missing("simulated: nothing is measured".into());
    TrialMeasurement {
        engine: EngineIdentity {
            name: if simulated { "simulated" } else { "rten" }.into(),
            version: "0.27.0".into(),
            instruction_set: "avx2".into(),
            threads: 2,
        },
        start: StartTiming {
            created_seconds: None,
            ready_seconds: 0.03 * place.factor,
            load_seconds: 0.02,
            guest: None,
        },
        warmup: vec![InferenceTiming { infer_nanoseconds: each * 2, ..inference }],
        inferences: vec![inference; work.inferences as usize],
        total_nanoseconds,
        host_total_nanoseconds: total_nanoseconds + 400_000,
        outside,
        inside: Vec::new(),
        paper_cpu: None,
        agent_usage: Usage {
            cpu_nanoseconds: cpu,
            memory_peak_bytes: (!simulated).then_some(140 << 20),
            ..Usage::default()
        },
        process_cpu_nanoseconds: cpu,
        outside_sampler: SamplerCost { cpu_nanoseconds: 200_000, samples: 10 },
        inside_sampler: SamplerCost::default(),
        instruments: Instruments {
            cpu: if simulated { missing() } else { present("cgroup v1 cpuacct.usage") },
            memory: if simulated {
                missing()
            } else {
                present("cgroup v1 memory.max_usage_in_bytes")
            },
            storage: missing(),
            network: missing(),
            time: present("CLOCK_MONOTONIC of the agent"),
            gpu: missing(),
        },
        noise: HostNoise {
            steal_percent: Some(0.2),
            other_cpu_percent: Some(3.0),
            ..HostNoise::default()
        },
        output_sha256: Sha256Digest::of(work.name.as_bytes()),
        benchmark: Vec::new(),
    }
}

/// Samples at 10 Hz: use climbs from a third of the allotment to nearly all of it.
fn samples(seconds: f64, cpus: f64) -> Vec<Sample> {
    let mut samples = Vec::new();
    let (mut at, mut cpu) = (0.0, 0.05);
    loop {
        samples.push(Sample {
            at_seconds: at,
            usage: Usage {
                cpu_nanoseconds: Some((cpu * 1e9) as u64),
                memory_resident_bytes: Some(120 << 20),
                memory_peak_bytes: Some(142 << 20),
                ..Usage::default()
            },
        });
        if at >= seconds {
            return samples;
        }
        let step = (seconds - at).min(0.1);
        let share = (0.3 + at / seconds).min(0.97) + 0.03 * (at * 31.0).sin();
        at = if seconds - at <= 0.1 { seconds } else { at + step };
        cpu += step * cpus * share;
    }
}

/// One of everything: two that work, one simulated, one that failed, one unavailable.
pub(crate) fn mixed() -> RunRecord {
    use EnvironmentKind::{Container, Native, Simulated};
    let mut small = Place::new("small-container", Container, 1.0);
    small.fails = Some(
        "the container was killed for want of memory (signal 9, 1 kill by the cgroup's OOM counter); give it more than 2 GiB",
    );
    let mut native = Place::new("native", Native, 1.0);
    native.price = Some("0.0893 USD");
    let mut container = Place::new("container", Container, 1.04);
    container.price = Some("0.0893 USD");
    let places = [native, container, Place::new("simulated", Simulated, 0.9), small];
    let works = [
        Work::new("derain", ApplicationName::Derain, 1.2, 4),
        Work::new("traffic-light", ApplicationName::TrafficLight, 0.018, 8),
    ];
    let mut record = run(&places, &works, 20);
    record.header.plan.unavailable.push(Unavailable {
        environment: "qemu".into(),
        requested: true,
        reason: "qemu-system-x86_64 is not installed".into(),
        enable: Some("apt-get install -y qemu-system-x86".into()),
    });
    record
}

/// A price of time that is easy to check: hours × hourly price, exact to a billionth.
pub(crate) fn cost(price: &ResolvedPrice, seconds: f64) -> Result<Money, String> {
    let nanoseconds = rust_decimal::Decimal::from((seconds * 1e9) as u64);
    let hours = nanoseconds / rust_decimal::Decimal::from(3_600_000_000_000_u64);
    Ok(Money {
        amount: (price.hourly.amount * hours).round_dp(9),
        currency: price.hourly.currency.clone(),
    })
}

pub(crate) fn report(record: &RunRecord) -> Report {
    weighbridge_report::build(record, &cost)
}

/// A run of file reading and writing in environments with long names; the last of them has no
/// figure for random reads.
pub(crate) fn files_run(environments: usize) -> RunRecord {
    let place = |index: usize| {
        let name = format!("environment-with-a-long-name_number-{index}");
        Place::new(&name, [EnvironmentKind::Container, EnvironmentKind::Native][index % 2], 1.0)
    };
    let places: Vec<Place> = (0..environments).map(place).collect();
    let last = places.last().map(|place| place.name.clone()).unwrap_or_default();
    let mut record = run(&places, &[Work::new("files", ApplicationName::Derain, 3.0, 1)], 6);
    let work = &mut record.header.plan.workloads[0];
    work.task = TaskPlan::Benchmark(Benchmark::Fileio(FileioBenchmark::default()));
    work.model = None;
    let mut draw = Draw::new(5);
    for trial in &mut record.trials {
        let is_last = trial.cell.environment == last;
        let TrialOutcome::Ok(measurement) = &mut trial.outcome else { continue };
        for mode in FileioMode::ALL {
            for block in [4 << 10, 1 << 20].map(ByteSize) {
                let value = 100.0 * (0.1 * draw.normal()).exp();
                let outcome = if is_last && mode == FileioMode::RandomRead {
                    BenchmarkOutcome::Missing(Absence {
                        kind: AbsenceKind::DirectRefused,
                        reason: "the file system refuses O_DIRECT".into(),
                    })
                } else {
                    BenchmarkOutcome::Measured(Measured {
                        quantities: vec![Quantity {
                            unit: BenchmarkUnit::MegabytesPerSecond,
                            value,
                        }],
                        operations: 1_000,
                        seconds: 3.0,
                        latency_nanoseconds: vec![[50_000, 1_000]],
                    })
                };
                measurement.benchmark.push(BenchmarkRow {
                    mode: format!("{mode} {block}"),
                    instrument: "the agent, O_DIRECT".into(),
                    labels: vec!["past the page cache of this kernel".into()],
                    outcome,
                });
            }
        }
    }
    record
}

/// The same run, read with the edge paper's tools as well: in the first environment nothing, in
/// the others figures of their own.
pub(crate) fn as_the_paper_read(mut record: RunRecord) -> RunRecord {
    record.header.plan.instrument = InstrumentChoice::Paper;
    let without = record.header.plan.environments[0].name.clone();
    for trial in &mut record.trials {
        if let TrialOutcome::Ok(measurement) = &mut trial.outcome {
            measurement.paper_cpu = Some(if trial.cell.environment == without {
                PaperCpu::missing("the edge paper had no environment without walls")
            } else {
                PaperCpu {
                    instrument: Instrument::Present("as `docker stats` shows it".into()),
                    percents: vec![[1.0, 40.0], [2.0, 163.0]],
                }
            });
        }
    }
    record
}
