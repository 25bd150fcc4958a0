//! The seeded models on the photos that ship: ordinary activations, ordinary work behind them.

use std::num::NonZeroU32;

use weighbridge_experiment::ApplicationName;
use weighbridge_inference::application::application;
use weighbridge_inference::catalogue::shipped;
use weighbridge_inference::engine::{Engine, EngineSource, RtenEngine, TensorView};
use weighbridge_inference::family::{Form, ModelFamily};
use weighbridge_inference::{Input, Outcome, Session};

use crate::{models, onnxruntime};

const OBJECTS: ApplicationName = ApplicationName::ObjectDetection;
const FACES: ApplicationName = ApplicationName::FaceDetection;

fn engine(family: ModelFamily, form: Form) -> RtenEngine {
    let model = family.generate(family.default_seed(), form).expect("it has this form");
    RtenEngine::load(model, NonZeroU32::MIN).expect("it loads")
}

fn results(name: ApplicationName, family: ModelFamily, form: Form) -> Vec<Outcome> {
    let engine = Box::new(engine(family, form));
    let mut session = Session::new(application(name, None), engine).expect("it fits");
    let samples = shipped(name).samples.iter();
    samples
        .map(|(file, bytes)| {
            session.run_once(&Input::new(*file, bytes.to_vec())).expect("it runs").0
        })
        .collect()
}

#[test]
fn every_sample_gives_between_one_and_fifty_boxes() {
    for (name, family) in [
        (OBJECTS, ModelFamily::Yolov5n),
        (OBJECTS, ModelFamily::Yolov5s),
        (FACES, ModelFamily::RetinaFaceMobileNet025),
    ] {
        for (outcome, (file, _)) in
            results(name, family, Form::Exported).iter().zip(shipped(name).samples)
        {
            let count = match outcome {
                Outcome::Detections(found) => found.len(),
                Outcome::Faces(found) => found.len(),
                other => panic!("{other:?}"),
            };
            println!("{family} {file}: {count}");
            assert!((1..=50).contains(&count), "{family} finds {count} in {file}");
        }
    }
}

#[test]
fn all_forms_of_yolov5_find_the_same() {
    let decoded = results(OBJECTS, ModelFamily::Yolov5n, Form::Exported);
    for form in [Form::RawHeads, Form::RawAnchors] {
        for (one, other) in decoded.iter().zip(results(OBJECTS, ModelFamily::Yolov5n, form)) {
            let (Outcome::Detections(one), Outcome::Detections(other)) = (one, other) else {
                panic!("detections")
            };
            assert_eq!(one.len(), other.len(), "{form}");
            for (one, other) in one.iter().zip(&other) {
                assert_eq!(one.class, other.class);
                assert!((one.score - other.score).abs() < 1e-4);
                assert!((one.place.left - other.place.left).abs() < 0.05);
                assert!((one.place.bottom - other.place.bottom).abs() < 0.05);
            }
        }
    }
}

/// What Python's onnxruntime computes for a pattern, every 499th value of each output
/// (`training/reference_exports/golden_families.py`).
fn check_golden(name: ApplicationName, source: &EngineSource) {
    const EVERY: usize = 499;
    let mut engine = source.load((shipped(name).model)().into_owned(), 1).expect("the model loads");
    let pattern = |index: usize| {
        let (plane, y, x) = (index / (640 * 640), index / 640 % 640, index % 640);
        let level = ((3 * x + 5 * y + 40 * plane) % 256) as f32;
        if name == OBJECTS { level / 255.0 } else { level - 114.0 }
    };
    let values: Vec<f32> = (0..3 * 640 * 640).map(pattern).collect();
    let outputs = engine.run(&[TensorView::f32(&[1, 3, 640, 640], &values)]).expect("it runs");
    for (port, output) in engine.outputs().iter().zip(&outputs) {
        let file = models().join("golden").join(format!("{name}.{}.f32", port.name));
        let bytes = std::fs::read(file).expect("the golden tensor is there");
        let expected: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes")))
            .collect();
        let found = output.as_f32().expect("floats").iter().step_by(EVERY);
        assert_eq!(found.len(), expected.len());
        let largest = expected.iter().copied().fold(f32::MIN, f32::max);
        let smallest = expected.iter().copied().fold(f32::MAX, f32::min);
        let difference = found.zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let share = difference / (largest - smallest);
        let engine = engine.identity().name;
        assert!(share <= 1e-4, "{name}, `{}` on {engine}: {share}", port.name);
    }
}

#[test]
fn every_engine_computes_what_python_onnxruntime_does() {
    let onnxruntime = onnxruntime().map(EngineSource::OnnxRuntime);
    for source in [Some(EngineSource::Rten), onnxruntime].into_iter().flatten() {
        check_golden(OBJECTS, &source);
        check_golden(FACES, &source);
    }
}

#[test]
fn outputs_are_of_ordinary_size() {
    // Logits, before anything squeezes them into 0 to 1.
    let mut engine = engine(ModelFamily::Yolov5n, Form::RawHeads);
    let values: Vec<f32> = (0..3 * 640 * 640).map(|index| (index % 251) as f32 / 250.0).collect();
    let outputs = engine.run(&[TensorView::f32(&[1, 3, 640, 640], &values)]).expect("it runs");
    assert_eq!(outputs.len(), 3);
    for output in &outputs {
        let values = output.as_f32().expect("floats");
        let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        assert!((1.0..1000.0).contains(&largest), "{largest}");
        let denormal = |value: &&f32| **value != 0.0 && value.abs() < f32::MIN_POSITIVE;
        assert_eq!(values.iter().filter(denormal).count(), 0);
    }
}
