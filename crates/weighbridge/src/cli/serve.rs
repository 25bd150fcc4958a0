//! `weighbridge serve`: applications as a web service, until it is told to stop.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::SignedDuration;
use weighbridge_experiment::{ApplicationName, ByteSize, EngineWish};
use weighbridge_inference::application::application;
use weighbridge_inference::engine::EngineSource;
use weighbridge_inference::{Labels, Session, catalogue};
use weighbridge_service::{
    Limits, MakeSession, ModelSettings, Service, ServiceSettings, StoreSettings, TlsSettings,
};

use super::arguments::engine_wish;
use super::model_choice::{ChosenModel, ModelWish};
use super::{Outcome, UsageError, output};
use crate::clock::{Clock as _, SystemClock};
use crate::interrupt::Interrupt;
use crate::run;

/// The variable that holds the token, where no file does. The command line is readable to
/// everybody on the host.
const TOKEN_VARIABLE: &str = "WEIGHBRIDGE_SERVE_TOKEN";
const TOKEN_LENGTH_MIN: usize = 16;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge serve --app derain                     then open http://127.0.0.1:8080
  curl --data-binary @rainy.jpg http://127.0.0.1:8080/v1/derain --output dry.png
  weighbridge serve --app derain --app traffic-light --store results/
  weighbridge serve --app derain --listen 0.0.0.0:8443 --token-file token \\
      --tls-certificate chain.pem --tls-key key.pem

The page and its results are at /, the interfaces for programs at /v1 and /v2 (Open
Inference Protocol) and over gRPC at the same port, described at /api. Ctrl-C and SIGTERM
finish what was asked and end it; a second one ends it at once.")]
pub(crate) struct ServeArguments {
    /// An application, as `weighbridge app list` names it; repeatable
    #[arg(long = "app", value_name = "NAME", required = true)]
    applications: Vec<String>,
    /// Where it listens; beyond this host only with a token, or with --open
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Engine: auto, rten, onnxruntime, onnxruntime-cuda
    #[arg(long, value_name = "NAME", value_parser = engine_wish)]
    engine: Option<EngineWish>,
    /// A model in place of the application's own: a path, https://…, or seeded:FAMILY
    #[arg(long, value_name = "M")]
    model: Option<String>,
    /// Digest of a model given by address, as `sha256sum` prints it
    #[arg(long, value_name = "HEX", requires = "model")]
    sha256: Option<String>,
    /// Names of the model's classes, one a line
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Threads of one inference [default: 1, which gives the most requests a second]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// Inferences at the same time, per application [default: CPUs divided by --threads]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    workers: Option<u32>,
    /// Requests that may wait, per application; what comes beyond it is told 503 at once
    #[arg(long, value_name = "N", default_value_t = 32)]
    queue: u32,
    /// Longest time that a request may wait and be worked on
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    deadline: Duration,
    /// Longest wait for requests that run when it is told to stop
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    drain: Duration,
    /// Largest file that is taken
    #[arg(long, value_name = "SIZE", default_value = "32MiB")]
    body: ByteSize,
    /// Connections that may be open [default: 16384, or what the limit of open files allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    connections: Option<u32>,
    /// Directory in which results of the page are kept; in memory unless given
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Most that is kept; the oldest results go first
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    store_size: ByteSize,
    /// Results older than this go
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = time)]
    store_age: Duration,
    /// File with the token that every request must bear; or $WEIGHBRIDGE_SERVE_TOKEN
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Certificate chain in PEM; with it connections are encrypted
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Private key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Answer everybody who reaches the address: no token is asked for
    #[arg(long, conflicts_with = "token_file")]
    open: bool,
}

fn time(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    parsed
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "give a time such as 500ms, 30s, 5m or 24h".to_owned())
}

/// Serves until a signal comes.
pub(super) async fn serve(arguments: &ServeArguments) -> anyhow::Result<Outcome> {
    start_log();
    let settings = settings(arguments)?;
    let open = settings.token.is_none();
    let models: Vec<String> = settings.models.iter().map(words).collect();
    let service = Service::start(settings).await?;
    let mut interrupt = Interrupt::install().context("cannot wait for signals")?;
    let address = service.address();
    output::write_text(&format!(
        "serving {} at {}://{address}{}",
        models.join("; "),
        service.scheme(),
        if open { "" } else { ", with a token" }
    ))?;
    let (tell, told) = tokio::sync::oneshot::channel();
    let signals = async {
        interrupt.wait().await;
        // The service holds the other end as long as it runs.
        let _ = tell.send(());
        match Interrupt::install() {
            Ok(mut again) => again.wait().await,
            Err(_) => std::future::pending().await,
        }
    };
    let stop = async {
        let _ = told.await;
    };
    let stopped = tokio::select! {
        stopped = service.run(stop) => stopped,
        () = signals => anyhow::bail!("a second signal came; requests that ran were cut off"),
    };
    match stopped.cut_off {
        0 => Ok(Outcome::Done),
        count => Err(anyhow::anyhow!(
            "{count} connections had not ended after {:?} and were cut off; give them longer with --drain",
            arguments.drain
        )),
    }
}

