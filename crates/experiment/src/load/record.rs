use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::plan::LoadPlan;

/// A histogram of times in nanoseconds with 3 significant digits, in HdrHistogram's V2
/// encoding (uncompressed). In text it is hexadecimal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedHistogram(pub Vec<u8>);

impl Serialize for EncodedHistogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for EncodedHistogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(text).map(Self).map_err(de::Error::custom)
    }
}

impl JsonSchema for EncodedHistogram {
    fn schema_name() -> Cow<'static, str> {
        "EncodedHistogram".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": "HdrHistogram V2 encoding in hexadecimal", "type": "string"})
    }
}

/// What came of one kind of request. Response time counts from when a request was due,
/// service time from when it was sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestTally {
    /// Its name.
    pub name: String,
    /// Its method.
    pub method: String,
    /// Requests that came to an end, failed ones included.
    pub requests: u64,
    /// Failed ones among them.
    pub failures: u64,
    /// Bytes of bodies received.
    pub received_bytes: u64,
    /// Response times of all of them.
    pub response: EncodedHistogram,
    /// Service times of all of them.
    pub service: EncodedHistogram,
    /// Response times of the failed ones.
    pub failed: EncodedHistogram,
}

/// One way in which requests failed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorTally {
    /// The request's method.
    pub method: String,
    /// The request's name.
    pub name: String,
    /// What happened, such as `status 503` or `connection refused`.
    pub error: String,
    /// How often.
    pub occurrences: u64,
    /// First time, in seconds from the start.
    pub first_seconds: f64,
    /// Last time, in seconds from the start.
    pub last_seconds: f64,
    /// Sum of the times after which it happened, in nanoseconds.
    pub total_nanoseconds: u64,
}

/// What came to an end within one stretch of the load.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IntervalTally {
    /// Its beginning in seconds from the start.
    pub from_seconds: f64,
    /// Its length in seconds.
    pub seconds: f64,
    /// Users, or busy connections, at its end.
    pub users: u32,
    /// Requests that came to an end.
    pub requests: u64,
    /// Failed ones among them.
    pub failures: u64,
    /// Bytes of bodies received.
    pub received_bytes: u64,
    /// Their response times.
    pub response: EncodedHistogram,
}

/// How the client itself fared. `None`: could not be read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientHealth {
    /// Processor time of the process over the load, in nanoseconds.
    pub cpu_nanoseconds: Option<u64>,
    /// Highest resident memory of the process in bytes.
    pub memory_peak_bytes: Option<u64>,
    /// Threads that sent requests.
    pub threads: u32,
    /// Processor time of the busiest sending thread, per cent of the load's duration.
    pub busiest_thread_percent: Option<f64>,
    /// Time for which sending threads were ready to run and did not, per cent of the time for
    /// which they were ready or ran.
    pub waiting_percent: Option<f64>,
    /// The same per wake-up, in nanoseconds.
    pub wakeup_delay_nanoseconds: Option<u64>,
    /// Time stolen by a hypervisor, per cent of one core.
    pub steal_percent: Option<f64>,
    /// Why the client, not the server, limited the load; empty where it did not.
    pub limited_by: Vec<String>,
    /// Workers that were lost, and what else must be known about the load.
    pub notes: Vec<String>,
}

/// A load that was carried out, or as much of it as there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadRecord {
    /// What was carried out; without secrets.
    pub plan: LoadPlan,
    /// Start, in milliseconds since 1970.
    pub started_unix_milliseconds: u64,
    /// From the start to the last answer or the end of the plan, whichever is later.
    pub duration_seconds: f64,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// The most users, or busy connections, at a time.
    pub users: u32,
    /// Requests that came to an end, by kind.
    pub requests: Vec<RequestTally>,
    /// Ways in which requests failed.
    pub errors: Vec<ErrorTally>,
    /// The load over time.
    pub intervals: Vec<IntervalTally>,
    /// From when a request could be sent to when it was.
    pub send_lag: EncodedHistogram,
    /// Requests that were due and never sent, because too many others waited already.
    pub dropped_sends: u64,
    /// Requests that waited for a free connection: their response time holds that wait.
    pub waited_sends: u64,
    /// Requests under way when the load was stopped.
    pub unfinished: u64,
    /// MLPerf: when queries were complete, if they have several samples.
    pub queries: Option<EncodedHistogram>,
    /// The client.
    pub client: ClientHealth,
}
