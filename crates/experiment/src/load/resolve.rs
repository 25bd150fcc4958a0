//! From what was asked to a plan: every value checked, every default filled in. Does not know
//! whether the target or a file is there.

use thiserror::Error;

use super::plan::{LoadModel, LoadPlan, LoadRequest, LoadTarget, MAX_USERS, MlperfPlan};
use super::profile::{Profile, Ramp};
use super::spec::{LoadSpec, MlperfScenario, RequestSpec};
use super::time::{LoadTime, ThinkTime};

const DURATION_SECONDS: f64 = 10.0;
const TIMEOUT_SECONDS: f64 = 30.0;
const MOST_PER_SECOND: f64 = 1e6;
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// A load that cannot be meant, by the key that says it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct LoadProblem {
    /// The key, such as `users`.
    pub key: &'static str,
    /// What is wrong and what to write.
    pub message: String,
}

fn problem<T>(key: &'static str, message: impl Into<String>) -> Result<T, LoadProblem> {
    Err(LoadProblem { key, message: message.into() })
}

impl LoadSpec {
    /// Reads a scenario file: the keys of one `[[load]]`, at the top.
    ///
    /// # Errors
    ///
    /// What is wrong, with line and column.
    pub fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Resolves the load against an address: the target's own, or that of a service that was
    /// started for it.
    ///
    /// # Errors
    ///
    /// The first value that cannot be meant.
    pub fn resolve(&self, address: &str) -> Result<LoadPlan, LoadProblem> {
        let target =
            LoadTarget::parse(address).map_err(|message| LoadProblem { key: "target", message })?;
        let requests = self.resolved_requests(&target)?;
        let timeout_seconds =
            self.timeout.map_or(TIMEOUT_SECONDS, |timeout| timeout.0.as_secs_f64());
        if timeout_seconds < 0.001 {
            return problem("timeout", "a timeout is at least 1ms");
        }
        let thresholds: Result<Vec<_>, _> =
            self.thresholds.iter().map(|text| text.parse()).collect();
        let thresholds = thresholds.map_err(|wrong: super::ThresholdProblem| LoadProblem {
            key: "threshold",
            message: wrong.to_string(),
        })?;
        Ok(LoadPlan {
            target,
            model: self.model()?,
            requests,
            timeout_seconds,
            http: self.http.unwrap_or_default(),
            redirects: self.redirects.unwrap_or(10).min(100),
            seed: self.seed.unwrap_or(42),
            thresholds,
        })
    }

    fn model(&self) -> Result<LoadModel, LoadProblem> {
        if let Some(users) = self.users {
            check_users(users)?;
        }
        if let Some(rate) = self.rate {
            check_rate("rate", rate)?;
        }
        if let Some(scenario) = self.mlperf {
            return self.mlperf_model(scenario);
        }
        if self.queries.is_some() || self.latency_bound.is_some() {
            return problem(
                "mlperf",
                "`queries` and `latency_bound` belong to MLPerf's scenarios; give `mlperf` too",
            );
        }
        let staged = |pick: fn(&super::StageSpec) -> bool| self.stages.iter().any(pick);
        let open = self.rate.is_some() || staged(|stage| stage.rate.is_some());
        if open { self.open() } else { self.closed() }
    }

    fn closed(&self) -> Result<LoadModel, LoadProblem> {
        if self.arrival.is_some() {
            return problem("arrival", "`arrival` belongs to the open model; give `rate` too");
        }
        let think = self.think.unwrap_or_default();
        if !self.stages.is_empty() {
            let profile = self.staged("users", |stage| stage.users.map(f64::from))?;
            check_users(profile.peak().ceil() as u32)?;
            return Ok(LoadModel::Users { profile, think });
        }
        let users = f64::from(self.users.unwrap_or(1));
        let spawn_rate = self.spawn_rate.unwrap_or(users);
        if !(spawn_rate > 0.0 && spawn_rate <= MOST_PER_SECOND) {
            return problem(
                "spawn_rate",
                format!(
                    "`spawn_rate = {spawn_rate}` is out of range; give users a second, from 0.001 to 1000000"
                ),
            );
        }
        let profile = Profile::ramp_up(users, spawn_rate, self.whole_seconds(DURATION_SECONDS)?);
        Ok(LoadModel::Users { profile, think })
    }

