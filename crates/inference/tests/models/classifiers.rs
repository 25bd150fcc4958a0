//! The quality that the cards of the classifiers promise, on held-out renders.

use std::num::NonZeroU32;

use weighbridge_experiment::ApplicationName;
use weighbridge_inference::application::application;
use weighbridge_inference::catalogue::shipped;
use weighbridge_inference::engine::{Engine, RtenEngine};
use weighbridge_inference::{Input, Labels, Session};

use crate::atlas::{Manifest, answer, right_of_all};
use crate::{model, models};

const TRAFFIC_LIGHT: ApplicationName = ApplicationName::TrafficLight;
const TRAFFIC_SIGN: ApplicationName = ApplicationName::TrafficSign;

fn session(name: ApplicationName) -> Session {
    Session::load(name, model(name), 1).expect("it loads")
}

fn named_as_the_card_says(name: ApplicationName, least: f64) {
    let manifest = Manifest::read(name);
    let confusion = manifest.confusion_of(&mut session(name), name);
    assert_eq!(confusion, manifest.confusion, "another engine gave other answers");
    let (right, all) = right_of_all(&confusion);
    let accuracy = f64::from(right) / f64::from(all);
    assert!((accuracy - manifest.accuracy).abs() < 1e-4, "{accuracy}, not {}", manifest.accuracy);
    assert!(accuracy >= least, "{accuracy}");
}

#[test]
fn held_out_traffic_lights_are_named_as_the_card_says() {
    assert_eq!(Manifest::read(TRAFFIC_LIGHT).classes, ["red", "yellow", "green", "off"]);
    named_as_the_card_says(TRAFFIC_LIGHT, 0.97);
}

#[test]
fn held_out_traffic_signs_are_named_as_the_card_says() {
    let labels = std::fs::read(models().join("traffic-sign.txt")).expect("the labels are there");
    let labels = Labels::parse(&labels, "traffic-sign.txt").expect("labels");
    let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
    assert_eq!(Manifest::read(TRAFFIC_SIGN).classes, labels);
    named_as_the_card_says(TRAFFIC_SIGN, 0.97);
}

#[test]
fn the_shipped_samples_are_named_as_their_files_are() {
    for name in [TRAFFIC_LIGHT, TRAFFIC_SIGN] {
        let mut session = session(name);
        for &(file, bytes) in shipped(name).samples {
            let found = answer(&mut session, &Input::new(file, bytes));
            let (stem, _) = file.rsplit_once('.').expect("a file has an ending");
            // `red-1.png` is one of several; `stop.jpg` is the only one.
            assert!(stem.starts_with(&found.replace(' ', "-")), "{file} is called {found}");
        }
    }
}

#[test]
fn labels_of_another_number_than_the_models_classes_are_refused() {
    let labels = Labels::parse(b"stop\ngive way", "mine.txt").expect("labels");
    let engine = RtenEngine::load(model(TRAFFIC_SIGN), NonZeroU32::MIN).expect("it loads");
    let error = Session::new(application(TRAFFIC_SIGN, Some(labels)), Box::new(engine));
    let error = error.err().expect("refused").to_string();
    assert_eq!(
        error,
        "the model does not fit `traffic-sign`: one output f32 [1, 2], a score for each of 2 labels, \
         is needed, the model has the output `logits` f32 [N, 43]"
    );
}

#[test]
fn a_classifier_of_the_users_own_takes_the_place_of_ours() {
    // Two classes, 32 × 32 pixels, a softmax at its end: the mean of the red and the blue plane.
    let model =
        std::fs::read(models().join("golden/red-or-blue.onnx")).expect("the model is there");
    let labels = Labels::parse(b"rather red\nrather blue", "mine.txt").expect("labels");
    let engine = RtenEngine::load(model, NonZeroU32::MIN).expect("it loads");
    let mut session =
        Session::new(application(TRAFFIC_SIGN, Some(labels)), Box::new(engine)).expect("it fits");
    let photo = |rgb: [u8; 3]| {
        let photo = weighbridge_inference::Photo::from_rgb(40, 50, rgb.repeat(2000));
        Input::new("made here", photo.expect("fits").encode_png().expect("a PNG file"))
    };
    assert_eq!(answer(&mut session, &photo([250, 0, 10])), "rather red");
    assert_eq!(answer(&mut session, &photo([40, 0, 90])), "rather blue");
}
