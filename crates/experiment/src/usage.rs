use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Cumulative counters of one instance since it started, and its memory at one moment.
///
/// A counter that an instrument cannot read is `None`, never 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Usage {
    /// Processor time, all threads, user and system.
    pub cpu_nanoseconds: Option<u64>,
    /// Memory resident now.
    pub memory_resident_bytes: Option<u64>,
    /// Highest resident memory so far.
    pub memory_peak_bytes: Option<u64>,
    /// Bytes that storage really delivered.
    pub storage_read_bytes: Option<u64>,
    /// Bytes really sent to storage.
    pub storage_write_bytes: Option<u64>,
    /// Read requests.
    pub storage_read_requests: Option<u64>,
    /// Write requests.
    pub storage_write_requests: Option<u64>,
    /// Bytes received over interfaces other than loopback.
    pub network_receive_bytes: Option<u64>,
    /// Bytes sent over interfaces other than loopback.
    pub network_transmit_bytes: Option<u64>,
    /// Packets received over interfaces other than loopback.
    pub network_receive_packets: Option<u64>,
    /// Packets sent over interfaces other than loopback.
    pub network_transmit_packets: Option<u64>,
    /// Share of the last moment in which the first NVIDIA GPU computed, in per cent. Of the
    /// whole GPU, whoever used it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_utilization_percent: Option<u32>,
    /// Memory of that GPU in use now, by whomever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_memory_bytes: Option<u64>,
}

/// One reading of a meter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// Seconds since the trial's start, by the meter's own monotonic clock.
    pub at_seconds: f64,
    /// What was read.
    pub usage: Usage,
}

/// Where a number was read: the file or call, and who read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Instrument {
    /// Read, by this means.
    Present(String),
    /// Not read, for this reason.
    Missing(String),
}

/// The instruments behind the outside samples of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instruments {
    /// Behind processor time.
    pub cpu: Instrument,
    /// Behind memory.
    pub memory: Instrument,
    /// Behind bytes and requests of storage.
    pub storage: Instrument,
    /// Behind bytes and packets of the network.
    pub network: Instrument,
    /// Behind durations.
    pub time: Instrument,
    /// Behind the GPU's utilisation and memory.
    #[serde(default = "no_gpu_yet")]
    pub gpu: Instrument,
}

/// What records of versions without this instrument are read as.
fn no_gpu_yet() -> Instrument {
    Instrument::Missing("the version that measured this read no GPU".to_owned())
}

impl Instrument {
    /// The means, or `missing: ` and the reason.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Present(means) => means.clone(),
            Self::Missing(reason) => format!("missing: {reason}"),
        }
    }
}
