//! The options of `weighbridge load`, and the plan that they and a scenario file make.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use weighbridge_experiment::load::{
    Arrival, HttpVersion, LoadPlan, LoadSpec, LoadTime, MlperfScenario, ThinkTime, Threshold,
};
use weighbridge_measure::load::LoadOptions;

use super::Output;
use super::machines::{CoordinatorArguments, LoadCommand};
use crate::cli::UsageError;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  weighbridge load http://127.0.0.1:8080/ --users 100 --duration 30s
  weighbridge load http://127.0.0.1:8080/v1/derain --users 1000 --spawn-rate 100 \\
      --think 1s..3s --duration 10m --body photos/
  weighbridge load https://example.org/ --rate 500 --arrival constant \\
      --threshold 'p95<500ms' --threshold 'failures<1%'
  weighbridge load --scenario shop.toml --out run1 --format locust,hgrm

Response time counts from when a request was due, service time from when it was
sent. A percentile that has too few samples is not shown.

Exit status: 0 done, 1 it cannot begin, was stopped, a threshold does not hold or
no request succeeded, 2 usage, 3 INVALID: the client, not the service, was the limit."
)]
pub(crate) struct LoadArguments {
    /// Address of the service, http:// or https://
    #[arg(required_unless_present = "scenario")]
    url: Option<String>,
    /// Users that wait for their answer before they ask again; with --rate, most connections
    #[arg(long, value_name = "N")]
    users: Option<u32>,
    /// Users that come in a second, evenly in time [all within the first second]
    #[arg(long, value_name = "R")]
    spawn_rate: Option<f64>,
    /// Pause of a user after an answer, such as 1s, or drawn from a range, 1s..3s
    #[arg(long, value_name = "TIME")]
    think: Option<ThinkTime>,
    /// Requests a second, sent when they are due whether or not answers came
    #[arg(long, value_name = "RPS", conflicts_with_all = ["spawn_rate", "think"])]
    rate: Option<f64>,
    /// Distances between requests with --rate [poisson]
    #[arg(long, value_parser = arrival, value_name = "poisson|constant")]
    arrival: Option<Arrival>,
    /// How long requests are sent [10s]; what is under way then is waited for
    #[arg(long, value_name = "TIME")]
    duration: Option<LoadTime>,
    /// A request without an answer after this time has failed [30s]
    #[arg(long, value_name = "TIME")]
    timeout: Option<LoadTime>,
    /// File, or directory of files, sent in turn as bodies; repeatable
    #[arg(long, value_name = "FILE", num_args = 1..)]
    body: Vec<String>,
    /// Method [GET, with a body POST]
    #[arg(long)]
    method: Option<String>,
    /// Header of every request, `Name: value`; repeatable
    #[arg(long = "header", short = 'H', value_name = "HEADER")]
    headers: Vec<String>,
    /// File of such headers, one a line, for what must not stand in a command line
    #[arg(long, value_name = "FILE")]
    header_file: Option<PathBuf>,
    /// Condition that fails the run where it does not hold: p95<500ms, mean<1s, max<2s,
    /// failures<1%, rps>100; repeatable
    #[arg(long = "threshold", value_name = "CONDITION", value_parser = threshold)]
    thresholds: Vec<String>,
    /// Scenario: stages, and requests drawn by weight (docs/load.md); options take precedence
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Version of HTTP [1.1]
    #[arg(long, value_parser = http, value_name = "1.1|2")]
    http: Option<HttpVersion>,
    /// Redirects that are followed [10]
    #[arg(long, value_name = "N")]
    redirects: Option<u32>,
    /// Seed of pauses, arrivals and choices [42]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Sending threads [by processors and connections]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    threads: Option<u32>,
    /// Certificates to trust in place of the well-known authorities, PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Trust whatever certificate the service shows
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// One of MLPerf's scenarios in place of users or a rate (no MLPerf result)
    #[arg(long, value_parser = mlperf, value_name = "SCENARIO")]
    mlperf: Option<MlperfScenario>,
    /// MLPerf: least number of queries
    #[arg(long, value_name = "N", requires = "mlperf")]
    queries: Option<u64>,
    /// MLPerf Server: bound of the 99th percentile
    #[arg(long, value_name = "TIME", requires = "mlperf")]
    latency_bound: Option<LoadTime>,
    #[command(flatten)]
    pub(super) output: Output,
    #[command(flatten)]
    pub(super) coordinator: CoordinatorArguments,
    #[command(subcommand)]
    pub(super) command: Option<LoadCommand>,
}

