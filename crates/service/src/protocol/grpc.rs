//! The protocol over gRPC: `inference.GRPCInferenceService`, at the same port as everything
//! else, since gRPC is HTTP/2.

use std::future::Future;
use std::pin::Pin;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use prost::Message;
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;
use weighbridge_inference::engine::{Port, Values};

use super::messages::{
    Contents, InferRequest, InferResponse, InputTensor, ModelMetadata, NameAndVersion, Nothing,
    ServerMetadata, TensorMetadata, Truth,
};
use super::tensors::{AskedInput, AskedValues};
use super::{SERVER, VERSION, datatype, platform, tensors};
use crate::http::{App, body, printable};
use crate::problem::{Problem, Told};

/// One call of the service.
pub(crate) async fn call(
    State(app): State<App>,
    Path(method): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let (most, within) = (app.limits.body_bytes, app.limits.body_timeout);
    let held = match body::read(&parts.headers, body, most, within, &app.budget).await {
        Ok(held) => held,
        Err(problem) => return refused(problem),
    };
    let request = Request::from_parts(parts, Body::from(held.bytes.clone()));
    match method.as_str() {
        "ServerLive" => {
            unary(most, request, |_: Nothing| async { Ok(Truth { value: true }) }).await
        }
        "ServerReady" => {
            unary(
                most,
                request,
                |_: Nothing| async move { Ok(Truth { value: !app.is_stopping() }) },
            )
            .await
        }
        "ModelReady" => unary(most, request, |asked| model_ready(app, asked)).await,
        "ServerMetadata" => unary(most, request, |_: Nothing| async { Ok(server()) }).await,
        "ModelMetadata" => unary(most, request, |asked| metadata(app, asked)).await,
        "ModelInfer" => unary(most, request, |asked| infer(app, asked)).await,
        other => {
            let status = Status::unimplemented(format!(
                "there is no call `{}`; there are ServerLive, ServerReady, ModelReady, ServerMetadata, ModelMetadata and ModelInfer",
                printable(other)
            ));
            status.into_http::<Body>()
        }
    }
}

fn refused(problem: Problem) -> Response {
    let mut response = status(&problem).into_http::<Body>();
    response.extensions_mut().insert(Told(problem));
    response
}

fn status(problem: &Problem) -> Status {
    let code = match problem.kind {
        "not-found" => Code::NotFound,
        "overloaded" | "late" | "stopping" => Code::Unavailable,
        "too-large" => Code::ResourceExhausted,
        "too-slow" => Code::DeadlineExceeded,
        "failed" => Code::Internal,
        _ => Code::InvalidArgument,
    };
    let mut status = Status::new(code, format!("{}: {}", problem.title, problem.detail));
    if let Some(seconds) = problem.retry_after {
        status.metadata_mut().insert("retry-after", seconds.into());
    }
    status
}

/// A function as tonic's service of one message in and one out.
struct Unary<F>(F);

impl<F, M, R, A> UnaryService<M> for Unary<F>
where
    F: FnMut(M) -> A,
    A: Future<Output = Result<R, Problem>> + Send + 'static,
{
    type Response = R;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<R>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<M>) -> Self::Future {
        let answer = (self.0)(request.into_inner());
        Box::pin(async {
            answer.await.map(tonic::Response::new).map_err(|problem| status(&problem))
        })
    }
}

async fn unary<M, R, A>(most: usize, request: Request, answer: impl FnOnce(M) -> A) -> Response
where
    M: Message + Default + Send + 'static,
    R: Message + Send + 'static,
    A: Future<Output = Result<R, Problem>> + Send + 'static,
{
    let mut answer = Some(answer);
    let once = move |message: M| {
        let answer = answer.take().map(|answer| answer(message));
        async move {
            match answer {
                Some(answer) => answer.await,
                None => Err(Problem::new(crate::problem::Kind::BadRequest, "one message is taken")),
            }
        }
    };
    let codec: ProstCodec<R, M> = ProstCodec::new();
    let mut grpc =
        Grpc::new(codec).max_decoding_message_size(most).max_encoding_message_size(usize::MAX);
    grpc.unary(Unary(once), request).await.map(Body::new)
}

