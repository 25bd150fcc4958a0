//! The AI web service: applications over HTTP, for people by pages and for programs by two
//! interfaces, each model behind a bounded queue.
//!
//! ```text
//! connection ─▶ router ─▶ upload, within bounds ─▶ pool: queue ─▶ worker ─▶ answer, or page
//!     │            │                                  │
//!     TLS, HTTP/2  token, same site, log              full: 503 and Retry-After, at once
//! ```
//!
//! * [`Service`]: binds, loads, runs until it is told to stop, drains.
//! * [`ServiceSettings`]: all that it is told; every bound has a default.
//! * [`InferenceAnswer`]: the JSON that programs read; [`Problem`]: what a refused one reads.
//!
//! What this crate deliberately does **not** know: experiments, trials, environments, meters,
//! the command line, where engines lie. It is given functions that load a model, and serves.

mod answer;
mod connection;
mod http;
mod metrics;
mod model;
mod page;
mod pool;
mod problem;
mod protocol;
mod service;
mod settings;
mod store;
mod tls;

pub use answer::{
    ClassAnswer, EngineAnswer, FoundAnswer, InferenceAnswer, ModelAnswer, ResultAnswer, StageTimes,
};
pub use pool::{MakeSession, PoolError};
pub use problem::Problem;
pub use service::{Service, ServiceError, Stopped};
pub use settings::{Clock, Limits, ModelSettings, ServiceSettings, StoreSettings, TlsSettings};
pub use store::StoreError;
pub use tls::TlsError;
