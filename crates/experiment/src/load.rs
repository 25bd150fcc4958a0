//! Load on a service: what a user asks for ([`LoadSpec`], the shape of `[[load]]` and of a
//! scenario file), what is resolved from it ([`LoadPlan`]), and what was measured
//! ([`LoadRecord`]).
//!
//! What is deliberately not known here: sockets, clocks, files, and how a number is judged.

mod plan;
mod profile;
mod record;
mod resolve;
mod spec;
mod threshold;
mod time;

pub use plan::{LoadModel, LoadPlan, LoadRequest, LoadTarget, MAX_USERS, MlperfPlan};
pub use profile::{Presence, Profile, Ramp};
pub use record::{
    ClientHealth, EncodedHistogram, ErrorTally, IntervalTally, LoadRecord, RequestTally,
};
pub use resolve::LoadProblem;
pub use spec::{Arrival, HttpVersion, LoadSpec, MlperfScenario, RequestSpec, StageSpec};
pub use threshold::{Threshold, ThresholdMetric, ThresholdProblem};
pub use time::{LoadTime, LoadTimeProblem, ThinkTime};
