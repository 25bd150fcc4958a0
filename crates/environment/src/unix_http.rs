//! One HTTP request over a unix socket: what Docker's daemon and Firecracker are asked by.
//!
//! One connection a request: a request is a millisecond against what is asked for, and nothing
//! has to be mended after the other side was restarted. Does not know what is asked.

use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::socket_path;

const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
/// No answer that is asked for comes near it.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// A question. An empty content type is not sent.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) body: Bytes,
}

/// Asks whoever listens on the socket. The error says why there is no answer.
pub(crate) async fn ask(
    socket: &Path,
    question: Question<'_>,
    within: Duration,
) -> Result<Answer, String> {
    let Question { method, target, content_type, body } = question;
    let lost = |error: hyper::Error| chain(&error);
    let mut request = Request::builder().method(method).uri(target).header(HOST, "localhost");
    if !content_type.is_empty() {
        request = request.header(CONTENT_TYPE, content_type);
    }
    let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
    let stream = tokio::time::timeout(CONNECTED_WITHIN, connect(socket)).await;
    let stream = stream
        .map_err(|_| "it does not take a connection".to_owned())?
        .map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    let driver = tokio::spawn(connection);
    let exchange = async {
        let response = sender.send_request(request).await.map_err(lost)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        Ok(Answer { status, body })
    };
    let answer = tokio::time::timeout(within, exchange).await;
    driver.abort();
    answer.unwrap_or_else(|_| Err(format!("no answer within {} s", within.as_secs())))
}

async fn connect(socket: &Path) -> std::io::Result<UnixStream> {
    let socket = socket.to_owned();
    let connected = tokio::task::spawn_blocking(move || {
        let stream = socket_path::connect(&socket)?;
        stream.set_nonblocking(true)?;
        Ok::<_, std::io::Error>(stream)
    });
    UnixStream::from_std(connected.await.map_err(std::io::Error::other)??)
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
