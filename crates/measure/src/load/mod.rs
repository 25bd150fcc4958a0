//! The load engine: sends requests to a service as a [`LoadPlan`] says, and records how long
//! each took from when it was due and from when it was sent.
//!
//! How truth is kept:
//! - a request's response time counts from the moment at which it was *due*, whatever kept
//!   the client from sending it; its service time from when it was sent. Both are recorded;
//! - due times are kept by a timer of the kernel ([`timer`]), since the runtime's own are
//!   rounded to milliseconds;
//! - no sample is kept: histograms with three significant digits hold everything, so that
//!   memory does not grow with the number of requests;
//! - failures are results with times of their own; what was due and not sent is counted;
//! - the client watches itself ([`health`]): a load that it could not carry out is said to be
//!   so.
//!
//! What is deliberately **not** known here: how a percentile is judged, how anything is
//! printed, terminals, wall clocks.

mod address;
mod bodies;
mod connect;
mod context;
mod control;
mod distributed;
mod engine;
mod error;
mod exchange;
mod failure;
mod health;
mod histogram;
mod limits;
mod merge;
mod mlperf;
mod moment;
mod open;
mod prepared;
mod schedule;
mod stream;
mod tally;
mod threads;
mod timer;
mod tls;
mod users;
mod visitor;

pub use control::{LoadControl, LoadSnapshot};
pub use distributed::{
    Coordination, DistributedError, Message, SILENCE, Share, Way, WorkerOptions, coordinate,
    over_stream, work,
};
pub use engine::{LoadOptions, run_load};
pub use error::LoadError;
pub use merge::merge_records;
pub use tls::client_tls;