fn arrival(text: &str) -> Result<Arrival, String> {
    match text {
        "poisson" => Ok(Arrival::Poisson),
        "constant" => Ok(Arrival::Constant),
        _ => Err("give poisson or constant".to_owned()),
    }
}

fn http(text: &str) -> Result<HttpVersion, String> {
    match text {
        "1.1" | "1" => Ok(HttpVersion::One),
        "2" => Ok(HttpVersion::Two),
        _ => Err("give 1.1 or 2".to_owned()),
    }
}

fn mlperf(text: &str) -> Result<MlperfScenario, String> {
    match text.to_ascii_lowercase().as_str() {
        "singlestream" => Ok(MlperfScenario::SingleStream),
        "multistream" => Ok(MlperfScenario::MultiStream),
        "server" => Ok(MlperfScenario::Server),
        "offline" => Ok(MlperfScenario::Offline),
        _ => Err("give singlestream, multistream, server or offline".to_owned()),
    }
}

fn threshold(text: &str) -> Result<String, String> {
    text.parse::<Threshold>().map(|threshold| threshold.text).map_err(|error| error.to_string())
}

impl LoadArguments {
    /// The plan, and what else the engine needs.
    pub(super) fn plan(&self) -> anyhow::Result<(LoadPlan, LoadOptions)> {
        let (mut spec, base) = match &self.scenario {
            None => (LoadSpec::default(), PathBuf::new()),
            Some(path) => read_scenario(path)?,
        };
        self.put_over(&mut spec, &base)?;
        let address = spec.target.clone().ok_or_else(|| {
            UsageError(
                "the scenario names no `target`; give an address before the options".to_owned(),
            )
        })?;
        let plan = spec.resolve(&address).map_err(|problem| UsageError(problem.to_string()))?;
        let authorities = match &self.ca {
            None => None,
            Some(path) => Some(
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
            ),
        };
        let options = LoadOptions {
            threads: self.threads,
            authorities,
            trust_anybody: self.insecure,
            base,
            ..LoadOptions::default()
        };
        Ok((plan, options))
    }

    /// Puts what was typed over what a scenario says.
    fn put_over(&self, spec: &mut LoadSpec, base: &Path) -> anyhow::Result<()> {
        fn over<T: Clone>(typed: &Option<T>, written: &mut Option<T>) {
            if typed.is_some() {
                written.clone_from(typed);
            }
        }
        over(&self.url, &mut spec.target);
        over(&self.users, &mut spec.users);
        over(&self.spawn_rate, &mut spec.spawn_rate);
        over(&self.think, &mut spec.think);
        over(&self.rate, &mut spec.rate);
        over(&self.arrival, &mut spec.arrival);
        over(&self.duration, &mut spec.duration);
        over(&self.timeout, &mut spec.timeout);
        over(&self.method, &mut spec.method);
        over(&self.http, &mut spec.http);
        over(&self.redirects, &mut spec.redirects);
        over(&self.seed, &mut spec.seed);
        over(&self.mlperf, &mut spec.mlperf);
        over(&self.queries, &mut spec.queries);
        over(&self.latency_bound, &mut spec.latency_bound);
        if !self.thresholds.is_empty() {
            spec.thresholds.clone_from(&self.thresholds);
        }
        if !self.body.is_empty() {
            // Paths that were typed are meant from here, those of a scenario from its place.
            let here = std::env::current_dir().context("cannot find the current directory")?;
            let typed = |path: &String| {
                if base.as_os_str().is_empty() {
                    path.clone()
                } else {
                    here.join(path).display().to_string()
                }
            };
            spec.body = self.body.iter().map(typed).collect();
        }
        spec.headers.extend(self.typed_headers()?);
        Ok(())
    }

    fn typed_headers(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut headers = BTreeMap::new();
        let from_file = match &self.header_file {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?,
        };
        let lines = from_file.lines().filter(|line| !line.trim().is_empty());
        for (number, line) in lines.chain(self.headers.iter().map(String::as_str)).enumerate() {
            // The line itself may be a secret: it is not repeated.
            let (name, value) = line.split_once(':').ok_or_else(|| {
                UsageError(format!("header {} has no colon; write `Name: value`", number + 1))
            })?;
            headers.insert(name.trim().to_owned(), value.trim().to_owned());
        }
        Ok(headers)
    }
}

fn read_scenario(path: &Path) -> anyhow::Result<(LoadSpec, PathBuf)> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the scenario {}", path.display()))?;
    let spec = LoadSpec::from_toml(&text)
        .map_err(|error| UsageError(format!("{}: {error}", path.display())))?;
    Ok((spec, path.parent().unwrap_or(Path::new("")).to_owned()))
}
