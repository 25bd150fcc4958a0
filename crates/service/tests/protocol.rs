//! The Open Inference Protocol over this service's own socket, held against the engine itself;
//! and what wrong tensors are told. With the protocol's usual client: `tritonclient.rs`.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[allow(dead_code, unreachable_pub, reason = "each test uses its part")]
mod serving;

use serde_json::{Value, json};
use serving::{Running, settings};
use weighbridge_experiment::ApplicationName::{Derain, TrafficLight};
use weighbridge_inference::engine::TensorView;

const INFER: &str = "/v2/models/traffic-light/infer";
const SHAPE: [usize; 4] = [1, 3, 64, 64];

/// Values of a picture that is no picture, the same every time.
fn values() -> Vec<f32> {
    (0..3 * 64 * 64).map(|index| (index % 97) as f32 / 97.0).collect()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn expected() -> Vec<f32> {
    let mut session = serving::make(TrafficLight)().unwrap();
    let outputs = session.run_tensors(&[TensorView::f32(&SHAPE, &values())]).unwrap();
    outputs[0].as_f32().unwrap().to_vec()
}

fn request(parameters: &Value, data: Option<Vec<f32>>) -> Value {
    let mut input =
        json!({ "name": "image", "shape": SHAPE, "datatype": "FP32", "parameters": parameters });
    if let Some(data) = data {
        input["data"] = json!(data);
    }
    json!({ "id": "seven", "inputs": [input] })
}

#[test]
fn the_server_and_its_models_say_what_they_are() {
    let service = Running::start(settings(&[TrafficLight, Derain]));
    assert_eq!(service.get("/v2").json()["extensions"], json!(["binary_tensor_data"]));
    let light = service.get("/v2/models/traffic-light").json();
    assert_eq!(
        light["inputs"],
        json!([{ "name": "image", "datatype": "FP32", "shape": [-1, 3, 64, 64] }])
    );
    assert_eq!(light["platform"], "onnx_rten");
    assert_eq!(
        service.get("/v2/models/derain").json()["inputs"][0]["shape"],
        json!([1, 3, -1, -1])
    );
    for path in [
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/derain/ready",
        "/v2/models/derain/versions/1/ready",
    ] {
        assert_eq!(service.get(path).status, 200, "{path}");
    }
    for path in ["/v2/models/paint", "/v2/models/derain/versions/2", "/v2/models/paint/ready"] {
        let refused = service.get(path);
        assert!(refused.status == 404 && refused.json()["error"].is_string(), "{path}");
    }
}

#[test]
fn json_and_binary_tensors_give_what_the_engine_gives() {
    let service = Running::start(settings(&[TrafficLight]));
    let expected = expected();
    let plain =
        service.post(INFER, &[], request(&json!({}), Some(values())).to_string().as_bytes());
    let plain = plain.json();
    assert_eq!((&plain["id"], &plain["model_version"]), (&json!("seven"), &json!("1")));
    let output = &plain["outputs"][0];
    assert_eq!((&output["datatype"], &output["shape"]), (&json!("FP32"), &json!([1, 4])));
    let data: Vec<f32> = serde_json::from_value(output["data"].clone()).unwrap();
    assert_eq!(data, expected);

    let behind = bytes(&values());
    let mut asked = request(&json!({ "binary_data_size": behind.len() }), None);
    asked["outputs"] = json!([{ "name": "logits", "parameters": { "binary_data": true } }]);
    let head = asked.to_string();
    let length = head.len().to_string();
    let headers = [("inference-header-content-length", length.as_str())];
    let answer = service.post(INFER, &headers, &[head.as_bytes(), &behind].concat());
    let length: usize = answer.header("inference-header-content-length").unwrap().parse().unwrap();
    let described: Value = serde_json::from_slice(&answer.body[..length]).unwrap();
    assert_eq!(described["outputs"][0]["parameters"]["binary_data_size"], 16);
    assert_eq!(answer.body[length..], bytes(&expected));
}

/// What is changed in a request that is right, the status that comes of it, and words of the error.
type Case<'a> = (&'a dyn Fn(&mut Value), u16, &'a str);

#[test]
fn wrong_tensors_are_told_what_the_model_takes() {
    let mut small = settings(&[TrafficLight, Derain]);
    small.limits.tensor_values = 20_000;
    let service = Running::start(small);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut asked = request(&json!({}), Some(values()));
        change(&mut asked);
        let answer = service.post(INFER, &[], asked.to_string().as_bytes());
        (answer.status, answer.json()["error"].as_str().expect("an error").to_owned())
    };
    let image = |asked: &mut Value, key: &str, value: Value| asked["inputs"][0][key] = value;
    let cases: [Case<'_>; 11] = [
        (
            &|asked| image(asked, "name", json!("picture")),
            400,
            "no input `picture`; it has `image` f32 [N, 3, 64, 64]",
        ),
        (&|asked| image(asked, "datatype", json!("FP16")), 400, "FP32, FP64"),
        (&|asked| image(asked, "datatype", json!("FP64")), 400, "the model takes FP32"),
        (&|asked| image(asked, "shape", json!([1, 3, 64, 32])), 400, "the model takes `image` f32"),
        (&|asked| image(asked, "shape", json!([1, 3, 64, -64])), 400, "axis of length -64"),
        (&|asked| image(asked, "shape", json!([1, 3, 4096, 4096])), 413, "20000 values"),
        (
            &|asked| image(asked, "shape", json!([i64::MAX, i64::MAX, i64::MAX])),
            413,
            "20000 values",
        ),
        (
            &|asked| image(asked, "data", json!([1.0])),
            400,
            "needs 12288 values of type FP32; 1 were given",
        ),
        (&|asked| image(asked, "data", json!(["a"])), 400, "holds \"a\""),
        (&|asked| asked["inputs"] = json!([]), 400, "is missing"),
        (&|asked| asked["outputs"] = json!([{ "name": "logit" }]), 400, "no output `logit`"),
    ];
    for (change, status, needle) in cases {
        let (found, error) = with(change);
        assert!(found == status && error.contains(needle), "{found}: {error}");
    }
    let twice = |asked: &mut Value| {
        let input = asked["inputs"][0].clone();
        image(asked, "data", json!(values()));
        asked["inputs"] = json!([input, input]);
    };
    assert!(with(&twice).1.contains("more than the") || with(&twice).1.contains("twice"));
    for body in ["", "{", "[]", "{\"inputs\":7}", &"[".repeat(10_000)] {
        assert_eq!(service.post(INFER, &[], body.as_bytes()).status, 400);
    }
    // Fits what the model declares, but not what it does inside: the engine's own words.
    let odd = json!({ "inputs": [{ "name": "image", "shape": [1, 3, 3, 5], "datatype": "FP32", "data": vec![0.5; 45] }] });
    let answer = service.post("/v2/models/derain/infer", &[], odd.to_string().as_bytes());
    assert!(matches!(answer.status, 422 | 200), "{}", answer.text());
    // It goes on.
    let right = request(&json!({}), Some(values())).to_string();
    assert_eq!(service.post(INFER, &[], right.as_bytes()).status, 200);
}
