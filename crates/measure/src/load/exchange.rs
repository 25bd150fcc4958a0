//! One request and its answer on a connection.
//!
//! An HTTP/1.1 connection is driven by the task that waits for its answer. A task of its own
//! for each connection, as is usual, costs two more wake-ups a request.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{LOCATION, SET_COOKIE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::task::AbortHandle;

use super::failure::Failure;
use super::stream::Stream;

pub(super) type Body = Full<Bytes>;
type Driver = Pin<Box<http1::Connection<TokioIo<Stream>, Body>>>;

/// A connection.
pub(super) enum Link {
    One {
        sender: http1::SendRequest<Body>,
        /// `None` once it has ended.
        connection: Option<Driver>,
    },
    Two {
        sender: http2::SendRequest<Body>,
        task: AbortHandle,
    },
}

/// What was answered, as far as the load has a use for it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body_bytes: u64,
    pub(super) location: Option<String>,
    pub(super) cookies: Vec<String>,
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Self::Two { task, .. } = self {
            task.abort();
        }
    }
}

impl Link {
    /// Whether another request can be sent on it.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::One { sender, connection } => connection.is_some() && !sender.is_closed(),
            Self::Two { sender, .. } => !sender.is_closed(),
        }
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn exchange(&mut self, request: Request<Body>) -> Result<Answer, Failure> {
        match self {
            Self::One { sender, connection } => {
                let answer = async {
                    sender.ready().await.map_err(|error| never_sent(&error))?;
                    let sent = sender.send_request(request).await;
                    read(sent.map_err(|error| Failure::http(&error))?).await
                };
                drive(connection, answer).await
            }
            Self::Two { sender, .. } => {
                sender.ready().await.map_err(|error| never_sent(&error))?;
                let sent = sender.send_request(request).await;
                read(sent.map_err(|error| Failure::http(&error))?).await
            }
        }
    }

    /// Waits for something else and notices meanwhile that the server closes the connection.
    pub(super) async fn idle<T>(&mut self, until: impl Future<Output = T>) -> T {
        match self {
            Self::One { connection, .. } => drive(connection, until).await,
            Self::Two { .. } => until.await,
        }
    }
}

fn never_sent(error: &hyper::Error) -> Failure {
    Failure { never_sent: true, ..Failure::http(error) }
}

/// Polls a connection along with what depends on it.
async fn drive<T>(connection: &mut Option<Driver>, awaited: impl Future<Output = T>) -> T {
    let mut awaited = pin!(awaited);
    poll_fn(|context| {
        if let Poll::Ready(value) = awaited.as_mut().poll(context) {
            return Poll::Ready(value);
        }
        if poll_connection(connection, context) {
            return awaited.as_mut().poll(context);
        }
        Poll::Pending
    })
    .await
}

/// Whether there is a connection or one has just ended: what depends on it may have gone on.
fn poll_connection(connection: &mut Option<Driver>, context: &mut Context<'_>) -> bool {
    let Some(driver) = connection else { return false };
    if driver.as_mut().poll(context).is_ready() {
        // Its error is told to whoever waits for an answer.
        *connection = None;
    }
    true
}

async fn read(response: Response<Incoming>) -> Result<Answer, Failure> {
    let (head, mut body) = response.into_parts();
    let text = |value: &hyper::header::HeaderValue| value.to_str().ok().map(str::to_owned);
    let location = head.headers.get(LOCATION).and_then(text);
    let cookies = head.headers.get_all(SET_COOKIE).iter().filter_map(text).collect();
    let mut body_bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::http(&error))?;
        body_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(Answer { status: head.status, body_bytes, location, cookies })
}
