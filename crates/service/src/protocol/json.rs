//! The JSON form of requests and answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use weighbridge_inference::engine::Values;

use crate::problem::{Kind, Problem};

/// `GET /v2`.
#[derive(Debug, Serialize, JsonSchema, ToSchema)]
pub(crate) struct ServerMetadata {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// Extensions that are understood.
    pub(crate) extensions: [&'static str; 1],
}

/// `GET /v2/models/{name}`.
#[derive(Debug, Serialize, JsonSchema, ToSchema)]
pub(crate) struct ModelMetadata {
    pub(crate) name: String,
    pub(crate) versions: [&'static str; 1],
    pub(crate) platform: String,
    pub(crate) inputs: Vec<PortMetadata>,
    pub(crate) outputs: Vec<PortMetadata>,
}

/// An input or output of a model.
#[derive(Debug, Serialize, JsonSchema, ToSchema)]
pub(crate) struct PortMetadata {
    pub(crate) name: String,
    pub(crate) datatype: &'static str,
    /// -1 where a run decides.
    pub(crate) shape: Vec<i64>,
}

/// `POST /v2/models/{name}/infer`.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct InferRequest {
    /// Comes back with the answer.
    #[serde(default)]
    pub(crate) id: Option<String>,
    /// Of the whole request: `binary_data_output`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) parameters: Map<String, Value>,
    pub(crate) inputs: Vec<InferInput>,
    /// Those that are wanted; all where none is named.
    #[serde(default)]
    pub(crate) outputs: Vec<InferOutput>,
}

/// One input of a request.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct InferInput {
    pub(crate) name: String,
    pub(crate) shape: Vec<i64>,
    pub(crate) datatype: String,
    /// `binary_data_size`, where the values stand behind the JSON.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) parameters: Map<String, Value>,
    /// The values, nested or flat.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) data: Option<Value>,
}

/// An output that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct InferOutput {
    pub(crate) name: String,
    /// `binary_data`, where it is wanted behind the JSON.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) parameters: Map<String, Value>,
}

/// What comes of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InferResponse {
    pub(crate) model_name: String,
    pub(crate) model_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    pub(crate) outputs: Vec<InferredOutput>,
}

/// One output of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InferredOutput {
    pub(crate) name: String,
    pub(crate) datatype: &'static str,
    pub(crate) shape: Vec<usize>,
    /// `binary_data_size`, where the values stand behind the JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub(crate) parameters: Option<Value>,
    /// The values, flat.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<f64>)]
    pub(crate) data: Option<Data>,
}

/// Values, written as numbers one after another.
#[derive(Debug)]
pub(crate) struct Data(pub(crate) Values);

impl Serialize for Data {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Values::F32(values) => serializer.collect_seq(values),
            Values::F64(values) => serializer.collect_seq(values),
            Values::I8(values) => serializer.collect_seq(values),
            Values::U8(values) => serializer.collect_seq(values),
            Values::I32(values) => serializer.collect_seq(values),
            Values::I64(values) => serializer.collect_seq(values),
            Values::Bool(values) => serializer.collect_seq(values),
        }
    }
}

/// Values out of JSON, nested or flat.
///
/// # Errors
///
/// A value that is none of the type, or a type that is not taken.
pub(crate) fn values(name: &str, datatype: &str, data: &Value) -> Result<Values, Problem> {
    let mut flat = Vec::new();
    flatten(data, &mut flat);
    let wrong = |value: &Value| {
        let text: String = value.to_string().chars().take(40).collect();
        Problem::new(
            Kind::BadRequest,
            format!("input `{name}` holds {text}, which is no value of type {datatype}"),
        )
    };
    macro_rules! integers {
        ($kind:path, $number:ty) => {{
            let number = |value: &&Value| {
                let number = value.as_i64().and_then(|number| <$number>::try_from(number).ok());
                number.ok_or_else(|| wrong(value))
            };
            $kind(flat.iter().map(number).collect::<Result<_, _>>()?)
        }};
    }
    let floats = || flat.iter().map(|value| value.as_f64().ok_or_else(|| wrong(value)));
    Ok(match datatype {
        "FP32" => Values::F32(
            floats().map(|value| value.map(|value| value as f32)).collect::<Result<_, _>>()?,
        ),
        "FP64" => Values::F64(floats().collect::<Result<_, _>>()?),
        "INT8" => integers!(Values::I8, i8),
        "UINT8" => integers!(Values::U8, u8),
        "INT32" => integers!(Values::I32, i32),
        "INT64" => integers!(Values::I64, i64),
        "BOOL" => Values::Bool(
            flat.iter()
                .map(|value| value.as_bool().ok_or_else(|| wrong(value)))
                .collect::<Result<_, _>>()?,
        ),
        _ => {
            let (datatype, taken) = (crate::http::printable(datatype), super::datatype::TAKEN);
            return Err(Problem::new(
                Kind::BadRequest,
                format!("input `{name}` is of type `{datatype}`; {taken} are taken"),
            ));
        }
    })
}

/// serde_json bounds how deep a document nests.
fn flatten<'a>(data: &'a Value, flat: &mut Vec<&'a Value>) {
    match data {
        Value::Array(items) => items.iter().for_each(|item| flatten(item, flat)),
        value => flat.push(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_and_flat_values_are_the_same() {
        let nested = values("x", "FP32", &json!([[1, 2.5], [-3, 4]])).expect("values");
        assert_eq!(nested, values("x", "FP32", &json!([1, 2.5, -3, 4])).expect("values"));
        assert_eq!(nested, Values::F32(vec![1.0, 2.5, -3.0, 4.0]));
        assert_eq!(
            values("x", "BOOL", &json!([true, false])).expect("v"),
            Values::Bool(vec![true, false])
        );
    }

    #[test]
    fn a_value_of_another_type_is_named() {
        for (datatype, data, needle) in [
            ("FP32", json!([1, "2"]), "holds \"2\""),
            ("UINT8", json!([255, 256]), "holds 256"),
            ("INT32", json!([1.5]), "holds 1.5"),
            ("BOOL", json!([1]), "holds 1"),
            ("FP16", json!([1]), "FP32, FP64"),
        ] {
            let problem = values("x", datatype, &data).expect_err("wrong");
            assert!(problem.detail.contains(needle), "{}", problem.detail);
        }
    }
}