    fn open(&self) -> Result<LoadModel, LoadProblem> {
        if self.spawn_rate.is_some() || self.think.is_some_and(|think: ThinkTime| !think.is_none())
        {
            return problem(
                "rate",
                "`rate` sends requests at times of their own; `spawn_rate` and `think` belong to `users`",
            );
        }
        let profile = if self.stages.is_empty() {
            Profile::constant(self.rate.unwrap_or(1.0), self.whole_seconds(DURATION_SECONDS)?)
        } else {
            self.staged("rate", |stage| stage.rate)?
        };
        check_rate("rate", profile.peak())?;
        Ok(LoadModel::Rate {
            connections: self.users.unwrap_or_else(|| connections_for(profile.peak())),
            profile,
            arrival: self.arrival.unwrap_or_default(),
        })
    }

    fn mlperf_model(&self, scenario: MlperfScenario) -> Result<LoadModel, LoadProblem> {
        if !self.stages.is_empty() || self.spawn_rate.is_some() || self.think.is_some() {
            return problem(
                "mlperf",
                "MLPerf's scenarios say themselves when a query is sent; remove `stages`, `spawn_rate` and `think`",
            );
        }
        // Least counts: mlperf.conf of the MLPerf Inference repository.
        let (queries, samples_per_query) = match scenario {
            MlperfScenario::SingleStream | MlperfScenario::Server => (100, 1),
            MlperfScenario::MultiStream => (662, 8),
            MlperfScenario::Offline => (24_576, 1),
        };
        let rate = match (scenario, self.rate) {
            (MlperfScenario::Server, None) => {
                return problem(
                    "rate",
                    "MLPerf's Server scenario needs `rate`, the queries a second",
                );
            }
            (_, rate) => rate.unwrap_or(1.0),
        };
        let queries = self.queries.unwrap_or(queries);
        if !(1..=1_000_000_000).contains(&queries) {
            return problem("queries", "give a number of queries from 1 to 1000000000");
        }
        let connections = match scenario {
            MlperfScenario::SingleStream => 1,
            MlperfScenario::MultiStream => samples_per_query,
            MlperfScenario::Server => self.users.unwrap_or_else(|| connections_for(rate)),
            MlperfScenario::Offline => self.users.unwrap_or(16),
        };
        Ok(LoadModel::Mlperf(MlperfPlan {
            scenario,
            queries,
            // Ten minutes, as MLPerf has it.
            seconds: self.whole_seconds(600.0)?,
            samples_per_query,
            rate,
            connections,
            latency_bound_milliseconds: self.latency_bound.map(|bound| bound.0.as_secs_f64() * 1e3),
        }))
    }

    fn whole_seconds(&self, default: f64) -> Result<f64, LoadProblem> {
        let seconds = self.duration.map_or(default, |LoadTime(time)| time.as_secs_f64());
        if seconds < 0.01 {
            return problem("duration", "a load lasts at least 10ms");
        }
        Ok(seconds)
    }

