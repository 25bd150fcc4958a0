//! One input and output of each model, as Python's onnxruntime computed them, on every
//! engine: largest difference at most 1e-4 of the output's range.

use std::num::NonZeroU32;

use serde::Deserialize;
use weighbridge_experiment::ApplicationName;
use weighbridge_inference::engine::{Engine, EngineSource, RtenEngine, Tensor, TensorView};

use crate::{model, models, onnxruntime};

const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct Manifest {
    models: Vec<Golden>,
}

#[derive(Deserialize)]
struct Golden {
    application: String,
    inputs: Vec<Stored>,
    outputs: Vec<Stored>,
}

#[derive(Deserialize)]
struct Stored {
    file: String,
    shape: Vec<usize>,
    /// The file holds each `every`-th value only.
    #[serde(default = "one")]
    every: usize,
}

const fn one() -> usize {
    1
}

impl Stored {
    fn values(&self) -> Vec<f32> {
        let bytes = std::fs::read(models().join("golden").join(&self.file))
            .unwrap_or_else(|error| panic!("{}: {error}", self.file));
        let float = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("four bytes"));
        bytes.chunks_exact(4).map(float).collect()
    }

    /// Largest difference as a share of the range of what was stored.
    fn difference(&self, found: &Tensor) -> f32 {
        assert_eq!(found.shape, self.shape, "{}", self.file);
        let expected = self.values();
        let values = found.as_f32().expect("floats").iter().step_by(self.every);
        assert_eq!(values.len(), expected.len(), "{}", self.file);
        let largest = expected.iter().copied().fold(f32::MIN, f32::max);
        let smallest = expected.iter().copied().fold(f32::MAX, f32::min);
        let differences = values.zip(&expected).map(|(a, b)| (a - b).abs());
        differences.fold(0.0, f32::max) / (largest - smallest)
    }
}

fn goldens() -> Vec<Golden> {
    let text = std::fs::read_to_string(models().join("golden/manifest.json")).expect("there");
    serde_json::from_str::<Manifest>(&text).expect("it can be read").models
}

fn check(golden: &Golden, engine: &mut dyn Engine) {
    let inputs: Vec<Vec<f32>> = golden.inputs.iter().map(Stored::values).collect();
    let views: Vec<TensorView<'_>> = golden
        .inputs
        .iter()
        .zip(&inputs)
        .map(|(stored, values)| TensorView::f32(&stored.shape, values))
        .collect();
    let outputs = engine.run(&views).expect("the model runs");
    assert_eq!(outputs.len(), golden.outputs.len());
    for (stored, found) in golden.outputs.iter().zip(&outputs) {
        let difference = stored.difference(found);
        let engine = engine.identity().name;
        assert!(difference <= TOLERANCE, "{} on {engine}: {difference}", stored.file);
    }
}

fn bytes(golden: &Golden) -> Vec<u8> {
    let name = ApplicationName::from_name(&golden.application);
    model(name.unwrap_or_else(|| panic!("no application {}", golden.application)))
}

#[test]
fn rten_agrees_with_the_reference() {
    for golden in goldens() {
        for threads in [1, 2] {
            let threads = NonZeroU32::new(threads).expect("not zero");
            let mut engine = RtenEngine::load(bytes(&golden), threads).expect("it loads");
            check(&golden, &mut engine);
        }
    }
}

#[test]
fn onnxruntime_agrees_with_the_reference() {
    let Some(files) = onnxruntime() else { return };
    for golden in goldens() {
        for threads in [1, 2] {
            let mut engine = EngineSource::OnnxRuntime(files.clone())
                .load(bytes(&golden), threads)
                .expect("it loads");
            check(&golden, &mut *engine);
        }
    }
}
