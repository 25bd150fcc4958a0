//! The binary extension: behind the JSON stand the values of tensors, one after another; the
//! header `Inference-Header-Content-Length` says where the JSON ends.

use axum::body::Bytes;
use axum::http::HeaderMap;
use serde_json::{Map, Value};

use super::json::InferRequest;
use super::tensors::{AskedInput, AskedValues};
use crate::problem::{Kind, Problem};

/// Where the JSON ends.
pub(crate) const LENGTH: &str = "inference-header-content-length";

fn refuse(detail: String) -> Problem {
    Problem::new(Kind::BadRequest, detail)
}

/// The JSON of a body, and the values behind it.
///
/// # Errors
///
/// A length that is none, or longer than the body; JSON that is none.
pub(crate) fn split(headers: &HeaderMap, body: &Bytes) -> Result<(InferRequest, Bytes), Problem> {
    let length = match headers.get(LENGTH) {
        None => body.len(),
        Some(value) => {
            let length = value.to_str().ok().and_then(|text| text.trim().parse::<usize>().ok());
            length.filter(|length| *length <= body.len()).ok_or_else(|| {
                let most = body.len();
                refuse(format!("the header Inference-Header-Content-Length is no length of JSON in this body of {most} bytes"))
            })?
        }
    };
    let request = serde_json::from_slice(&body[..length]).map_err(|error| {
        refuse(format!("the request is no JSON as the protocol has it: {error}"))
    })?;
    Ok((request, body.slice(length..)))
}

/// Puts JSON and values of each input together.
///
/// # Errors
///
/// Values that are missing, given twice, or left over.
pub(crate) fn inputs(request: InferRequest, binary: &Bytes) -> Result<Vec<AskedInput>, Problem> {
    let mut at: usize = 0;
    let mut asked = Vec::with_capacity(request.inputs.len().min(64));
    for input in request.inputs {
        let name = crate::http::printable(&input.name);
        let values = match (size(&input.parameters), &input.data) {
            (Some(_), Some(_)) => {
                return Err(refuse(format!(
                    "input `{name}` has both `data` and `binary_data_size`; give one of them"
                )));
            }
            (None, None) => {
                return Err(refuse(format!(
                    "input `{name}` has no values; give `data`, or `binary_data_size` and the bytes behind the JSON"
                )));
            }
            (None, Some(data)) => {
                AskedValues::Values(super::json::values(&name, &input.datatype, data)?)
            }
            (Some(size), None) => {
                let end =
                    size.and_then(|size| at.checked_add(size)).filter(|end| *end <= binary.len());
                let end = end.ok_or_else(|| {
                    let left = binary.len() - at;
                    refuse(format!("the `binary_data_size` of input `{name}` is no number of bytes that are there; {left} are left behind the JSON"))
                })?;
                let bytes = binary[at..end].to_vec();
                at = end;
                AskedValues::Bytes(bytes)
            }
        };
        asked.push(AskedInput {
            name: input.name,
            datatype: input.datatype,
            shape: input.shape,
            values,
        });
    }
    if at != binary.len() {
        let left = binary.len() - at;
        return Err(refuse(format!(
            "{left} bytes behind the JSON belong to no input; check each `binary_data_size`"
        )));
    }
    Ok(asked)
}

/// `None` where it is not given, `Some(None)` where it is no size.
fn size(parameters: &Map<String, Value>) -> Option<Option<usize>> {
    let given = parameters.get("binary_data_size")?;
    Some(given.as_u64().and_then(|size| usize::try_from(size).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(length: Option<&str>, body: &[u8]) -> Result<Vec<AskedInput>, Problem> {
        let mut headers = HeaderMap::new();
        if let Some(length) = length {
            headers.insert(LENGTH, length.parse().expect("a value"));
        }
        let (request, binary) = split(&headers, &Bytes::copy_from_slice(body))?;
        inputs(request, &binary)
    }

    const HEAD: &str = r#"{"inputs":[{"name":"x","shape":[2],"datatype":"UINT8","parameters":{"binary_data_size":2}}]}"#;

    #[test]
    fn values_behind_the_json_are_found() {
        let body = [HEAD.as_bytes(), &[7, 9]].concat();
        let asked = parse(Some(&HEAD.len().to_string()), &body).expect("an input");
        assert_eq!(asked[0].values, AskedValues::Bytes(vec![7, 9]));
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        let length = HEAD.len().to_string();
        let with = |tail: &[u8]| [HEAD.as_bytes(), tail].concat();
        for (length, body) in [
            (Some("99999"), with(&[7, 9])),
            (Some("-1"), with(&[7, 9])),
            (Some("x"), with(&[7, 9])),
            (Some(length.as_str()), with(&[7])),
            (Some(length.as_str()), with(&[7, 9, 1])),
            (None, with(&[7, 9])),
            (None, b"[]".to_vec()),
            (None, br#"{"inputs":[{"name":"x","shape":[2],"datatype":"UINT8"}]}"#.to_vec()),
            (None, br#"{"inputs":[{"name":"x","shape":[0],"datatype":"UINT8","parameters":{"binary_data_size":-1}}]}"#.to_vec()),
            (None, br#"{"inputs":[{"name":"x","shape":[1],"datatype":"UINT8","data":[1],"parameters":{"binary_data_size":0}}]}"#.to_vec()),
        ] {
            let refused = parse(length, &body).expect_err("does not fit");
            assert_eq!(refused.status, 400, "{length:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_read_or_refused(body in proptest::collection::vec(0_u8..=255, 0..200), length in 0_usize..300) {
            let _ = parse(Some(&length.to_string()), &body);
        }
    }
}
