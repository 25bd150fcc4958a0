//! The description of the interfaces, OpenAPI 3.1, and its page.

use axum::Json;
use axum::extract::State;
use axum::response::{Html, IntoResponse};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Info, SecurityRequirement};

use super::App;
use crate::page;

#[derive(OpenApi)]
#[openapi(paths(
    super::v1::infer,
    super::health::live,
    super::health::ready,
    super::health::metrics,
    crate::protocol::http::server,
    crate::protocol::http::live,
    crate::protocol::http::ready,
    crate::protocol::http::metadata,
    crate::protocol::http::model_ready,
    crate::protocol::http::infer
))]
struct Described;

/// The document; with the token where one is wanted.
pub(crate) fn document(wants_token: bool) -> Document {
    let mut document = Described::openapi();
    document.info = Info::new("Weighbridge service", env!("CARGO_PKG_VERSION"));
    document.info.description = Some(
        "Applications on photos and recordings, and their models by the Open Inference Protocol, version 2.".into(),
    );
    if wants_token {
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document
            .components
            .get_or_insert_default()
            .security_schemes
            .insert("token".into(), bearer.into());
        document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("token", [])]);
    }
    document
}

pub(crate) async fn json(State(app): State<App>) -> impl IntoResponse {
    Json(document(app.token.is_some()))
}

pub(crate) async fn shown(State(app): State<App>) -> Html<String> {
    // A document of our own types is always JSON.
    let document = serde_json::to_value(document(false)).unwrap_or_default();
    page::api(&app.served(), &document)
}
