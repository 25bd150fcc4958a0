//! One line of log and one count for every request; headers that every answer bears; refusals
//! shown as pages to browsers.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::trace::Trace;
use super::{App, accept};
use crate::page;
use crate::problem::Told;

/// Only the service's own files, nothing inline, and no frame around it. `blob:` is how a
/// page shows the photo that was chosen before it is sent.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What else is said of a request in its line of log; a handler adds it to its response.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noted {
    pub(crate) bytes: usize,
    pub(crate) queue_milliseconds: f64,
    pub(crate) infer_milliseconds: f64,
}

pub(crate) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("unmatched", |path| path.as_str()).to_owned();
    let trace = Trace::of(request.headers());
    let wants_page = wants_page(&request);
    let mut unanswered = Unanswered { app: &app, route: &route, trace: &trace, answered: false };
    let mut response = next.run(request).await;
    unanswered.answered = true;
    drop(unanswered);

    if let Some(Told(problem)) = response.extensions_mut().remove::<Told>() {
        app.metrics.refusal(problem.kind);
        if wants_page {
            response = as_page(&app, response, &problem);
        }
    }
    let status = response.status();
    let noted = response.extensions_mut().remove::<Noted>().unwrap_or_default();
    finish(&mut response, &trace);
    let seconds = begun.elapsed().as_secs_f64();
    app.metrics.request(&route, status.as_u16(), seconds);
    let quiet = route.contains("/health/") || route == "/metrics" || route.starts_with("/assets");
    if quiet && status.is_success() {
        tracing::debug!(%method, route, status = status.as_u16(), "request");
    } else {
        tracing::info!(
            %method,
            route,
            status = status.as_u16(),
            milliseconds = seconds * 1e3,
            body_bytes = noted.bytes,
            queue_milliseconds = noted.queue_milliseconds,
            infer_milliseconds = noted.infer_milliseconds,
            trace_id = trace.trace,
            span_id = trace.span,
            parent_id = trace.parent.as_deref().unwrap_or_default(),
            "request"
        );
    }
    response
}

/// Dropped without an answer, it tells that the client left.
struct Unanswered<'a> {
    app: &'a App,
    route: &'a str,
    trace: &'a Trace,
    answered: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.app.metrics.abandoned();
            let (route, trace_id) = (self.route, &self.trace.trace);
            tracing::info!(route, %trace_id, "the client left before the answer");
        }
    }
}

fn wants_page(request: &Request) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some()
        && accept::choose(accept, &["application/json", "text/html"]) == Some("text/html")
}

fn as_page(app: &App, told: Response, problem: &crate::problem::Problem) -> Response {
    let (parts, _) = told.into_parts();
    let page = if parts.status == StatusCode::UNAUTHORIZED {
        page::sign_in(false)
    } else {
        page::problem(&app.served(), problem)
    };
    let mut response = (parts.status, page).into_response();
    for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
        if let Some(value) = parts.headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

fn finish(response: &mut Response, trace: &Trace) {
    let headers = response.headers_mut();
    let html = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    let policy = if html { POLICY } else { "default-src 'none'; frame-ancestors 'none'" };
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_SECURITY_POLICY, policy);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Some(value) = trace.header() {
        headers.insert("traceresponse", value);
    }
}
