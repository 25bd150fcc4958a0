//! Connections: accepted within a bound, given so long for a head, told to end when the
//! service stops.
//!
//! Whether a client speaks HTTP/2 is seen by its first bytes, or by ALPN where the connection
//! is encrypted. What is inside a request is the router's business.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::http::App;

/// How every connection over HTTP/2 begins (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Requests at the same time over one connection of HTTP/2.
const STREAMS_MOST: u32 = 128;
/// Bytes of the heads of one request.
const HEAD_BYTES_MAX: u32 = 32 << 10;
/// How long a client may leave bytes unread that were sent to it.
const UNREAD_WITHIN_MILLISECONDS: u32 = 60_000;
/// After an accept that failed for want of file descriptors: others have to be closed first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Between two looks at the first bytes of a connection, where they came in pieces.
const PEEK_PAUSE: Duration = Duration::from_millis(10);

/// Accepts connections until `stop` turns true, then waits until the last has ended, at most
/// for the time of the limits. Gives the number of connections that were cut off.
pub(crate) async fn accept(
    listener: TcpListener,
    app: App,
    router: Router,
    tls: Option<TlsAcceptor>,
    mut stop: watch::Receiver<bool>,
) -> usize {
    let room = Arc::new(Semaphore::new(app.limits.connections));
    let most = u32::try_from(app.limits.connections).unwrap_or(u32::MAX);
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(&room).acquire_owned() => permit,
            () = stopped(&mut stop) => break,
        };
        // The semaphore is never closed.
        let Ok(permit) = permit else { break };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = stopped(&mut stop) => break,
        };
        let (app, router, tls, stop) = (app.clone(), router.clone(), tls.clone(), stop.clone());
        tokio::spawn(async move {
            app.metrics.connections.inc();
            serve(stream, &app, router, tls, stop).await;
            app.metrics.connections.dec();
            drop(permit);
        });
    }
    drop(listener);
    let all_ended = room.acquire_many(most);
    match tokio::time::timeout(app.limits.drain, all_ended).await {
        Ok(_) => 0,
        Err(_) => app.limits.connections - room.available_permits(),
    }
}

async fn serve(
    stream: TcpStream,
    app: &App,
    router: Router,
    tls: Option<TlsAcceptor>,
    mut stop: watch::Receiver<bool>,
) {
    // Neither can fail on a connected socket in a way that matters to the client.
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNREAD_WITHIN_MILLISECONDS);
    let within = app.limits.head_timeout;
    let beginning = async {
        Some(match tls {
            None => {
                let http2 = speaks_http2(&stream).await?;
                Beginning::Plain { stream, http2 }
            }
            Some(tls) => {
                let stream = match tls.accept(stream).await {
                    Ok(stream) => stream,
                    Err(error) => {
                        tracing::debug!(%error, "a TLS handshake failed");
                        return None;
                    }
                };
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                Beginning::Tls { stream: Box::new(stream), http2 }
            }
        })
    };
    let begun = tokio::select! {
        begun = tokio::time::timeout(within, beginning) => begun,
        // Nothing was asked yet.
        () = stopped(&mut stop) => return,
    };
    match begun {
        Ok(Some(Beginning::Plain { stream, http2 })) => {
            speak(stream, http2, router, within, stop).await;
        }
        Ok(Some(Beginning::Tls { stream, http2 })) => {
            speak(*stream, http2, router, within, stop).await;
        }
        // It ended, or said nothing for too long.
        Ok(None) | Err(_) => {}
    }
}

enum Beginning {
    Plain { stream: TcpStream, http2: bool },
    Tls { stream: Box<tokio_rustls::server::TlsStream<TcpStream>>, http2: bool },
}

/// Looks at the first bytes and leaves them where they are; `None` when the connection ends.
async fn speaks_http2(stream: &TcpStream) -> Option<bool> {
    let mut seen = [0; PREFACE.len()];
    loop {
        let length = stream.peek(&mut seen).await.ok()?;
        if length == 0 {
            return None;
        }
        if seen[..length] != PREFACE[..length] {
            return Some(false);
        }
        if length == PREFACE.len() {
            return Some(true);
        }
        tokio::time::sleep(PEEK_PAUSE).await;
    }
}

async fn speak<S>(
    stream: S,
    http2: bool,
    router: Router,
    head_timeout: Duration,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(tower(router));
    let stream = TokioIo::new(stream);
    // Errors of a connection are the client's: it left, or spoke no HTTP.
    if http2 {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MOST)
            .max_header_list_size(HEAD_BYTES_MAX)
            .keep_alive_interval(head_timeout)
            .keep_alive_timeout(head_timeout);
        let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        note(ended);
    } else {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(head_timeout)
            .max_buf_size(HEAD_BYTES_MAX as usize);
        let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        note(ended);
    }
}

/// The router with the body of a connection as its body.
fn tower(
    router: Router,
) -> impl tonic::codegen::Service<
    hyper::Request<Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send,
> + Clone
+ Send {
    router
}

/// Waits for the word to stop; whoever would give it is there as long as connections are.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn note(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
