//! The one file of a request: the body itself, or the file field of a form.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::{HeaderMap, header};
use weighbridge_inference::Input;

use super::body::{self, Held};
use super::{App, printable};
use crate::model::Model;
use crate::problem::{Kind, Problem};

/// Parts of a form that are looked at before it is taken for hostile.
const PARTS_MOST: usize = 16;

/// A file that was sent, and its part of the budget for as long as it is held.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
    _held: Held,
}

impl Upload {
    pub(crate) fn input(&self) -> Input {
        Input::new(self.name.clone(), self.bytes.to_vec())
    }
}

/// Takes the file of a request for a model, or refuses before a byte of it is kept.
///
/// # Errors
///
/// The problem to answer with.
pub(crate) async fn take(app: &App, model: &Model, request: Request) -> Result<Upload, Problem> {
    let (parts, body) = request.into_parts();
    let most = app.limits.body_bytes;
    if let Some(refusal) = model.pool.refuses() {
        body::discard(&parts.headers, body, most).await;
        return Err(refusal.into());
    }
    let within = app.limits.body_timeout;
    let held = body::read(&parts.headers, body, most, within, &app.budget).await?;
    let (name, bytes) = match form_type(&parts.headers) {
        Some(content_type) => from_form(content_type, held.bytes.clone()).await?,
        None => ("the body".to_owned(), held.bytes.clone()),
    };
    if bytes.is_empty() {
        return Err(nothing(model));
    }
    Ok(Upload { name, bytes, _held: held })
}

fn nothing(model: &Model) -> Problem {
    let what = if model.takes_sound() { "recording" } else { "photo" };
    Problem::new(
        Kind::BadInput,
        format!(
            "no {what} was sent: the file is empty (0 bytes); choose a file, or send it as the body (curl --data-binary @FILE)"
        ),
    )
}

/// The content type, where it is that of a form.
fn form_type(headers: &HeaderMap) -> Option<&axum::http::HeaderValue> {
    let value = headers.get(header::CONTENT_TYPE)?;
    let text = value.to_str().ok()?;
    text.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/")).then_some(value)
}

async fn from_form(
    content_type: &axum::http::HeaderValue,
    bytes: Bytes,
) -> Result<(String, Bytes), Problem> {
    let malformed = |what: String| {
        Problem::new(
            Kind::BadRequest,
            format!(
                "the form cannot be read: {what}; send multipart/form-data with one file, as `curl --form file=@FILE` does"
            ),
        )
    };
    let mut request = Request::new(Body::from(bytes));
    request.headers_mut().insert(header::CONTENT_TYPE, content_type.clone());
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| malformed(error.body_text()))?;
    let mut unnamed = None;
    for _ in 0..PARTS_MOST {
        let part = form.next_field().await.map_err(|error| malformed(error.body_text()))?;
        let Some(part) = part else { break };
        let file = part.file_name().map(printable);
        let content = part.bytes().await.map_err(|error| malformed(error.body_text()))?;
        match file {
            Some(name) if name.is_empty() => return Ok(("the file".to_owned(), content)),
            Some(name) => return Ok((name, content)),
            None => unnamed = unnamed.or(Some(content)),
        }
    }
    unnamed
        .map(|content| ("the form's field".to_owned(), content))
        .ok_or_else(|| malformed("it has no field".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn form(boundary: &str, text: &str) -> Result<(String, Bytes), Problem> {
        let value = format!("multipart/form-data; boundary={boundary}");
        let value = axum::http::HeaderValue::try_from(value).expect("a value");
        from_form(&value, Bytes::from(text.to_owned())).await
    }

    #[tokio::test]
    async fn the_file_is_found_among_other_fields() {
        let text = "--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n\
                    --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../a\tb.png\"\r\n\r\nPNG\r\n--x--\r\n";
        let (name, bytes) = form("x", text).await.expect("a file");
        assert_eq!((name.as_str(), &bytes[..]), ("../ab.png", &b"PNG"[..]));
    }

    #[tokio::test]
    async fn malformed_forms_are_refused_with_the_reason() {
        for (boundary, text) in [
            ("x", ""),
            ("x", "--y--"),
            (
                "x",
                "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nPNG",
            ),
            ("x", "--x\r\n\r\n"),
            ("x", "--x--\r\n"),
        ] {
            let problem = form(boundary, text).await.expect_err("no form");
            assert_eq!(problem.kind, "bad-request", "{text:?}");
            assert!(problem.detail.contains("curl --form"), "{}", problem.detail);
        }
    }
}
