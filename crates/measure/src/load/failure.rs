//! In which words a request failed: few, so that equal failures are counted together.

use std::borrow::Cow;
use std::error::Error;
use std::io;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// What is counted and shown.
    pub(super) words: Cow<'static, str>,
    /// Whether the connection was the reason: a user who gets none does not try again at once.
    pub(super) is_connection: bool,
    /// Whether the request never left, because an idle connection was found closed.
    pub(super) never_sent: bool,
}

impl Failure {
    pub(super) fn answer(words: impl Into<Cow<'static, str>>) -> Self {
        Self { words: words.into(), is_connection: false, never_sent: false }
    }

    pub(super) fn connection(words: impl Into<Cow<'static, str>>) -> Self {
        Self { words: words.into(), is_connection: true, never_sent: false }
    }

    pub(super) fn status(status: hyper::StatusCode) -> Self {
        Self::answer(match status.as_u16() {
            404 => Cow::Borrowed("status 404"),
            500 => Cow::Borrowed("status 500"),
            503 => Cow::Borrowed("status 503"),
            other => Cow::Owned(format!("status {other}")),
        })
    }

    pub(super) fn timeout() -> Self {
        Self::answer("timeout")
    }

    pub(super) fn io(error: &io::Error) -> Self {
        // What rustls and others wrap says more than the kind around it.
        if let Some(inner) = error.get_ref()
            && error.raw_os_error().is_none()
        {
            let text = inner.to_string();
            let is_tls = inner.is::<tokio_rustls::rustls::Error>();
            return Self::connection(if is_tls { format!("TLS: {text}") } else { text });
        }
        Self::connection(match error.kind() {
            io::ErrorKind::ConnectionRefused => Cow::Borrowed("connection refused"),
            io::ErrorKind::ConnectionReset => Cow::Borrowed("connection reset"),
            io::ErrorKind::BrokenPipe => Cow::Borrowed("connection closed while sending"),
            io::ErrorKind::UnexpectedEof => Cow::Borrowed("connection closed"),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Cow::Borrowed("host unreachable")
            }
            io::ErrorKind::AddrNotAvailable => {
                Cow::Borrowed("no free port on this host towards the service")
            }
            _ => Cow::Owned(error.to_string()),
        })
    }

    pub(super) fn http(error: &hyper::Error) -> Self {
        if error.is_canceled() {
            let never = Self::connection("connection closed before the request was sent");
            return Self { never_sent: true, ..never };
        }
        if error.is_incomplete_message() {
            return Self::connection("connection closed before the answer was complete");
        }
        if error.is_parse() {
            let what = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            return Self::connection(format!("not HTTP: {what}"));
        }
        let mut cause: Option<&(dyn Error + 'static)> = error.source();
        while let Some(source) = cause {
            if let Some(error) = source.downcast_ref::<io::Error>() {
                if error.kind() == io::ErrorKind::UnexpectedEof {
                    return Self::connection("connection closed before the answer was complete");
                }
                return Self::io(error);
            }
            cause = source.source();
        }
        let why = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        Self::connection(format!("{error}{why}"))
    }
}
