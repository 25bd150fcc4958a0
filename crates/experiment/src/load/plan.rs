use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::profile::Profile;
use super::spec::{Arrival, HttpVersion, MlperfScenario};
use super::threshold::Threshold;
use super::time::ThinkTime;

/// The most users or connections of one load: one address has 65,535 ports towards a server.
pub const MAX_USERS: u32 = 60_000;

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadTarget {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path with query, beginning with `/`.
    pub path: String,
}

impl LoadTarget {
    /// Reads an address such as `https://example.org:8443/v1/derain?size=2`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what an address looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| format!("`{text}` is not an address; begin with http:// or https://"))?;
        let tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(format!("`{scheme}` is not spoken here; use http:// or https://")),
        };
        if rest.chars().any(|c| c.is_control() || c.is_whitespace() || !c.is_ascii()) {
            return Err(format!(
                "`{text}` holds a space or a character outside ASCII; write it as %-escape"
            ));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let cut = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(cut);
        if authority.contains('@') {
            return Err(format!("`{text}` holds a password; give it as a header from a file"));
        }
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, after)) => (host, after.strip_prefix(':')),
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        if host.is_empty() {
            return Err(format!("`{text}` names no host"));
        }
        let port =
            match port {
                None if tls => 443,
                None => 80,
                Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                    format!("`{port}` is not a port; use a number from 1 to 65535")
                })?,
            };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { tls, host: host.to_owned(), port, path })
    }

    /// Host and port as the `Host` header has them.
    #[must_use]
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == if self.tls { 443 } else { 80 } {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl fmt::Display for LoadTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(formatter, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// When requests are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LoadModel {
    /// Closed: users that wait for their answer, pause, and ask again.
    Users {
        /// How many there are over time.
        profile: Profile,
        /// Their pause.
        think: ThinkTime,
    },
    /// Open: requests that are due at times of their own.
    Rate {
        /// Requests a second over time.
        profile: Profile,
        /// Their distances.
        arrival: Arrival,
        /// Most connections at a time; what is due while all are busy waits.
        connections: u32,
    },
    /// A scenario of MLPerf.
    Mlperf(MlperfPlan),
}

/// What MLPerf's load generator would be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MlperfPlan {
    /// Which scenario.
    pub scenario: MlperfScenario,
    /// Least number of queries (Offline: of samples).
    pub queries: u64,
    /// Least duration in seconds.
    pub seconds: f64,
    /// Samples of one query: 8 for `MultiStream`, else 1.
    pub samples_per_query: u32,
    /// Server: queries a second.
    pub rate: f64,
    /// Most connections at a time.
    pub connections: u32,
    /// Server: bound of the 99th percentile in milliseconds.
    pub latency_bound_milliseconds: Option<f64>,
}

/// One kind of request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadRequest {
    /// What the report calls it.
    pub name: String,
    /// Method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Share of all requests, over the sum of all weights.
    pub weight: f64,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Files or directories whose content is sent in turn.
    pub body: Vec<String>,
}

/// A load as it is carried out: everything checked and decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadPlan {
    /// Where to.
    pub target: LoadTarget,
    /// When.
    pub model: LoadModel,
    /// What; at least one.
    pub requests: Vec<LoadRequest>,
    /// A request without a complete answer after so many seconds has failed.
    pub timeout_seconds: f64,
    /// Version of HTTP.
    pub http: HttpVersion,
    /// Redirects that are followed.
    pub redirects: u32,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Conditions on the result.
    pub thresholds: Vec<Threshold>,
}

impl LoadPlan {
    /// How long requests are sent, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        match &self.model {
            LoadModel::Users { profile, .. } | LoadModel::Rate { profile, .. } => profile.seconds(),
            LoadModel::Mlperf(plan) => plan.seconds,
        }
    }

    /// The most connections at a time.
    #[must_use]
    pub fn connections(&self) -> u32 {
        match &self.model {
            LoadModel::Users { profile, .. } => profile.peak().ceil() as u32,
            LoadModel::Rate { connections, .. } => *connections,
            LoadModel::Mlperf(plan) => plan.connections,
        }
    }

    /// The same with the values of headers that may hold secrets left out, for records.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        const SECRET: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];
        let mut plan = self.clone();
        for (name, value) in plan.requests.iter_mut().flat_map(|request| &mut request.headers) {
            if SECRET.contains(&name.to_ascii_lowercase().as_str()) {
                "(not recorded)".clone_into(value);
            }
        }
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let parsed = LoadTarget::parse("https://[::1]:8443/v1?x=1#part").expect("an address");
        assert_eq!(
            (parsed.host.as_str(), parsed.port, parsed.path.as_str()),
            ("::1", 8443, "/v1?x=1")
        );
        assert_eq!(parsed.to_string(), "https://[::1]:8443/v1?x=1");
        let plain = LoadTarget::parse("http://host").expect("an address");
        assert_eq!(
            (plain.port, plain.path.as_str(), plain.authority().as_str()),
            (80, "/", "host")
        );
        for wrong in [
            "host:80",
            "ftp://host",
            "http://",
            "http://a b/",
            "http://u:p@h/",
            "http://h:0/",
            "http://h:x/",
        ] {
            assert!(LoadTarget::parse(wrong).is_err(), "{wrong}");
        }
    }
}
