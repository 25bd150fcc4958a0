//! The pages and what their forms do: a file in, a result kept, the browser sent to it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Form, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use weighbridge_experiment::ApplicationName;
use weighbridge_inference::{Input, catalogue};

use super::{App, accept, cookie, printable, sniff, upload};
use crate::model::{Inferred, Model, PictureFormat, Pictures};
use crate::page;
use crate::problem::{Kind, Problem, chain};
use crate::store::{Entry, NewEntry, StoreError, random_id, session_digest};

const SESSION: &str = "weighbridge-session";
/// Results that are listed on an application's page.
const LISTED_MOST: usize = 12;

pub(crate) async fn first(State(app): State<App>) -> Response {
    match app.models.as_slice() {
        [only] => Redirect::to(&format!("/app/{}", only.application)).into_response(),
        _ => page::index(&app.served()).into_response(),
    }
}

pub(crate) async fn application(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Html<String>, Problem> {
    let model = app.model(&name)?;
    let now = (app.clock)();
    let results = session(&headers)
        .map(|session| app.store.list(&session_digest(session), &name, now, LISTED_MOST))
        .unwrap_or_default();
    let shown = page::Shown {
        application: model.application,
        notes: &model.notes,
        most_bytes: app.limits.body_bytes,
        results: &results,
    };
    Ok(page::application(&app.served(), &shown))
}

/// A photo by the form of the page, with the script or without.
pub(crate) async fn submit(
    State(app): State<App>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let model = app.model(&name)?;
    let headers = request.headers().clone();
    let upload = upload::take(&app, model, request).await?;
    worked_on(&app, model, &headers, &upload.name, upload.bytes.clone()).await
}

#[derive(Deserialize)]
pub(crate) struct Sample {
    sample: String,
}

/// One of the shipped samples, for a visitor without a photo.
pub(crate) async fn sample(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Form(wanted): Form<Sample>,
) -> Result<Response, Problem> {
    let model = app.model(&name)?;
    let samples = catalogue::shipped(model.application).samples;
    let found = samples.iter().find(|(file, _)| *file == wanted.sample);
    let (file, bytes) = found.ok_or_else(|| {
        Problem::new(Kind::NotFound, format!("there is no sample `{}`", printable(&wanted.sample)))
    })?;
    worked_on(&app, model, &headers, file, Bytes::from_static(bytes)).await
}

async fn worked_on(
    app: &App,
    model: &Model,
    headers: &HeaderMap,
    name: &str,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let media_type = sniff::media_type(&bytes);
    let picture = picture(model, media_type);
    let input = Input::new(name.to_owned(), bytes.to_vec());
    let inferred = model.infer(input, picture, app.limits.deadline).await??;
    app.metrics.stages(model.application.as_str(), &inferred.times);
    let known = session(headers).map(str::to_owned);
    let session = known.clone().unwrap_or_else(random_id);
    let entry = keep(app, model, &session, name, (bytes, media_type), inferred).await?;
    let location = format!("/results/{}", entry.id);
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let json =
        accept::choose(accept, &["text/html", "application/json"]) == Some("application/json");
    let mut response = if json {
        let body = Json(serde_json::json!({ "location": location }));
        (StatusCode::CREATED, [(header::LOCATION, location)], body).into_response()
    } else {
        Redirect::to(&location).into_response()
    };
    if known.is_none() {
        let cookie = cookie::write(SESSION, &session, None, app.encrypted);
        if let Ok(value) = HeaderValue::try_from(cookie) {
            response.headers_mut().insert(header::SET_COOKIE, value);
        }
    }
    Ok(response)
}

/// A photo that came with every pixel goes back with every pixel; one from a camera as small
/// as it came.
fn picture(model: &Model, media_type: &str) -> Option<PictureFormat> {
    match model.pictures() {
        Pictures::None => None,
        Pictures::Result | Pictures::Drawn if media_type == "image/png" => Some(PictureFormat::Png),
        Pictures::Result | Pictures::Drawn => Some(PictureFormat::Jpeg),
    }
}

async fn keep(
    app: &App,
    model: &Model,
    session: &str,
    name: &str,
    before: (Bytes, &'static str),
    inferred: Inferred,
) -> Result<std::sync::Arc<Entry>, Problem> {
    let new = NewEntry {
        session: session_digest(session),
        at: (app.clock)(),
        application: model.application.as_str().to_owned(),
        name: name.to_owned(),
        before,
        after: inferred.picture.map(|picture| (picture.file, picture.format.media_type())),
        result: inferred.result,
        times: inferred.times,
    };
    on_files(app, move |app| app.store.insert(new)).await
}

/// Runs what reads and writes files beside the thread that answers connections.
async fn on_files<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&App) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let app = app.clone();
    let done = tokio::task::spawn_blocking(move || work(&app)).await;
    let done = done.map_err(|_| Problem::new(Kind::Failed, "the store broke off"))?;
    done.map_err(|error| {
        let text = chain(&error);
        if matches!(error, StoreError::TooLarge { .. }) {
            return Problem::new(Kind::TooLarge, format!("{text}; send a smaller file"));
        }
        // A path of the host is nothing for visitors.
        tracing::error!(error = text, "the store failed");
        Problem::new(Kind::Failed, "the result could not be kept; the service's log says why")
    })
}

