//! `tritonclient` from PyPI against `/v2` and gRPC, unchanged. `./test` installs it beside the
//! build and names its directory in `WEIGHBRIDGE_TEST_TRITONCLIENT`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

#[allow(dead_code, unreachable_pub, reason = "each test uses its part")]
mod serving;

use std::process::Command;

use serving::{Running, settings};
use weighbridge_experiment::ApplicationName::TrafficLight;
use weighbridge_inference::engine::TensorView;

#[test]
fn tritonclient_gets_the_same_over_http_json_and_grpc() {
    let Some(packages) = std::env::var_os("WEIGHBRIDGE_TEST_TRITONCLIENT") else {
        println!(
            "LEFT OUT: tritonclient against /v2: WEIGHBRIDGE_TEST_TRITONCLIENT names no directory of it; ./test installs one"
        );
        return;
    };
    let service = Running::start(settings(&[TrafficLight]));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/triton_user.py");
    let said = Command::new("python3")
        .env("PYTHONPATH", packages)
        .arg(script)
        .arg(service.address.to_string())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{out}{err}");
    let values: Vec<f32> = (0..3 * 64 * 64).map(|index| (index % 97) as f32 / 97.0).collect();
    let mut session = serving::make(TrafficLight)().unwrap();
    let expected = session.run_tensors(&[TensorView::f32(&[1, 3, 64, 64], &values)]).unwrap();
    let found: Vec<f32> = out
        .trim()
        .strip_prefix("same ")
        .unwrap()
        .split(' ')
        .map(|value| value.parse().unwrap())
        .collect();
    let close = expected[0]
        .as_f32()
        .unwrap()
        .iter()
        .zip(&found)
        .all(|(a, b)| (a - b).abs() <= 1e-4 * a.abs().max(1.0));
    assert!(close && found.len() == 4, "{expected:?} {found:?}");
}
