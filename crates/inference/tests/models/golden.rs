//! One input and output of each model, as another engine (onnxruntime) computed them.

use weighbridge_experiment::ApplicationName;
use weighbridge_inference::engine::{Engine, TensorView};

use crate::{engine, models};

fn tensor(file: &str) -> Vec<f32> {
    let bytes =
        std::fs::read(models().join("golden").join(file)).expect("the golden tensor is there");
    bytes
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes")))
        .collect()
}

fn largest_difference(name: ApplicationName, input_shape: &[usize], output_shape: &[usize]) -> f32 {
    let input = tensor(&format!("{name}.input.f32"));
    let expected = tensor(&format!("{name}.output.f32"));
    let view = TensorView::f32(input_shape, &input);
    let outputs = engine(name).run(&[view]).expect("the model runs");
    assert_eq!(outputs.len(), 1);
    assert_eq!(outputs[0].shape, output_shape);
    let found = outputs[0].as_f32().expect("floats");
    assert_eq!(found.len(), expected.len());
    let differences = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max)
}

#[test]
fn derain_agrees_with_the_reference_engine() {
    let shape = [1, 3, 32, 48];
    let difference = largest_difference(ApplicationName::Derain, &shape, &shape);
    // Of a range of 1.
    assert!(difference <= 1e-4, "{difference}");
}

#[test]
fn traffic_light_agrees_with_the_reference_engine() {
    let expected = tensor("traffic-light.output.f32");
    let range = expected.iter().copied().fold(f32::MIN, f32::max)
        - expected.iter().copied().fold(f32::MAX, f32::min);
    let difference = largest_difference(ApplicationName::TrafficLight, &[1, 3, 64, 64], &[1, 4]);
    assert!(difference <= 1e-4 * range, "{difference} of {range}");
}
