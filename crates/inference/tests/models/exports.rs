//! Networks exported by PyTorch: the code that runs our seeded models reads them too, and finds
//! what code in Python, independent of ours, found.

use std::path::PathBuf;

use serde::Deserialize;
use weighbridge_experiment::ApplicationName;
use weighbridge_inference::application::application;
use weighbridge_inference::engine::EngineSource;
use weighbridge_inference::{Face, Input, Labels, Outcome, PixelBox, Session};

use crate::onnxruntime;

#[derive(Deserialize)]
struct Expected {
    yolov5: Vec<ExpectedObject>,
    retinaface: Vec<ExpectedFace>,
}

#[derive(Deserialize)]
struct ExpectedObject {
    score: f32,
    class: usize,
    #[serde(rename = "box")]
    place: [f32; 4],
}

#[derive(Deserialize)]
struct ExpectedFace {
    score: f32,
    #[serde(rename = "box")]
    place: [f32; 4],
    landmarks: [[f32; 2]; 5],
}

fn file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/exports").join(name);
    std::fs::read(path).expect("the export is part of the repository")
}

fn expected() -> Expected {
    serde_json::from_slice(&file("expected.json")).expect("the results can be read")
}

/// On every engine that is there.
fn found(name: ApplicationName, model: &str, labels: Option<&str>) -> Vec<Outcome> {
    let onnxruntime = onnxruntime().map(EngineSource::OnnxRuntime);
    let sources = [Some(EngineSource::Rten), onnxruntime].into_iter().flatten();
    let outcome = |source: EngineSource| {
        let labels = labels.map(|text| Labels::parse(text.as_bytes(), "l.txt").expect("labels"));
        let engine = source.load(file(model), 1).expect("it loads");
        let mut session = Session::new(application(name, labels), engine).expect("it fits");
        session.run_once(&Input::new("photo.png", file("photo.png"))).expect("it runs").0
    };
    sources.map(outcome).collect()
}

/// A twentieth of a pixel: sums of floats in another order differ by less.
fn same_place(found: PixelBox, expected: [f32; 4]) -> bool {
    let found = [found.left, found.top, found.right, found.bottom];
    found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 0.05)
}

#[test]
fn yolov5_of_pytorch_gives_the_same_boxes_in_every_form() {
    let expected = expected().yolov5;
    assert!(expected.len() > 5);
    for form in ["exported", "raw-heads", "raw-anchors"] {
        let model = format!("yolov5-{form}.onnx");
        for outcome in found(ApplicationName::ObjectDetection, &model, Some("cat\ndog\ncow")) {
            let Outcome::Detections(found) = outcome else { panic!("detections") };
            assert_eq!(found.len(), expected.len(), "{form}");
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found.class, expected.class, "{form}");
                assert_eq!(&*found.label, ["cat", "dog", "cow"][expected.class]);
                assert!((found.score - expected.score).abs() < 1e-3, "{form}: {found:?}");
                assert!(same_place(found.place, expected.place), "{form}: {found:?}");
            }
        }
    }
}

#[test]
fn retinaface_of_pytorch_gives_the_same_faces() {
    let expected = expected().retinaface;
    assert!(expected.len() > 5);
    let near = |face: &Face, expected: &ExpectedFace| {
        let points = face.landmarks.as_flattened().iter().zip(expected.landmarks.as_flattened());
        let landmarks = points.into_iter().all(|(found, expected)| (found - expected).abs() < 0.05);
        landmarks && (face.score - expected.score).abs() < 1e-3
    };
    for outcome in found(ApplicationName::FaceDetection, "retinaface.onnx", None) {
        let Outcome::Faces(found) = outcome else { panic!("faces") };
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!(same_place(found.place, expected.place), "{found:?}");
            assert!(near(found, expected), "{found:?}");
        }
    }
}

#[test]
fn labels_for_another_number_of_classes_are_refused() {
    let labels = Labels::parse(b"cat\ndog", "l.txt").expect("labels");
    let engine = EngineSource::Rten.load(file("yolov5-exported.onnx"), 1).expect("it loads");
    let application = application(ApplicationName::ObjectDetection, Some(labels));
    let error = Session::new(application, engine).err();
    let error = error.expect("two labels, three classes").to_string();
    assert!(error.contains("2 classes, as the labels name them, is needed"), "{error}");
    assert!(error.contains("3 classes: give labels of as many lines"), "{error}");
}
