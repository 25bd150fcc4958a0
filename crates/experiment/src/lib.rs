//! The nouns of Weighbridge, and the file in which a user writes an experiment.
//!
//! Every stage of a run (environment, measurement, price, registry, report) speaks in
//! the types of this crate and knows no other stage. What this crate deliberately does
//! **not** know: files on disk, the network, clocks, threads, async. It turns text into
//! a checked [`Experiment`] and gives the shapes of what was measured.
//!
//! Two things are kept apart throughout: what the user *asked* ([`Experiment`], the text
//! of the file) and what was *resolved* from it on one host ([`Plan`]).

mod benchmark;
mod campaign;
mod difference;
mod digest;
mod engine;
mod environment;
pub mod file;
mod firecracker_settings;
mod host;
pub mod load;
mod model_source;
mod money;
mod noise;
mod paper;
mod plan;
mod price;
mod qemu_settings;
mod run;
mod schedule;
mod settings;
mod trial;
mod units;
mod usage;
mod workload;

pub use benchmark::{
    Absence, AbsenceKind, Benchmark, BenchmarkOutcome, BenchmarkRow, BenchmarkUnit, CpuBenchmark,
    DensityBenchmark, FileioBenchmark, FileioMode, FileioTool, Measured, MemoryBenchmark, Quantity,
    StartupBenchmark, SyncPolicy, TransferBenchmark,
};
pub use campaign::{
    CAMPAIGN_FORMAT, CampaignHeader, CampaignRecord, SlotEvent, SlotEventKind, SlotState, Step,
    next_step,
};
pub use difference::Difference;
pub use digest::Sha256Digest;
pub use engine::{EngineName, EnginePlan, EngineWish};
pub use environment::{
    AgentLaunch, Availability, CreateRequest, Ended, Endpoint, EnvironmentFacts, EnvironmentKind,
    EnvironmentSpec, GuestCounters, InstanceId, Limits, MeterTarget, Resource,
};
pub use firecracker_settings::{FirecrackerSettings, GuestNetwork, JailerUse, StartMode};
pub use host::{Fact, HostFacts};
pub use model_source::{ModelSource, ModelSourceProblem};
pub use money::{Currency, Money, MoneyError};
pub use noise::{
    FREQUENCY_PERCENT_DISTURBS, HostNoise, OTHER_CPU_PERCENT_DISTURBS, STEAL_PERCENT_DISTURBS,
};
pub use paper::{InstrumentChoice, PaperCpu, PaperTarget};
pub use plan::{
    CellKey, CellPlan, CommandPlan, EnvironmentPlan, InputFile, OnnxPlan, Plan, Restart, TaskPlan,
    TensorPlan, TransferPlan, Unavailable, WorkloadPlan,
};
pub use price::{PriceSource, PriceSpec, ResolvedPrice};
pub use qemu_settings::{Accelerator, DiskCache, DiskSettings, QemuMachine, QemuSettings};
pub use run::{
    RUN_FORMAT, RepeatedTrial, RunEvent, RunEventKind, RunHeader, RunId, RunIdError, RunRecord,
    RunStatus,
};
pub use schedule::{MOST_SLOTS, Schedule, ScheduleRule, equally_spaced};
pub use settings::{
    ContainerNetwork, ContainerSettings, DockerSettings, EnvironmentSettings, Locator, SshSettings,
};
pub use trial::{
    EngineIdentity, GuestBoot, GuestStamps, InferenceTiming, SamplerCost, StartTiming,
    TrialFailure, TrialMeasurement, TrialOutcome, TrialRecord,
};
pub use units::{ByteSize, CpuCount, UnitError};
pub use usage::{Instrument, Instruments, Sample, Usage};
pub use workload::{
    ApplicationName, CommandSpec, OnnxSpec, TaskSpec, TensorElement, TensorSpec, TrialForm,
    WorkloadSpec,
};

pub use file::asked::Experiment;
