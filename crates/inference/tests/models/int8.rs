//! What the int8 variants lose, as `models/evaluation/int8.json` and the cards state it.
//!
//! The figures there come from onnxruntime; this engine rounds at other places.

use serde::Deserialize;
use weighbridge_experiment::ApplicationName;
use weighbridge_inference::{Input, Outcome, Photo, Session};

use crate::atlas::{Manifest, right_of_all};
use crate::metrics::psnr;
use crate::models;

/// Between two engines, on one picture.
const TOLERANCE_DB: f64 = 0.1;
const DRY_TOLERANCE_DB: f64 = 1.5;
/// Least share of the gain over rain that must remain: measured 0.996.
const GAIN_KEPT: f64 = 0.98;

#[derive(Deserialize)]
struct Stated {
    derain: Derain,
    #[serde(rename = "traffic-light")]
    traffic_light: Classifier,
    #[serde(rename = "traffic-sign")]
    traffic_sign: Classifier,
}

#[derive(Deserialize)]
struct Derain {
    gain_kept: f64,
    largest_loss_db: f64,
    pictures: Vec<Picture>,
}

#[derive(Deserialize)]
struct Picture {
    name: String,
    psnr_float_db: f64,
    psnr_int8_db: f64,
}

#[derive(Deserialize)]
struct Classifier {
    pictures: u32,
    right_float: u32,
    right_int8: u32,
}

/// An entry of the float model's own evaluation.
#[derive(Deserialize)]
struct Pair {
    name: String,
    clean: String,
    rainy: String,
}

fn stated() -> Stated {
    let text = std::fs::read_to_string(models().join("evaluation/int8.json"))
        .expect("the figures are there");
    serde_json::from_str(&text).expect("the figures can be read")
}

fn session(name: ApplicationName) -> Session {
    let file = models().join(format!("{name}-int8.onnx"));
    Session::load(name, std::fs::read(file).expect("the variant is there"), 2).expect("it loads")
}

#[test]
fn derain_loses_what_its_card_says() {
    let stated = stated().derain;
    assert!(stated.gain_kept >= GAIN_KEPT, "{}", stated.gain_kept);
    let folder = models().join("evaluation/derain");
    let read = |file: &str| std::fs::read(folder.join(file)).expect("the picture is there");
    let pairs: Vec<Pair> =
        serde_json::from_slice(&read("manifest.json")).expect("the manifest can be read");
    assert_eq!(pairs.len(), stated.pictures.len());
    let mut session = session(ApplicationName::Derain);
    for (pair, picture) in pairs.iter().zip(&stated.pictures) {
        assert_eq!(pair.name, picture.name);
        let rainy = Input::new(pair.rainy.as_str(), read(&pair.rainy));
        let (outcome, _) = session.run_once(&rainy).expect("it runs");
        let Outcome::Photo(derained) = outcome else { panic!("derain gives a photo") };
        let clean = Photo::decode(&read(&pair.clean), &pair.clean).expect("a photo");
        let found = psnr(&derained, &clean);
        let expected = picture.psnr_int8_db;
        // A dry photo comes out nearly as it was: there a few roundings are many decibels.
        let tolerance = if pair.rainy == pair.clean { DRY_TOLERANCE_DB } else { TOLERANCE_DB };
        let text = format!("{}: {found:.3} dB, {expected} stated", pair.name);
        assert!((found - expected).abs() <= tolerance, "{text}");
        let lost = if pair.rainy == pair.clean { 0.0 } else { picture.psnr_float_db - found };
        assert!(lost <= stated.largest_loss_db + TOLERANCE_DB, "{text}: {lost:.3} dB lost");
    }
}

fn classifier_loses_what_its_card_says(name: ApplicationName, stated: &Classifier) {
    let confusion = Manifest::read(name).confusion_of(&mut session(name), name);
    let (right, all) = right_of_all(&confusion);
    assert_eq!(all, stated.pictures, "{name}");
    let (found, expected) = (f64::from(right) / f64::from(all), stated.right_int8);
    let share = |count: u32| f64::from(count) / f64::from(all);
    assert!((found - share(expected)).abs() <= 0.005, "{name}: {right} right, {expected} stated");
    assert!(found >= share(stated.right_float) - 0.01, "{name}: more than 1 % is lost");
}

#[test]
fn traffic_light_loses_what_its_card_says() {
    classifier_loses_what_its_card_says(ApplicationName::TrafficLight, &stated().traffic_light);
}

#[test]
fn traffic_sign_loses_what_its_card_says() {
    classifier_loses_what_its_card_says(ApplicationName::TrafficSign, &stated().traffic_sign);
}
