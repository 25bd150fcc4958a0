//! Refusals that teach: what failed, why, and what to do, as `application/problem+json`
//! (RFC 9457), or as a page where a browser asked.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use utoipa::ToSchema;
use weighbridge_inference::InferenceError;

use crate::pool::Refusal;

/// What a refused request is told.
#[derive(Debug, Clone, Serialize, JsonSchema, ToSchema)]
pub struct Problem {
    /// The kind of problem, a short name such as `overloaded`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The kind in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What failed with this very request, why, and what to do.
    pub detail: String,
    /// Whole seconds after which it is worth to ask again.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

/// The kinds of problems: name, title, status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was sent is no input of this application.
    BadInput,
    /// The request itself is malformed.
    BadRequest,
    /// More bytes, or more tensor values, than are taken.
    TooLarge,
    /// The body is of a type that is not taken.
    MediaType,
    /// No result can be given in any form that was asked for.
    NotAcceptable,
    /// There is nothing under this address.
    NotFound,
    /// The address is right, the method is not.
    Method,
    /// No token, or a wrong one.
    Unauthorized,
    /// The form came from somewhere else than the service's own page.
    Foreign,
    /// The body came too slowly.
    TooSlow,
    /// As many requests wait as may, or as many bytes are held as may.
    Overloaded,
    /// The deadline passed.
    Late,
    /// The service stops.
    Stopping,
    /// A defect of the service or its model.
    Failed,
}

impl Kind {
    const fn parts(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::BadInput => {
                ("bad-input", "The input cannot be used", StatusCode::UNPROCESSABLE_ENTITY)
            }
            Self::BadRequest => {
                ("bad-request", "The request cannot be understood", StatusCode::BAD_REQUEST)
            }
            Self::TooLarge => {
                ("too-large", "The request is too large", StatusCode::PAYLOAD_TOO_LARGE)
            }
            Self::MediaType => {
                ("media-type", "This type of body is not taken", StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::NotAcceptable => (
                "not-acceptable",
                "The result has none of the types asked for",
                StatusCode::NOT_ACCEPTABLE,
            ),
            Self::NotFound => ("not-found", "There is nothing here", StatusCode::NOT_FOUND),
            Self::Method => {
                ("method", "This method is not taken here", StatusCode::METHOD_NOT_ALLOWED)
            }
            Self::Unauthorized => ("unauthorized", "A token is needed", StatusCode::UNAUTHORIZED),
            Self::Foreign => ("foreign", "The form came from another site", StatusCode::FORBIDDEN),
            Self::TooSlow => {
                ("too-slow", "The request came too slowly", StatusCode::REQUEST_TIMEOUT)
            }
            Self::Overloaded => {
                ("overloaded", "Too many requests are waiting", StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::Late => ("late", "The deadline passed", StatusCode::SERVICE_UNAVAILABLE),
            Self::Stopping => {
                ("stopping", "The service is stopping", StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::Failed => ("failed", "The inference failed", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

impl Problem {
    /// A problem of this kind.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (kind, title, status) = kind.parts();
        let detail = detail.into();
        Self { kind, title, status: status.as_u16(), detail, retry_after: None }
    }

    /// With the time after which it is worth to ask again.
    #[must_use]
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time.as_secs().max(1));
        self
    }

    /// Too many bytes are held for other requests.
    #[must_use]
    pub fn no_room() -> Self {
        Self::new(
            Kind::Overloaded,
            "the service holds as many bytes of other requests as it may; ask again after the time in Retry-After",
        )
        .retry_after(Duration::from_secs(1))
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match &refusal {
            Refusal::Full { retry_after, .. } => Self::new(
                Kind::Overloaded,
                format!("{refusal}; ask again after the time in Retry-After"),
            )
            .retry_after(*retry_after),
            Refusal::Late { retry_after } => {
                Self::new(Kind::Late, format!("{refusal}; ask again when less is going on"))
                    .retry_after(*retry_after)
            }
            Refusal::Stopping => Self::new(Kind::Stopping, format!("{refusal}; ask another one"))
                .retry_after(Duration::from_secs(5)),
            Refusal::Broke(_) => {
                Self::new(Kind::Failed, format!("{refusal}; the service goes on with the next"))
            }
        }
    }
}

impl From<InferenceError> for Problem {
    fn from(error: InferenceError) -> Self {
        let kind = match &error {
            InferenceError::Input(_) => Kind::BadInput,
            _ => Kind::Failed,
        };
        Self::new(kind, chain(&error))
    }
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let retry_after = self.retry_after;
        let unauthorized = self.status() == StatusCode::UNAUTHORIZED;
        let mut response = (self.status(), Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if unauthorized {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"weighbridge\""),
            );
        }
        response.extensions_mut().insert(Told(self));
        response
    }
}

/// The problem inside a response, for the log and for pages that show it as one.
#[derive(Debug, Clone)]
pub(crate) struct Told(pub(crate) Problem);