/// The session that a browser sent; anything that this service did not make is none.
fn session(headers: &HeaderMap) -> Option<&str> {
    cookie::read(headers, SESSION)
        .filter(|text| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn own(app: &App, headers: &HeaderMap, id: &str) -> Result<std::sync::Arc<Entry>, Problem> {
    let session = session(headers).map(session_digest);
    session.and_then(|session| app.store.get(id, &session, (app.clock)())).ok_or_else(|| {
        Problem::new(
            Kind::NotFound,
            "there is no such result for this browser; results are kept for a while only, and shown to the browser that asked",
        )
    })
}

pub(crate) async fn result(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Html<String>, Problem> {
    let entry = own(&app, &headers, &id)?;
    let model = app.model(&entry.application)?;
    Ok(page::result(&app.served(), model.application, &model.notes, &entry))
}

#[derive(Deserialize)]
pub(crate) struct How {
    download: Option<String>,
}

/// The file that was sent (`before`) or the picture of the result (`after`).
pub(crate) async fn file(
    State(app): State<App>,
    Path((id, which)): Path<(String, String)>,
    Query(how): Query<How>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let entry = own(&app, &headers, &id)?;
    let nothing = || Problem::new(Kind::NotFound, "this result has no such picture");
    let kept = match which.as_str() {
        "before" => Some(entry.before.clone()),
        "after" => entry.after.clone(),
        _ => None,
    };
    let kept = kept.ok_or_else(nothing)?;
    let wanted = kept.clone();
    let content =
        on_files(&app, move |app| app.store.content(&wanted)).await?.ok_or_else(nothing)?;
    let mut response = content.into_response();
    let set = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(kept.media_type.as_str()) {
        set.insert(header::CONTENT_TYPE, value);
    }
    // What lies under an address of a result never changes; it is its browser's alone.
    set.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    if how.download.is_some() {
        let name = download_name(&entry, &kept.media_type);
        if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
            set.insert(header::CONTENT_DISPOSITION, value);
        }
    }
    Ok(response)
}

/// The client's own name for its file with the application's behind it, of letters and digits
/// only: it goes into a header.
fn download_name(entry: &Entry, media_type: &str) -> String {
    let stem = entry.name.rsplit_once('.').map_or(entry.name.as_str(), |(stem, _)| stem);
    let plain: String = stem
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '-' })
        .take(40)
        .collect();
    let plain = plain.trim_matches('-');
    let extension = if media_type == PictureFormat::Png.media_type() {
        PictureFormat::Png.extension()
    } else {
        PictureFormat::Jpeg.extension()
    };
    let stem = if plain.is_empty() { "photo" } else { plain };
    format!("{stem}-{}.{extension}", entry.application)
}

pub(crate) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Redirect, Problem> {
    let entry = own(&app, &headers, &id)?;
    let now = (app.clock)();
    let session = entry.session.clone();
    on_files(&app, move |app| app.store.delete(&id, &session, now)).await?;
    let name = ApplicationName::from_name(&entry.application);
    Ok(Redirect::to(&name.map_or_else(|| "/".to_owned(), |name| format!("/app/{name}"))))
}
