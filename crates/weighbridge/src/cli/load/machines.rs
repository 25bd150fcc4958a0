//! `weighbridge load worker`, and the coordinator's side of it: sockets, certificates, the
//! secret. What the two say to each other is the engine's.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use weighbridge_experiment::load::{LoadPlan, LoadRecord};
use weighbridge_measure::load::{
    Coordination, LoadControl, LoadOptions, LoadSnapshot, Way, WorkerOptions, client_tls,
    coordinate, over_stream, work,
};

use crate::cli::{Outcome, UsageError, output};
use crate::clock::{Clock as _, SystemClock};

const HANDSHAKE: Duration = Duration::from_secs(10);
const SHORTEST_TOKEN: usize = 16;

#[derive(Debug, Subcommand)]
pub(super) enum LoadCommand {
    /// Join a coordinator and send a share of its load
    Worker(WorkerArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "Example, a load from two machines:
  head -c 24 /dev/urandom | base64 > token          the same file on all machines
  weighbridge load http://service/ --users 2000 --workers 2 --token-file token \\
      --listen 0.0.0.0:7411 --certificate cert.pem --key key.pem
  weighbridge load worker coordinator:7411 --token-file token --ca cert.pem

Bodies are read by each worker, from the same paths.")]
pub(super) struct WorkerArguments {
    /// The coordinator, HOST:PORT
    address: String,
    /// File with the secret that the coordinator was given too
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Certificate that the coordinator must show, PEM; TLS is spoken unless it is this host
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// What the coordinator calls this worker [its host's name and process]
    #[arg(long)]
    name: Option<String>,
    /// Sending threads [by processors and connections]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    threads: Option<u32>,
}

/// Options of a coordinator.
#[derive(Debug, Args)]
pub(super) struct CoordinatorArguments {
    /// Send from so many workers (`weighbridge load worker`) in place of this process
    #[arg(long, value_name = "N", requires = "token_file", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) workers: Option<u32>,
    /// Where workers join
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:7411",
        requires = "workers"
    )]
    listen: SocketAddr,
    /// File with the secret that workers have to show
    #[arg(long, value_name = "FILE", requires = "workers")]
    token_file: Option<PathBuf>,
    /// Certificate shown to workers, PEM; needed where they are on other hosts
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Its key, PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
}

fn read_token(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the token {}", path.display()))?;
    let token = text.trim().to_owned();
    if token.len() < SHORTEST_TOKEN {
        let words = format!(
            "the token in {} is shorter than {SHORTEST_TOKEN} characters; make one with `head -c 24 /dev/urandom | base64`",
            path.display()
        );
        return Err(UsageError(words).into());
    }
    Ok(token)
}

/// Waits for workers, and carries a load out with them.
pub(super) async fn lead(
    arguments: &CoordinatorArguments,
    plan: &LoadPlan,
    control: &LoadControl,
    observe: &mut (dyn FnMut(&LoadSnapshot) + Send),
) -> anyhow::Result<LoadRecord> {
    let token_file = arguments.token_file.as_deref().unwrap_or(Path::new(""));
    let token = read_token(token_file)?;
    let acceptor = match (&arguments.certificate, &arguments.key) {
        (Some(certificate), Some(key)) => Some(acceptor(certificate, key)?),
        _ if !arguments.listen.ip().is_loopback() => {
            let words = format!(
                "workers of other hosts would send the token to {} in the clear; give --certificate and --key",
                arguments.listen
            );
            return Err(UsageError(words).into());
        }
        _ => None,
    };
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}; give another --listen", arguments.listen))?;
    let workers = arguments.workers.unwrap_or(1);
    output::note(&format!("waiting for {workers} workers on {}", listener.local_addr()?));
    let (join, mut newcomers) = mpsc::channel(1);
    let accepting = tokio::spawn(accept(listener, acceptor, join));
    let asked = Coordination { plan, workers, token: &token, control };
    let record = coordinate(asked, &mut newcomers, observe, &mut |words| output::note(words)).await;
    accepting.abort();
    Ok(record?)
}

fn acceptor(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)
        .with_context(|| format!("cannot read the certificate {}", certificate.display()))?
        .collect();
    let chain =
        chain.with_context(|| format!("{} is no PEM certificate", certificate.display()))?;
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("cannot read the key {}", key.display()))?;
    let configuration = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS cannot be set up")?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| {
            format!("{} and {} cannot be used together", certificate.display(), key.display())
        })?;
    Ok(TlsAcceptor::from(Arc::new(configuration)))
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, join: mpsc::Sender<Way>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (acceptor, join) = (acceptor.clone(), join.clone());
        // Whoever takes long to say hello must not keep others waiting.
        tokio::spawn(async move {
            let way = match acceptor {
                None => over_stream(stream),
                Some(acceptor) => {
                    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => over_stream(stream),
                        _ => return,
                    }
                }
            };
            let _ = join.send(way).await;
        });
    }
}

/// Answers `weighbridge load worker`.
pub(super) async fn worker(arguments: WorkerArguments) -> anyhow::Result<Outcome> {
    let token = read_token(&arguments.token_file)?;
    let (host, _) = arguments.address.rsplit_once(':').ok_or_else(|| {
        UsageError(format!("`{}` has no port; write HOST:PORT", arguments.address))
    })?;
    let host = host.trim_matches(['[', ']']).to_owned();
    let stream = TcpStream::connect(&arguments.address).await.with_context(|| {
        format!(
            "cannot reach the coordinator {}; see that it runs and listens there",
            arguments.address
        )
    })?;
    let here = stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
    let way = if here && arguments.ca.is_none() {
        over_stream(stream)
    } else {
        let authorities = match &arguments.ca {
            None => None,
            Some(path) => Some(
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
            ),
        };
        let connector = TlsConnector::from(client_tls(authorities.as_deref())?);
        let name = ServerName::try_from(host.clone())
            .with_context(|| format!("`{host}` is no name that a certificate can have"))?;
        let stream = connector.connect(name, stream).await.with_context(|| {
            format!("the coordinator {} does not prove who it is", arguments.address)
        })?;
        over_stream(stream)
    };
    let name = arguments.name.unwrap_or_else(|| {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        format!("{host}-{}", std::process::id())
    });
    let load = LoadOptions {
        threads: arguments.threads,
        started_unix_milliseconds: u64::try_from(SystemClock.now().as_millisecond())
            .unwrap_or_default(),
        ..LoadOptions::default()
    };
    work(way, WorkerOptions { token, name, load }).await?;
    Ok(Outcome::Done)
}
