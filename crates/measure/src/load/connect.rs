//! Opening one connection: TCP, TLS where it is asked for, and HTTP's own handshake.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use weighbridge_experiment::load::{HttpVersion, LoadTarget};

use super::error::LoadError;
use super::exchange::Link;
use super::failure::Failure;
use super::stream::Stream;

/// How long the connection before a load may take.
const FIRST_CONNECTION: Duration = Duration::from_secs(10);
/// From so many connections on each gets a smaller buffer for reading.
const MANY_CONNECTIONS: u32 = 500;
const SMALL_BUFFER_BYTES: usize = 4096;

/// Opens connections to one target.
pub(super) struct Connector {
    target: LoadTarget,
    addresses: Vec<SocketAddr>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    http: HttpVersion,
    small_buffers: bool,
    /// Whether requests have bodies that are worth not being copied behind their heads.
    with_bodies: bool,
}

impl Connector {
    pub(super) fn new(
        target: LoadTarget,
        http: HttpVersion,
        connections: u32,
        with_bodies: bool,
        configuration: Option<Arc<tokio_rustls::rustls::ClientConfig>>,
    ) -> Result<Self, LoadError> {
        let addresses = super::address::resolve(&target)?;
        let tls = match configuration {
            None => None,
            Some(configuration) => {
                let name = ServerName::try_from(target.host.clone()).map_err(|error| {
                    LoadError::Connect { target: target.to_string(), reason: error.to_string() }
                })?;
                Some((TlsConnector::from(configuration), name))
            }
        };
        let small_buffers = connections >= MANY_CONNECTIONS;
        Ok(Self { target, addresses, tls, http, small_buffers, with_bodies })
    }

    pub(super) fn target(&self) -> &LoadTarget {
        &self.target
    }

    /// A new connection, ready for a request.
    pub(super) async fn connect(&self) -> Result<Link, Failure> {
        let plain = self.dial().await?;
        // Small requests must not wait for the acknowledgement of earlier ones.
        let _ = plain.set_nodelay(true);
        let stream = match &self.tls {
            None => Stream::Plain(plain),
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), plain).await;
                Stream::Tls(Box::new(stream.map_err(|error| in_handshake(&error))?))
            }
        };
        let io = TokioIo::new(stream);
        match self.http {
            HttpVersion::One => {
                let mut builder = http1::Builder::new();
                builder.writev(self.with_bodies);
                if self.small_buffers {
                    builder.read_buf_exact_size(Some(SMALL_BUFFER_BYTES));
                }
                let (sender, connection) =
                    builder.handshake(io).await.map_err(|error| Failure::http(&error))?;
                Ok(Link::One { sender, connection: Some(Box::pin(connection)) })
            }
            HttpVersion::Two => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io)
                    .await
                    .map_err(|error| Failure::http(&error))?;
                // What ends it is seen by whoever has a request on it.
                let task = tokio::spawn(async move {
                    let _ = connection.await;
                });
                Ok(Link::Two { sender, task: task.abort_handle() })
            }
        }
    }

    async fn dial(&self) -> Result<TcpStream, Failure> {
        let mut last = Failure::connection("the name has no address");
        for address in &self.addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Failure::io(&error),
            }
        }
        Err(last)
    }

    /// One connection before the load begins, so that a target that is not there is said at
    /// once and not as a report of failures.
    pub(super) fn try_once(&self) -> Result<(), LoadError> {
        let runtime = super::threads::runtime()?;
        let connected = runtime
            .block_on(async { tokio::time::timeout(FIRST_CONNECTION, self.connect()).await });
        let reason = match connected {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(failure)) => failure.words.into_owned(),
            Err(_) => format!("no connection within {} s", FIRST_CONNECTION.as_secs()),
        };
        Err(LoadError::Connect { target: self.target.to_string(), reason })
    }
}

fn in_handshake(error: &std::io::Error) -> Failure {
    let failure = Failure::io(error);
    if failure.words.starts_with("TLS") {
        return failure;
    }
    Failure::connection(format!("TLS: {}", failure.words))
}
