//! One load from several machines: a coordinator, which has the plan and merges what was
//! measured, and workers, which send.
//!
//! The two speak in [`Message`]s over a [`Way`], two queues: what moves messages between the
//! queues of two machines is no business of theirs. Here it is a stream, TCP with or without
//! TLS ([`over_stream`]); a message system can take its place.
//!
//! Histograms are merged without loss, since all have one resolution. A worker says twice a
//! second that it is alive; one that is silent for [`SILENCE`] or whose connection ends is
//! lost, is named, and makes the load invalid: its share was not carried out.

mod coordinator;
mod message;
mod stream;
mod worker;

use std::time::Duration;

use thiserror::Error;

pub use coordinator::{Coordination, coordinate};
pub use message::{Message, Share};
pub use stream::{Way, over_stream};
pub use worker::{WorkerOptions, work};

use super::LoadError;

/// How long a worker may be silent.
pub const SILENCE: Duration = Duration::from_millis(2500);
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long joining may take once there is a connection.
const JOINING: Duration = Duration::from_secs(10);

/// A load from several machines did not come about.
#[derive(Debug, Error)]
pub enum DistributedError {
    /// The other side is gone.
    #[error("the {whom} is gone; {hint}")]
    Gone {
        /// Who.
        whom: &'static str,
        /// What to look at.
        hint: &'static str,
    },
    /// The coordinator did not take this worker.
    #[error("the coordinator refused this worker: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// The other side said what cannot be said now.
    #[error(
        "the {whom} said something that does not belong here; both sides must be of one version of weighbridge"
    )]
    Unexpected {
        /// Who.
        whom: &'static str,
    },
    /// Every worker was lost or failed.
    #[error("no worker finished its share: {reasons}")]
    NoWorker {
        /// What happened to each.
        reasons: String,
    },
    /// MLPerf's scenarios are of one machine.
    #[error("MLPerf's scenarios are of one machine; leave out the workers")]
    Mlperf,
    /// Connections cannot be accepted.
    #[error("cannot accept workers")]
    Accept(#[source] std::io::Error),
    /// The engine.
    #[error(transparent)]
    Load(#[from] LoadError),
}
