//! Meters: what an instance used, read from outside and from inside, and what kind of
//! host it was read on.
//!
//! A meter gives cumulative counters ([`Usage`](weighbridge_experiment::Usage)); a
//! [`Sampler`] reads one on a fixed schedule beside a trial. A counter that cannot be read
//! is missing with a reason in the meter's instruments, never 0.
//!
//! Beside them the system benchmarks, which do work of their own and time it
//! ([`run_benchmark`]).
//!
//! And the load engine, which sends requests to a service and times them ([`load`]).
//!
//! What this crate deliberately does **not** know: what runs in the instance, how it was
//! made, what a trial is, and how numbers are judged. It never computes a percentage of an
//! instance's use, but for tools that show nothing else ([`PaperMeter`]), and never decides that a number is good enough.

mod bench;
mod facts;
pub mod load;
mod meter;
mod noise;
mod roots;
mod sampler;

pub use bench::{BenchmarkError, BenchmarkPlace, Extent, SshClient, run_benchmark, run_transfer};
pub use facts::{host_facts, host_facts_at};
pub use meter::{
    Meter, MeterError, OutsideMeter, OwnProcessMeter, PaperMeter, process_cpu_nanoseconds,
    process_cpu_nanoseconds_at,
};
pub use noise::HostNoiseMeter;
pub use roots::Roots;
pub use sampler::{Sampled, Sampler, SamplerError};
