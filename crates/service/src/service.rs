//! The life of a service: bind, load, serve, drain.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::connection;
use crate::http::auth::Token;
use crate::http::body::Budget;
use crate::http::{App, Parts, router};
use crate::metrics::Metrics;
use crate::model::Model;
use crate::pool::PoolError;
use crate::settings::{OTHER_DESCRIPTORS, ServiceSettings};
use crate::store::{Store, StoreError};
use crate::tls::{self, TlsError};

/// Connections that the kernel holds until they are accepted, as many as Linux allows: a crowd
/// that comes at once is not told to try again a second later.
const BACKLOG: u32 = 4096;
/// How often results that are too old are let go.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// Why a service could not be started.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// Its address is taken, or not this host's.
    #[error(
        "cannot listen on {address}; another program may have the port: choose another with --listen, or 0 for any"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// A model cannot be loaded.
    #[error("cannot load the model {file} for {application}")]
    Model {
        /// The application.
        application: &'static str,
        /// The model's file.
        file: String,
        /// What is wrong.
        source: Box<PoolError>,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// So many connections need more file descriptors than the system allows.
    #[error(
        "{wanted} connections need more file descriptors than the {allowed} that are allowed; raise the limit (ulimit -n) or give fewer with --connections"
    )]
    Descriptors {
        /// Connections.
        wanted: usize,
        /// The hard limit of the process.
        allowed: u64,
    },
    /// A thread ended before its work.
    #[error("loading was broken off")]
    BrokenOff,
}

/// How a service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that did not end within the time for draining.
    pub cut_off: usize,
}

/// A service that listens and has its models loaded. Connections wait until it runs.
pub struct Service {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    app: App,
}

impl Service {
    /// Binds the address, then loads the models.
    ///
    /// # Errors
    ///
    /// When the address is taken, or a model, the certificate or the store cannot be used.
    pub async fn start(settings: ServiceSettings) -> Result<Self, ServiceError> {
        let tls = settings.tls.as_ref().map(tls::acceptor).transpose()?;
        allow_connections(settings.limits.connections)?;
        let store = Store::open(&settings.store)?;
        let cannot = |source| ServiceError::Listen { address: settings.listen, source };
        let listener = listen(settings.listen).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let models = settings.models;
        let loading = tokio::task::spawn_blocking(move || {
            let load = |model: crate::settings::ModelSettings| {
                let (application, file) = (model.application.as_str(), model.file.clone());
                Model::load(model).map_err(|source| ServiceError::Model {
                    application,
                    file,
                    source: Box::new(source),
                })
            };
            models.into_iter().map(load).collect::<Result<Vec<Model>, _>>()
        });
        let models = loading.await.map_err(|_| ServiceError::BrokenOff)??;
        let app = App::new(Parts {
            models,
            limits: settings.limits,
            token: settings.token.as_deref().map(Token::new),
            budget: Budget::new(settings.limits.bodies_bytes),
            metrics: Metrics::new(),
            clock: settings.clock,
            store,
            encrypted: tls.is_some(),
            stopping: AtomicBool::new(false),
        });
        Ok(Self { listener, address, tls, app })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it is addressed by: `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Serves until `stop` is done; then takes no new request, finishes those that came, and
    /// returns.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Stopped {
        let (sender, receiver) = watch::channel(false);
        let router = router(&self.app);
        let accepting =
            connection::accept(self.listener, self.app.clone(), router, self.tls, receiver);
        let stopping = async {
            tokio::select! {
                () = stop => {}
                never = sweep(self.app.clone()) => match never {},
            }
            tracing::info!("stopping: no new request is taken, those that came are finished");
            self.app.stop();
            // The receiver lives as long as connections are accepted.
            let _ = sender.send(true);
            std::future::pending::<std::convert::Infallible>().await
        };
        tokio::select! {
            cut_off = accepting => Stopped { cut_off },
            never = stopping => match never {},
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A service that was just stopped leaves its port in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn sweep(app: App) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let app = app.clone();
        let swept = tokio::task::spawn_blocking(move || app.store.sweep((app.clock)()));
        if let Ok(Err(error)) = swept.await {
            tracing::warn!(error = crate::problem::chain(&error), "old results stay");
        }
    }
}

/// Raises the limit of file descriptors as far as the connections need it.
fn allow_connections(wanted: usize) -> Result<(), ServiceError> {
    let needed = (wanted + OTHER_DESCRIPTORS) as u64;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if let Some(allowed) = limit.maximum.filter(|maximum| *maximum < needed) {
        return Err(ServiceError::Descriptors { wanted, allowed });
    }
    limit.current = Some(needed);
    setrlimit(Resource::Nofile, limit)
        .map_err(|_| ServiceError::Descriptors { wanted, allowed: limit.maximum.unwrap_or(0) })
}
