//! `POST /v1/{application}`: one file in, its result out.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use super::observe::Noted;
use super::{App, accept, upload};
use crate::answer::InferenceAnswer;
use crate::model::{Inferred, Model, PictureFormat, Pictures};
use crate::problem::{Kind, Problem};

const JSON: &str = "application/json";
const PNG: &str = PictureFormat::Png.media_type();
const JPEG: &str = PictureFormat::Jpeg.media_type();

/// One file in, its result out: as JSON, or as a picture where the application makes one.
///
/// The file is the body itself or the first file of a form. By `Accept` the client chooses
/// between `application/json`, `image/png` and `image/jpeg`; without it a photo is answered
/// with a photo (PNG), everything else with JSON. A picture of detections is the photo with
/// what was found drawn on it.
#[utoipa::path(
    post,
    path = "/v1/{application}",
    tag = "applications",
    params(("application" = String, Path, description = "An application that is served here, e.g. `derain`")),
    request_body(
        description = "The file itself, recognised by its content, whatever type is stated; or a form with the file",
        content((String = "application/octet-stream"), (String = "multipart/form-data"))
    ),
    responses(
        (status = 200, description = "The result", content(
            (InferenceAnswer = "application/json"), (String = "image/png"), (String = "image/jpeg"))),
        (status = 400, description = "A malformed form", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No token, or a wrong one", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such application here", body = Problem, content_type = "application/problem+json"),
        (status = 406, description = "No form of the result is among those asked for", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The file is too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The file is no input of the application", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The queue is full, the deadline passed, or the service stops; see Retry-After", body = Problem, content_type = "application/problem+json",
            headers(("retry-after" = u64, description = "Whole seconds after which to ask again")))
    )
)]
pub(crate) async fn infer(
    State(app): State<App>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let model = app.model(&name)?;
    let form = form(model, request.headers())?;
    let upload = upload::take(&app, model, request).await?;
    let picture = match form {
        JPEG => Some(PictureFormat::Jpeg),
        PNG => Some(PictureFormat::Png),
        // The answer in JSON holds the photo.
        _ => (model.pictures() == Pictures::Result).then_some(PictureFormat::Png),
    };
    let inferred = model.infer(upload.input(), picture, app.limits.deadline).await??;
    app.metrics.stages(model.application.as_str(), &inferred.times);
    let noted = Noted {
        bytes: upload.bytes.len(),
        queue_milliseconds: inferred.times.queue,
        infer_milliseconds: inferred.times.infer,
    };
    let mut response = respond(model, inferred, form)?;
    response.extensions_mut().insert(noted);
    Ok(response)
}

/// The media type of the answer.
fn form(model: &Model, headers: &HeaderMap) -> Result<&'static str, Problem> {
    let offered: &[&str] = match model.pictures() {
        Pictures::Result => &[PNG, JPEG, JSON],
        Pictures::Drawn => &[JSON, PNG, JPEG],
        Pictures::None => &[JSON],
    };
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept::choose(accept, offered).ok_or_else(|| {
        let offered = offered.join(", ");
        Problem::new(
            Kind::NotAcceptable,
            format!("the result can be had as {offered}; ask for one of them in Accept"),
        )
    })
}

fn respond(model: &Model, inferred: Inferred, form: &'static str) -> Result<Response, Problem> {
    let times = timing(&inferred);
    let mut response = match inferred.picture {
        Some(picture) if form != JSON => {
            ([(header::CONTENT_TYPE, form)], picture.file).into_response()
        }
        _ => {
            let answer = model.answer(inferred).ok_or_else(|| {
                Problem::new(Kind::Failed, "the result was not made into a picture")
            })?;
            Json(answer).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    if let Ok(value) = HeaderValue::try_from(times) {
        headers.insert("server-timing", value);
    }
    Ok(response)
}

/// The stages as a browser's developer tools show them (W3C Server Timing).
fn timing(inferred: &Inferred) -> String {
    let each = inferred.times.each();
    let stages: Vec<String> =
        each.iter().map(|(stage, milliseconds)| format!("{stage};dur={milliseconds:.3}")).collect();
    stages.join(", ")
}
