//! Reading bodies within bounds: so many bytes each, so many of all together, so long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;

use crate::problem::{Kind, Problem};

/// How long a body that nobody needs is read, so that its sender sees the answer.
const DISCARD_WITHIN: Duration = Duration::from_secs(2);

/// Bytes that all bodies together may hold.
#[derive(Debug)]
pub(crate) struct Budget {
    most: usize,
    held: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: AtomicUsize::new(0) })
    }

    /// Bytes that are held now.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

/// A part of the budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Reservation {
    fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let before = self.budget.held.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before + bytes > self.budget.most { Err(Problem::no_room()) } else { Ok(()) }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A whole body, and its part of the budget for as long as it is held.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    _reservation: Reservation,
}

/// The length that the head states.
pub(crate) fn stated_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body of at most `most` bytes.
///
/// # Errors
///
/// The problem to answer with: too large, too slow, cut off, or no room for it now.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    most: usize,
    within: Duration,
    budget: &Arc<Budget>,
) -> Result<Held, Problem> {
    let too_large = || {
        let mebibytes = most >> 20;
        Problem::new(
            Kind::TooLarge,
            format!(
                "the body is longer than the {mebibytes} MiB that are taken; send a smaller file"
            ),
        )
    };
    let stated = stated_length(headers);
    if stated.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    let mut reservation = Reservation { budget: Arc::clone(budget), bytes: 0 };
    let mut bytes: Vec<u8> = Vec::new();
    let reading = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                let detail = crate::problem::chain(&error);
                Problem::new(Kind::BadRequest, format!("the body ended before its end: {detail}"))
            })?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > most {
                return Err(too_large());
            }
            reservation.grow(data.len())?;
            if bytes.capacity() == 0 {
                // What a head states is believed only as far as a megabyte.
                let stated = stated.map_or(0, |length| length as usize);
                bytes.reserve_exact(stated.clamp(data.len(), (1 << 20).max(data.len())));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(())
    };
    match tokio::time::timeout(within, reading).await {
        Ok(read) => read?,
        Err(_) => {
            let seconds = within.as_secs();
            return Err(Problem::new(
                Kind::TooSlow,
                format!("the body did not come within {seconds} s; send it faster"),
            ));
        }
    }
    Ok(Held { bytes: bytes.into(), _reservation: reservation })
}

/// Reads a body away without keeping it. A connection that is closed before its request was
/// read shows its client a reset in place of the answer; one that waits to be told to go on
/// (`Expect: 100-continue`) never sends its body.
pub(crate) async fn discard(headers: &HeaderMap, mut body: Body, most: usize) {
    if headers.contains_key(header::EXPECT) {
        return;
    }
    if stated_length(headers).is_some_and(|length| length > most as u64) {
        return;
    }
    let mut seen = 0;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > most {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DISCARD_WITHIN, reading).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_of(length: usize, most: usize, budget: &Arc<Budget>) -> Result<Held, Problem> {
        let within = Duration::from_secs(5);
        read(&HeaderMap::new(), Body::from(vec![7; length]), most, within, budget).await
    }

    #[tokio::test]
    async fn what_is_held_is_counted_until_it_is_dropped() {
        let budget = Budget::new(100);
        let first = read_of(60, 80, &budget).await.expect("fits");
        assert_eq!((first.bytes.len(), budget.held()), (60, 60));
        let refused = read_of(50, 80, &budget).await.expect_err("no room");
        assert_eq!((refused.kind, refused.retry_after), ("overloaded", Some(1)));
        assert_eq!(budget.held(), 60, "a refused body holds nothing");
        drop(first);
        assert_eq!(budget.held(), 0);
        assert_eq!(read_of(81, 80, &budget).await.expect_err("too large").status, 413);
    }

    #[tokio::test]
    async fn a_length_that_is_too_large_is_refused_by_the_head() {
        let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, 1_000_000.into())]);
        let budget = Budget::new(100);
        let within = Duration::from_secs(5);
        let refused = read(&headers, Body::from_stream(never()), 80, within, &budget).await;
        assert_eq!(refused.expect_err("too large").kind, "too-large");
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let budget = Budget::new(100);
        let within = Duration::from_millis(5);
        let refused =
            read(&HeaderMap::new(), Body::from_stream(never()), 80, within, &budget).await;
        assert_eq!(refused.expect_err("too slow").kind, "too-slow");
    }

    /// A body whose bytes never come.
    fn never() -> impl tonic::codegen::tokio_stream::Stream<Item = Result<Bytes, std::io::Error>> {
        tonic::codegen::tokio_stream::pending()
    }
}