/// One line of JSON for each request and event on standard error.
fn start_log() {
    use tracing_subscriber::fmt;
    let log = fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::INFO)
        .finish();
    // Only a second service in one process would find one set already.
    let _ = tracing::subscriber::set_global_default(log);
}

fn words(model: &ModelSettings) -> String {
    let (workers, file) = (model.workers, &model.file);
    let at_once =
        if workers == 1 { "one at a time".into() } else { format!("{workers} at a time") };
    format!("{} ({file}, {at_once})", model.application.as_str())
}

fn settings(arguments: &ServeArguments) -> anyhow::Result<ServiceSettings> {
    let usage = |text: String| anyhow::Error::from(UsageError(text));
    let mut names = Vec::new();
    for name in &arguments.applications {
        let name = run::application(name).map_err(|problem| usage(problem.to_string()))?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > 1 && (arguments.model.is_some() || arguments.labels.is_some()) {
        return Err(usage("--model and --labels belong to one application; give one --app".into()));
    }
    let token = token(arguments)?;
    if token.is_none() && !arguments.open && !arguments.listen.ip().is_loopback() {
        return Err(usage(format!(
            "{} is reached from other hosts, and no token is set; give one with --token-file or in \
             ${TOKEN_VARIABLE}, or say --open to answer everybody",
            arguments.listen
        )));
    }
    let defaults = Limits::default();
    let body_bytes = usize::try_from(arguments.body.0).unwrap_or(usize::MAX);
    let limits = Limits {
        body_bytes,
        bodies_bytes: defaults.bodies_bytes.max(body_bytes.saturating_mul(2)),
        deadline: arguments.deadline,
        drain: arguments.drain,
        connections: arguments.connections.map_or(defaults.connections, |count| count as usize),
        ..defaults
    };
    let models = names.into_iter().map(|name| model(name, arguments)).collect::<Result<_, _>>()?;
    let tls = arguments.tls_certificate.clone().zip(arguments.tls_key.clone());
    Ok(ServiceSettings {
        listen: arguments.listen,
        models,
        token,
        tls: tls.map(|(certificate, key)| TlsSettings { certificate, key }),
        limits,
        store: StoreSettings {
            directory: arguments.store.clone(),
            bytes_max: arguments.store_size.0,
            age_max: arguments.store_age,
        },
        clock: Arc::new(|| SystemClock.now()),
    })
}

fn token(arguments: &ServeArguments) -> anyhow::Result<Option<String>> {
    let (token, place) = match &arguments.token_file {
        Some(path) => {
            let text = fs::read_to_string(path)
                .with_context(|| format!("cannot read the token {}", path.display()))?;
            (text, path.display().to_string())
        }
        None if arguments.open => return Ok(None),
        None => match std::env::var(TOKEN_VARIABLE) {
            Ok(token) => (token, format!("${TOKEN_VARIABLE}")),
            Err(_) => return Ok(None),
        },
    };
    let token = token.trim().to_owned();
    if token.len() < TOKEN_LENGTH_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(UsageError(format!(
            "the token in {place} is no token: at least {TOKEN_LENGTH_MIN} letters, digits and signs on one line are needed; `openssl rand -hex 24` makes one"
        ))
        .into());
    }
    Ok(Some(token))
}

fn model(name: ApplicationName, arguments: &ServeArguments) -> anyhow::Result<ModelSettings> {
    let chosen = ChosenModel::resolve(
        name,
        &ModelWish {
            model: arguments.model.as_deref(),
            sha256: arguments.sha256.as_deref(),
            labels: arguments.labels.as_deref(),
            engine: arguments.engine,
        },
    )?;
    let ChosenModel { model, content, labels, engine } = chosen;
    let threads = arguments.threads.unwrap_or(1);
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers =
        arguments.workers.map_or((cpus / threads as usize).max(1), |count| count as usize);
    Ok(ModelSettings {
        application: name,
        file: model.file.name,
        sha256: model.file.sha256,
        notes: model.seeded.then(|| catalogue::SEEDED.to_owned()).into_iter().collect(),
        make: make(name, content.into(), engine, threads, labels),
        workers,
        queue: arguments.queue as usize,
    })
}

fn make(
    name: ApplicationName,
    model: Arc<[u8]>,
    engine: EngineSource,
    threads: u32,
    labels: Option<Labels>,
) -> MakeSession {
    Arc::new(move || {
        let engine = engine.load(model.to_vec(), threads)?;
        Session::new(application(name, labels.clone()), engine)
    })
}
