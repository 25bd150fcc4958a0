//! The pages' own style and script, as files of their own: nothing in a page is inline.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::problem::{Kind, Problem};

const STYLE: &str = include_str!("../page/style.css");
const SCRIPT: &str = include_str!("../page/page.js");
const ICON: &str = include_str!("../page/icon.svg");

pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let (media_type, text) = match name.as_str() {
        "style.css" => ("text/css; charset=utf-8", STYLE),
        "page.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => {
            return Problem::new(Kind::NotFound, "there is no such file of the pages")
                .into_response();
        }
    };
    // They change with the executable only.
    let tag = format!("\"{}-{}\"", env!("CARGO_PKG_VERSION"), text.len());
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|given| given == tag.as_str());
    let cache = [(header::CACHE_CONTROL, "no-cache".to_owned()), (header::ETAG, tag)];
    if known {
        return (StatusCode::NOT_MODIFIED, cache).into_response();
    }
    (cache, [(header::CONTENT_TYPE, media_type)], text).into_response()
}
