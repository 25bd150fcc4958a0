//! The routes, and what every request passes through before it comes to one.

pub(crate) mod accept;
pub(crate) mod assets;
pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod cookie;
pub(crate) mod health;
pub(crate) mod observe;
pub(crate) mod openapi;
pub(crate) mod pages;
pub(crate) mod same_site;
pub(crate) mod sniff;
pub(crate) mod trace;
pub(crate) mod upload;
pub(crate) mod v1;

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use weighbridge_experiment::ApplicationName;

use crate::metrics::Metrics;
use crate::model::Model;
use crate::problem::{Kind, Problem};
use crate::protocol::{grpc, http as protocol};
use crate::settings::{Clock, Limits};
use crate::store::Store;
use auth::Token;
use body::Budget;

/// What every handler sees.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) models: Vec<Model>,
    pub(crate) limits: Limits,
    pub(crate) token: Option<Token>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    /// Whether connections are encrypted: cookies are marked by it.
    pub(crate) encrypted: bool,
    pub(crate) stopping: AtomicBool,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The model that serves an application of this name.
    pub(crate) fn model(&self, name: &str) -> Result<&Model, Problem> {
        let found = self.models.iter().find(|model| model.application.as_str() == name);
        found.ok_or_else(|| {
            let known = ApplicationName::from_name(name).is_some();
            let why = if known { "is not served here" } else { "is no application" };
            Problem::new(
                Kind::NotFound,
                format!("`{}` {why}; this service has: {}", printable(name), self.names()),
            )
        })
    }

    /// What is served, in the order in which it was given.
    pub(crate) fn served(&self) -> Vec<ApplicationName> {
        self.models.iter().map(|model| model.application).collect()
    }

    /// The applications, for messages.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.models.iter().map(|model| model.application.as_str()).collect();
        names.join(", ")
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// From now on the service says that it is not ready; what was asked before is answered.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

/// A client's own words, short and without control characters.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(60).collect()
}

/// Everything under one address.
pub(crate) fn router(app: &App) -> Router {
    Router::new()
        .route("/", get(pages::first))
        .route("/app/{application}", get(pages::application).post(pages::submit))
        .route("/app/{application}/sample", post(pages::sample))
        .route("/results/{id}", get(pages::result))
        .route("/results/{id}/{which}", get(pages::file))
        .route("/results/{id}/delete", post(pages::delete))
        .route("/v1/{application}", post(v1::infer))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/v2", get(protocol::server))
        .route("/v2/health/live", get(protocol::live))
        .route("/v2/health/ready", get(protocol::ready))
        .route("/v2/models/{model}", get(protocol::metadata))
        .route("/v2/models/{model}/ready", get(protocol::model_ready))
        .route("/v2/models/{model}/infer", post(protocol::infer))
        .route("/v2/models/{model}/versions/{version}", get(protocol::metadata_of_version))
        .route("/v2/models/{model}/versions/{version}/ready", get(protocol::version_ready))
        .route("/v2/models/{model}/versions/{version}/infer", post(protocol::infer_version))
        .route("/inference.GRPCInferenceService/{call}", post(grpc::call))
        .route("/openapi.json", get(openapi::json))
        .route("/api", get(openapi::shown))
        .route("/metrics", get(health::metrics))
        .route("/sign-in", get(auth::form).post(auth::sign_in))
        .route("/assets/{name}", get(assets::asset))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(app.clone(), auth::check))
        .layer(axum::middleware::from_fn(same_site::check))
        .layer(from_fn_with_state(app.clone(), observe::observe))
        // Bodies are read by `body`, within the bounds of the settings.
        .layer(DefaultBodyLimit::disable())
        .with_state(app.clone())
}

async fn nothing_here(uri: axum::http::Uri) -> Problem {
    let path = printable(uri.path());
    Problem::new(Kind::NotFound, format!("there is nothing under `{path}`; `/` is the first page"))
}

async fn wrong_method(method: axum::http::Method, uri: axum::http::Uri) -> Problem {
    let (method, path) = (printable(method.as_str()), printable(uri.path()));
    Problem::new(
        Kind::Method,
        format!("`{path}` does not take {method}; /openapi.json says what each address takes"),
    )
}
