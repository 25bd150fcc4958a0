//! The protocol over HTTP. Refusals are `{"error": "…"}`, as its clients read them.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use weighbridge_inference::engine::{Port, Tensor};

use super::json::{
    Data, InferRequest, InferResponse, InferredOutput, ModelMetadata, PortMetadata, ServerMetadata,
};
use super::{SERVER, VERSION, binary, datatype, platform, tensors};
use crate::http::{App, body};
use crate::model::Model;
use crate::problem::{Kind, Problem, Told};

/// A refusal in the protocol's form.
pub(crate) struct Refused(Problem);

/// What a refused request is told.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    error: String,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let problem = self.0;
        let error = format!("{}: {}", problem.title, problem.detail);
        let mut response = (problem.status(), Json(ErrorBody { error })).into_response();
        if let Some(seconds) = problem.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Told(problem));
        response
    }
}

/// What the server is.
#[utoipa::path(get, path = "/v2", tag = "open inference protocol",
    responses((status = 200, description = "Its name, version and extensions", body = ServerMetadata)))]
pub(crate) async fn server() -> Json<ServerMetadata> {
    Json(ServerMetadata {
        name: SERVER,
        version: env!("CARGO_PKG_VERSION"),
        extensions: ["binary_tensor_data"],
    })
}

/// The process answers.
#[utoipa::path(get, path = "/v2/health/live", tag = "open inference protocol",
    responses((status = 200, description = "The process answers")))]
pub(crate) async fn live() -> StatusCode {
    StatusCode::OK
}

/// Requests are taken.
#[utoipa::path(get, path = "/v2/health/ready", tag = "open inference protocol",
    responses((status = 200, description = "Requests are taken"),
              (status = 503, description = "The service is stopping")))]
pub(crate) async fn ready(State(app): State<App>) -> StatusCode {
    if app.is_stopping() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

/// Inputs and outputs of a model.
#[utoipa::path(get, path = "/v2/models/{model}", tag = "open inference protocol",
    params(("model" = String, Path, description = "An application that is served here, e.g. `derain`")),
    responses((status = 200, description = "Names, types and shapes", body = ModelMetadata),
              (status = 404, description = "No such model here", body = ErrorBody)))]
pub(crate) async fn metadata(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Json<ModelMetadata>, Refused> {
    Ok(Json(metadata_of(super::model(&app, &name, "")?)))
}

pub(crate) async fn metadata_of_version(
    State(app): State<App>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<ModelMetadata>, Refused> {
    Ok(Json(metadata_of(super::model(&app, &name, &version)?)))
}

fn metadata_of(model: &Model) -> ModelMetadata {
    let ports = |ports: &[Port]| {
        let port = |port: &Port| PortMetadata {
            name: port.name.clone(),
            datatype: datatype::of_port(port),
            shape: tensors::shape(port),
        };
        ports.iter().map(port).collect()
    };
    ModelMetadata {
        name: model.application.as_str().to_owned(),
        versions: [VERSION],
        platform: platform(model),
        inputs: ports(&model.inputs),
        outputs: ports(&model.outputs),
    }
}

/// A model is loaded and takes requests.
#[utoipa::path(get, path = "/v2/models/{model}/ready", tag = "open inference protocol",
    params(("model" = String, Path, description = "An application that is served here")),
    responses((status = 200, description = "It takes requests"),
              (status = 404, description = "No such model here", body = ErrorBody)))]
pub(crate) async fn model_ready(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<StatusCode, Refused> {
    super::model(&app, &name, "")?;
    Ok(ready(State(app)).await)
}

pub(crate) async fn version_ready(
    State(app): State<App>,
    Path((name, version)): Path<(String, String)>,
) -> Result<StatusCode, Refused> {
    super::model(&app, &name, &version)?;
    Ok(ready(State(app)).await)
}

/// Bare tensors into a model and out of it.
///
/// As JSON, or with the binary extension: values stand behind the JSON, whose length is in the
/// header `Inference-Header-Content-Length`.
#[utoipa::path(post, path = "/v2/models/{model}/infer", tag = "open inference protocol",
    params(("model" = String, Path, description = "An application that is served here, e.g. `derain`"),
           ("inference-header-content-length" = Option<u64>, Header, description = "Length of the JSON, where values stand behind it")),
    request_body(content((InferRequest = "application/json"), (String = "application/octet-stream"))),
    responses((status = 200, description = "The outputs", content((InferResponse = "application/json"), (String = "application/octet-stream"))),
              (status = 400, description = "A malformed request, or tensors that the model does not take", body = ErrorBody),
              (status = 404, description = "No such model here", body = ErrorBody),
              (status = 413, description = "More bytes or values than are taken", body = ErrorBody),
              (status = 503, description = "The queue is full, the deadline passed, or the service stops", body = ErrorBody)))]
