//! Whether the service lives and takes requests, and what it counted.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::App;
use crate::problem::{Kind, Problem};

/// The process answers.
#[utoipa::path(get, path = "/health/live", tag = "health",
    responses((status = 200, description = "The process answers", body = String, content_type = "text/plain")))]
pub(crate) async fn live() -> &'static str {
    "live\n"
}

/// The model is loaded and requests are taken. Not ready from the moment on when the service
/// is asked to stop.
#[utoipa::path(get, path = "/health/ready", tag = "health",
    responses(
        (status = 200, description = "Requests are taken", body = String, content_type = "text/plain"),
        (status = 503, description = "The service is stopping", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    if app.is_stopping() {
        return Err(Problem::new(Kind::Stopping, "the service is stopping; ask another one"));
    }
    Ok("ready\n")
}

/// Counters in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Counters, OpenMetrics 1.0", body = String, content_type = "application/openmetrics-text")))]
pub(crate) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    for model in &app.models {
        let (waiting, running) = model.pool.load();
        app.metrics.model(model.application.as_str(), waiting, running);
    }
    let text = app.metrics.text(app.budget.held(), app.store.bytes());
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}
