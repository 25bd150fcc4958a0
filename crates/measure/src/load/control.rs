use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Stops a load from another thread. Copies stop the same load.
#[derive(Debug, Clone)]
pub struct LoadControl {
    stop: watch::Sender<bool>,
}

impl Default for LoadControl {
    fn default() -> Self {
        Self { stop: watch::Sender::new(false) }
    }
}

impl LoadControl {
    /// Ends the load now: what is under way is given up and counted as unfinished.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Whether it was stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }
}

/// A load at one moment, for whoever looks on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadSnapshot {
    /// Seconds since its start.
    pub elapsed_seconds: f64,
    /// Seconds that it is planned to take.
    pub planned_seconds: f64,
    /// Users, or busy connections.
    pub users: u32,
    /// Requests that came to an end.
    pub requests: u64,
    /// Failed ones among them.
    pub failures: u64,
    /// Requests under way.
    pub under_way: u64,
    /// Requests a second over the last interval.
    pub rps: f64,
    /// Failures a second over the last interval.
    pub failures_per_second: f64,
    /// Response times of the last interval in milliseconds: 50th, 95th, 99th percentile, and
    /// the longest. `None` where nothing came to an end.
    pub response_milliseconds: Option<[f64; 4]>,
    /// 99th percentile of the send lag so far, in milliseconds.
    pub send_lag_milliseconds: Option<f64>,
    /// Ways in which requests failed, with how often.
    pub errors: Vec<(String, u64)>,
}