fn server() -> ServerMetadata {
    ServerMetadata {
        name: SERVER.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        extensions: Vec::new(),
    }
}

async fn model_ready(app: App, asked: NameAndVersion) -> Result<Truth, Problem> {
    super::model(&app, &asked.name, &asked.version)?;
    Ok(Truth { value: !app.is_stopping() })
}

async fn metadata(app: App, asked: NameAndVersion) -> Result<ModelMetadata, Problem> {
    let model = super::model(&app, &asked.name, &asked.version)?;
    let ports = |ports: &[Port]| {
        let port = |port: &Port| TensorMetadata {
            name: port.name.clone(),
            datatype: datatype::of_port(port).into(),
            shape: tensors::shape(port),
        };
        ports.iter().map(port).collect()
    };
    Ok(ModelMetadata {
        name: model.application.as_str().into(),
        versions: vec![VERSION.into()],
        platform: platform(model),
        inputs: ports(&model.inputs),
        outputs: ports(&model.outputs),
    })
}

async fn infer(app: App, asked: InferRequest) -> Result<InferResponse, Problem> {
    let model = super::model(&app, &asked.model_name, &asked.model_version)?;
    let names: Vec<String> = asked.outputs.iter().map(|output| output.name.clone()).collect();
    let wanted = tensors::wanted(model, &names)?;
    let inputs = inputs(asked.inputs, asked.raw_input_contents)?;
    let bound = tensors::bind(model, inputs, app.limits.tensor_values)?;
    let outputs = super::http::run(&app, model, bound).await?;
    let mut response = InferResponse {
        model_name: asked.model_name,
        model_version: VERSION.into(),
        id: asked.id,
        ..InferResponse::default()
    };
    for place in wanted {
        let (Some(tensor), Some(port)) = (outputs.get(place), model.outputs.get(place)) else {
            continue;
        };
        response.outputs.push(TensorMetadata {
            name: port.name.clone(),
            datatype: datatype::of(&tensor.values).into(),
            shape: tensor.shape.iter().map(|axis| i64::try_from(*axis).unwrap_or(-1)).collect(),
        });
        response.raw_output_contents.push(datatype::write(&tensor.values));
    }
    Ok(response)
}

fn inputs(tensors: Vec<InputTensor>, raw: Vec<Vec<u8>>) -> Result<Vec<AskedInput>, Problem> {
    let refuse = |detail: String| Problem::new(crate::problem::Kind::BadRequest, detail);
    if !raw.is_empty() && raw.len() != tensors.len() {
        return Err(refuse(format!(
            "there are {} inputs and {} of `raw_input_contents`; give as many",
            tensors.len(),
            raw.len()
        )));
    }
    let mut raw = raw.into_iter();
    let asked = tensors.into_iter().map(|tensor| {
        let values = match (raw.next(), tensor.contents) {
            (Some(bytes), None) => AskedValues::Bytes(bytes),
            (None, Some(contents)) => AskedValues::Values(values(&tensor.datatype, contents)),
            _ => {
                let name = printable(&tensor.name);
                return Err(refuse(format!(
                    "input `{name}` needs its values once: in `contents` or in `raw_input_contents`"
                )));
            }
        };
        Ok(AskedInput { name: tensor.name, datatype: tensor.datatype, shape: tensor.shape, values })
    });
    asked.collect()
}

/// Those values of the contents that are of the type; of another type there are none, which
/// the shape then refuses.
fn values(datatype: &str, contents: Contents) -> Values {
    match datatype {
        "FP64" => Values::F64(contents.fp64s),
        "INT64" => Values::I64(contents.int64s),
        "INT32" => Values::I32(contents.ints),
        "BOOL" => Values::Bool(contents.bools),
        "INT8" => {
            Values::I8(contents.ints.iter().filter_map(|value| i8::try_from(*value).ok()).collect())
        }
        "UINT8" => Values::U8(
            contents.uints.iter().filter_map(|value| u8::try_from(*value).ok()).collect(),
        ),
        _ => Values::F32(contents.fp32s),
    }
}
