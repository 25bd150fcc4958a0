use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::{LoadTime, ThinkTime};

/// What a user asks for: the keys of `[[load]]`, of a scenario file and of the options of
/// `weighbridge load`, none of them checked against another yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoadSpec {
    /// An address (`http://…`, `https://…`), or in an experiment the name of a workload of
    /// kind "service".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Closed model: so many users, each waiting for its answer before it asks again. Open
    /// model: the most connections at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<u32>,
    /// Users that come in a second, evenly in time. Unless given, all within the first second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spawn_rate: Option<f64>,
    /// The pause of a user after an answer: "1s", or drawn evenly from "1s..3s".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub think: Option<ThinkTime>,
    /// Open model: requests a second, sent when they are due whether or not answers came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Open model: distances between requests, "poisson" (default) or "constant".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Arrival>,
    /// How long requests are sent [10s]. What is under way then is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<LoadTime>,
    /// In place of `duration` and `spawn_rate`: stretches that ramp evenly to their users or
    /// rate, one after another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageSpec>,
    /// A request without an answer after this time has failed [30s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<LoadTime>,
    /// Method [GET, with a body POST].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Headers of every request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Files, or directories of files, that are sent in turn as bodies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<String>,
    /// Requests of a scenario, drawn by weight.
    #[serde(rename = "request", skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<RequestSpec>,
    /// "1.1" (default) or "2".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpVersion>,
    /// Redirects that are followed [10].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirects: Option<u32>,
    /// Seed of pauses, arrivals and choices [42].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Conditions that fail the run where they do not hold, such as "p95<500ms" or
    /// "failures<1%".
    #[serde(rename = "threshold", skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<String>,
    /// One of MLPerf's scenarios in place of users or a rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mlperf: Option<MlperfScenario>,
    /// MLPerf: least number of queries [by the scenario].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queries: Option<u64>,
    /// MLPerf Server: bound of the 99th percentile, such as "100ms".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_bound: Option<LoadTime>,
}

/// One stretch of a load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageSpec {
    /// Its length.
    pub duration: LoadTime,
    /// Users at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u32>,
    /// Requests a second at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
}

/// One kind of request of a scenario.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RequestSpec {
    /// What the report calls it [its method and path].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Path with query, from the target's root [the target's own].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How often it is chosen beside the others [1].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// Method [the load's].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Headers beside the load's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Files or directories of bodies [the load's].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<String>,
}

/// Distances between requests of the open model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Arrival {
    /// Exponentially distributed: independent visitors.
    #[default]
    Poisson,
    /// All the same.
    Constant,
}

/// Version of HTTP that is spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HttpVersion {
    /// HTTP/1.1, one request at a time on a connection.
    #[default]
    #[serde(rename = "1.1")]
    One,
    /// HTTP/2, by prior knowledge on plain connections, by ALPN under TLS.
    #[serde(rename = "2")]
    Two,
}

/// The scenarios of MLPerf Inference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MlperfScenario {
    /// One query at a time; judged by the 90th percentile.
    SingleStream,
    /// Eight samples at a time; judged by the 99th percentile of the query.
    MultiStream,
    /// Queries at Poisson times; judged by the 99th percentile against a bound.
    Server,
    /// All samples at once; judged by samples a second.
    Offline,
}

impl MlperfScenario {
    /// The name in the log files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SingleStream => "SingleStream",
            Self::MultiStream => "MultiStream",
            Self::Server => "Server",
            Self::Offline => "Offline",
        }
    }
}