    fn staged(
        &self,
        key: &'static str,
        value: fn(&super::StageSpec) -> Option<f64>,
    ) -> Result<Profile, LoadProblem> {
        if self.duration.is_some() || self.spawn_rate.is_some() {
            return problem(
                "stages",
                "each stage has its own `duration` and ramp; remove `duration` and `spawn_rate` beside `stages`",
            );
        }
        let mut from = 0.0;
        let mut ramps = Vec::new();
        for (index, stage) in self.stages.iter().enumerate() {
            let Some(to) = value(stage) else {
                return problem(
                    "stages",
                    format!("stage {} gives no `{key}`, the others do", index + 1),
                );
            };
            let seconds = stage.duration.0.as_secs_f64();
            if seconds < 0.001 || !to.is_finite() || to < 0.0 {
                return problem(
                    "stages",
                    format!(
                        "stage {} needs a duration of at least 1ms and `{key}` of at least 0",
                        index + 1
                    ),
                );
            }
            // A first stage that is not a ramp from nothing would start everything at once:
            // it is one, as in k6.
            ramps.push(Ramp { seconds, from, to });
            from = to;
        }
        let profile = Profile(ramps);
        if profile.peak() <= 0.0 {
            return problem("stages", format!("no stage gives `{key}` above 0"));
        }
        Ok(profile)
    }

    fn resolved_requests(&self, target: &LoadTarget) -> Result<Vec<LoadRequest>, LoadProblem> {
        let one = [RequestSpec::default()];
        let asked = if self.requests.is_empty() { &one[..] } else { &self.requests[..] };
        let requests: Vec<LoadRequest> = asked
            .iter()
            .map(|request| self.resolved_request(request, target))
            .collect::<Result<_, _>>()?;
        if requests.iter().map(|request| request.weight).sum::<f64>() <= 0.0 {
            return problem("request", "no request has a weight above 0");
        }
        for (index, request) in requests.iter().enumerate() {
            if requests[..index].iter().any(|other| other.name == request.name) {
                return problem(
                    "request",
                    format!("two requests are called `{}`; give them a `name` each", request.name),
                );
            }
        }
        Ok(requests)
    }

    fn resolved_request(
        &self,
        asked: &RequestSpec,
        target: &LoadTarget,
    ) -> Result<LoadRequest, LoadProblem> {
        let body = if asked.body.is_empty() { self.body.clone() } else { asked.body.clone() };
        let default = if body.is_empty() { "GET" } else { "POST" };
        let method = asked.method.as_ref().or(self.method.as_ref()).map_or(default, String::as_str);
        let method = method.to_ascii_uppercase();
        if !METHODS.contains(&method.as_str()) {
            return problem(
                "method",
                format!("`{method}` is not a method; use one of: {}", METHODS.join(", ")),
            );
        }
        let path = asked.path.clone().unwrap_or_else(|| target.path.clone());
        if !path.starts_with('/')
            || path.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii())
        {
            return problem(
                "path",
                format!(
                    "`{path}` is not a path; begin with `/` and write other characters as %-escapes"
                ),
            );
        }
        let weight = asked.weight.unwrap_or(1.0);
        if !(0.0..=1e9).contains(&weight) {
            return problem(
                "weight",
                format!("`weight = {weight}` is out of range; give a number from 0 to 1000000000"),
            );
        }
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in self.headers.iter().chain(&asked.headers) {
            check_header(name, value)?;
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name.clone(), value.clone()));
        }
        let name = asked.name.clone().unwrap_or_else(|| path.clone());
        Ok(LoadRequest { name, method, path, weight, headers, body })
    }
}

/// Enough for two seconds of standstill, within what a host easily gives.
fn connections_for(rate: f64) -> u32 {
    (rate * 2.0).clamp(100.0, 10_000.0) as u32
}

fn check_users(users: u32) -> Result<(), LoadProblem> {
    if (1..=MAX_USERS).contains(&users) {
        return Ok(());
    }
    problem(
        "users",
        format!("`users = {users}` is out of range; give a number from 1 to {MAX_USERS}"),
    )
}

fn check_rate(key: &'static str, rate: f64) -> Result<(), LoadProblem> {
    if (0.001..=MOST_PER_SECOND).contains(&rate) {
        return Ok(());
    }
    problem(
        key,
        format!("`{key} = {rate}` is out of range; give requests a second, from 0.001 to 1000000"),
    )
}

