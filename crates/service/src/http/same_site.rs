//! Requests that another site makes a visitor's browser send are refused: whoever listens on
//! loopback has no token, and the browser would be the way in.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::problem::{Kind, Problem};

pub(crate) async fn check(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && is_foreign(request.headers()) {
        return Problem::new(
            Kind::Foreign,
            "a browser sent this for a page of another site; send it from the service's own page, or without a browser",
        )
        .into_response();
    }
    next.run(request).await
}

/// Whether a browser says that a page of another origin sent this. Other programs send
/// neither header.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    match (text("origin"), host) {
        (Some(origin), Some(host)) => {
            origin.split_once("://").is_none_or(|(_, authority)| authority != host)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(pairs: &[(&'static str, &'static str)]) -> bool {
        let pairs = pairs.iter().map(|(name, value)| {
            (name.parse().expect("a name"), axum::http::HeaderValue::from_static(value))
        });
        is_foreign(&HeaderMap::from_iter(pairs))
    }

    #[test]
    fn only_what_a_browser_sends_for_another_site_is_foreign() {
        assert!(!foreign(&[("host", "a:80")]), "curl");
        assert!(!foreign(&[("sec-fetch-site", "same-origin"), ("origin", "http://a")]));
        assert!(!foreign(&[("host", "a:8080"), ("origin", "http://a:8080")]));
        assert!(foreign(&[("sec-fetch-site", "cross-site")]));
        assert!(foreign(&[("sec-fetch-site", "same-site")]));
        assert!(foreign(&[("host", "a:8080"), ("origin", "http://b:8080")]));
        assert!(foreign(&[("host", "a:8080"), ("origin", "null")]));
    }
}