pub(crate) async fn infer(
    State(app): State<App>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Refused> {
    infer_on(&app, super::model(&app, &name, "")?, request).await
}

pub(crate) async fn infer_version(
    State(app): State<App>,
    Path((name, version)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refused> {
    infer_on(&app, super::model(&app, &name, &version)?, request).await
}

async fn infer_on(app: &App, model: &Model, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let (most, within) = (app.limits.body_bytes, app.limits.body_timeout);
    if let Some(refusal) = model.pool.refuses() {
        body::discard(&parts.headers, body, most).await;
        return Err(Problem::from(refusal).into());
    }
    let held = body::read(&parts.headers, body, most, within, &app.budget).await?;
    let asked = Asked::read(model, &parts.headers, &held, app.limits.tensor_values)?;
    let outputs = run(app, model, asked.tensors).await?;
    drop(held);
    Ok(respond(model, asked.id, &asked.wanted, outputs)?)
}

/// Runs a model on tensors that fit it.
pub(crate) async fn run(
    app: &App,
    model: &Model,
    tensors: Vec<Tensor>,
) -> Result<Vec<Tensor>, Problem> {
    model.run_tensors(tensors, app.limits.deadline).await?.map_err(|error| {
        let kind = match &error {
            weighbridge_inference::engine::EngineError::Panicked { .. } => Kind::Failed,
            // Types and shapes fit what the model declares; what it says further is the input's.
            _ => Kind::BadInput,
        };
        Problem::new(kind, crate::problem::chain(&error))
    })
}

struct Asked {
    id: Option<String>,
    tensors: Vec<Tensor>,
    /// Place of each output that is wanted, and whether behind the JSON.
    wanted: Vec<(usize, bool)>,
}

impl Asked {
    fn read(
        model: &Model,
        headers: &HeaderMap,
        held: &body::Held,
        most: usize,
    ) -> Result<Self, Problem> {
        let (request, values) = binary::split(headers, &held.bytes)?;
        let yes = |parameters: &serde_json::Map<String, serde_json::Value>, name: &str| {
            parameters.get(name).and_then(serde_json::Value::as_bool)
        };
        let all_binary = yes(&request.parameters, "binary_data_output").unwrap_or(false);
        let names: Vec<String> = request.outputs.iter().map(|output| output.name.clone()).collect();
        let wanted =
            tensors::wanted(model, &names)?.into_iter().enumerate().map(|(number, place)| {
                let own = request
                    .outputs
                    .get(number)
                    .and_then(|output| yes(&output.parameters, "binary_data"));
                (place, own.unwrap_or(all_binary))
            });
        let wanted = wanted.collect();
        let id = request.id.clone();
        let tensors = tensors::bind(model, binary::inputs(request, &values)?, most)?;
        Ok(Self { id, tensors, wanted })
    }
}

fn respond(
    model: &Model,
    id: Option<String>,
    wanted: &[(usize, bool)],
    outputs: Vec<Tensor>,
) -> Result<Response, Problem> {
    let mut outputs: Vec<Option<Tensor>> = outputs.into_iter().map(Some).collect();
    let mut described = Vec::with_capacity(wanted.len());
    let mut behind = Vec::new();
    for (place, as_binary) in wanted {
        // An output that is asked for twice is given once; the engine gives all of them.
        let Some(tensor) = outputs.get_mut(*place).and_then(Option::take) else { continue };
        let name = model.outputs[*place].name.clone();
        let datatype = datatype::of(&tensor.values);
        let (parameters, data) = if *as_binary {
            let bytes = datatype::write(&tensor.values);
            let size = serde_json::json!({ "binary_data_size": bytes.len() });
            behind.push(bytes);
            (Some(size), None)
        } else {
            (None, Some(Data(tensor.values)))
        };
        described.push(InferredOutput { name, datatype, shape: tensor.shape, parameters, data });
    }
    let response = InferResponse {
        model_name: model.application.as_str().to_owned(),
        model_version: VERSION,
        id,
        outputs: described,
    };
    if behind.is_empty() {
        return Ok(Json(response).into_response());
    }
    let json = serde_json::to_vec(&response).map_err(|error| {
        Problem::new(Kind::Failed, format!("the answer cannot be written: {error}"))
    })?;
    let length = HeaderValue::from(json.len());
    let body = [json, behind.concat()].concat();
    let mut response = ([(header::CONTENT_TYPE, "application/octet-stream")], body).into_response();
    response.headers_mut().insert(binary::LENGTH, length);
    Ok(response)
}