fn check_header(name: &str, value: &str) -> Result<(), LoadProblem> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return problem("headers", format!("`{name}` is not the name of a header"));
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return problem(
            "headers",
            format!("the value of header `{name}` holds a control character"),
        );
    }
    let own = ["content-length", "transfer-encoding", "connection"];
    if own.contains(&name.to_ascii_lowercase().as_str()) {
        return problem(
            "headers",
            format!("header `{name}` is set by the engine itself; remove it"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Arrival, StageSpec};
    use super::*;

    const ADDRESS: &str = "http://127.0.0.1:8080/v1";

    fn spec() -> LoadSpec {
        LoadSpec { users: Some(10), ..LoadSpec::default() }
    }

    #[test]
    fn the_documented_table_is_read() {
        let text = "target = \"derain-web\"\nusers = 1000\nspawn_rate = 100\nthink = \"1s..3s\"\nduration = \"10m\"\n";
        let spec: LoadSpec = toml::from_str(text).expect("valid");
        let plan = spec.resolve(ADDRESS).expect("a plan");
        assert_eq!((plan.connections(), plan.seconds()), (1000, 600.0));
        assert_eq!(
            (plan.requests[0].method.as_str(), plan.requests[0].path.as_str()),
            ("GET", "/v1")
        );
        let again: LoadSpec =
            toml::from_str(&toml::to_string(&spec).expect("written")).expect("read");
        assert_eq!(again, spec);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_key() {
        let wrong: [(&str, LoadSpec); 9] = [
            ("users", LoadSpec { users: Some(0), ..spec() }),
            ("users", LoadSpec { users: Some(MAX_USERS + 1), ..spec() }),
            ("rate", LoadSpec { rate: Some(0.0), ..spec() }),
            ("rate", LoadSpec { rate: Some(5.0), spawn_rate: Some(1.0), ..spec() }),
            ("arrival", LoadSpec { arrival: Some(Arrival::Constant), ..spec() }),
            ("spawn_rate", LoadSpec { spawn_rate: Some(-1.0), ..spec() }),
            ("threshold", LoadSpec { thresholds: vec!["p95".into()], ..spec() }),
            ("method", LoadSpec { method: Some("FETCH".into()), ..spec() }),
            ("headers", LoadSpec { headers: [("a b".into(), "x".into())].into(), ..spec() }),
        ];
        for (key, spec) in wrong {
            assert_eq!(spec.resolve(ADDRESS).map_err(|problem| problem.key), Err(key));
        }
    }

    #[test]
    fn stages_ramp_from_where_the_last_one_ended() {
        let stage = |seconds, users| StageSpec {
            duration: LoadTime(std::time::Duration::from_secs(seconds)),
            users: Some(users),
            rate: None,
        };
        let spec = LoadSpec { stages: vec![stage(10, 100), stage(5, 0)], ..LoadSpec::default() };
        let plan = spec.resolve(ADDRESS).expect("a plan");
        assert_eq!((plan.connections(), plan.seconds()), (100, 15.0));
    }

    #[test]
    fn a_request_of_a_scenario_takes_what_it_does_not_say_from_the_load() {
        let text = "body = [\"photos\"]\n[headers]\nx-a = \"1\"\n[[request]]\nweight = 3\n[[request]]\npath = \"/health\"\nmethod = \"get\"\nheaders = { X-A = \"2\" }\n";
        let spec: LoadSpec = toml::from_str(text).expect("valid");
        let plan = spec.resolve(ADDRESS).expect("a plan");
        assert_eq!(plan.requests[0].method, "POST");
        assert_eq!(
            (plan.requests[1].method.as_str(), plan.requests[1].path.as_str()),
            ("GET", "/health")
        );
        assert_eq!(plan.requests[1].headers, [("X-A".to_owned(), "2".to_owned())]);
    }
}
