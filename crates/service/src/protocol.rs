//! The Open Inference Protocol, version 2, over HTTP and gRPC: bare tensors into a model and
//! out of it, past the application.
//!
//! * [`datatype`]: the protocol's element types and those of the engines.
//! * [`tensors`]: what a request asks for, held against what the model declares.
//! * [`http`]: the JSON form and its binary extension.
//! * [`grpc`]: the same over gRPC, with messages written by hand.

pub(crate) mod binary;
pub(crate) mod datatype;
pub(crate) mod grpc;
pub(crate) mod http;
pub(crate) mod json;
pub(crate) mod messages;
pub(crate) mod tensors;

/// The one version of every model that is served.
pub(crate) const VERSION: &str = "1";
/// What the server calls itself in its metadata.
pub(crate) const SERVER: &str = "weighbridge";

use crate::http::App;
use crate::model::Model;
use crate::problem::{Kind, Problem};

/// The model of a name, in its one version.
pub(crate) fn model<'a>(app: &'a App, name: &str, version: &str) -> Result<&'a Model, Problem> {
    let model = app.model(name)?;
    if !version.is_empty() && version != VERSION {
        return Err(Problem::new(
            Kind::NotFound,
            format!(
                "model `{name}` has no version `{}`; it has {VERSION}",
                crate::http::printable(version)
            ),
        ));
    }
    Ok(model)
}

/// The platform of a model: its file's format and its engine.
pub(crate) fn platform(model: &Model) -> String {
    format!("onnx_{}", model.engine.name)
}
