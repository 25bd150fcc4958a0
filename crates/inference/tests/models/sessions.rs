//! Sessions on real photos, on photos of odd sizes, and on models and inputs that are bad.

use std::num::NonZeroU32;

use proptest::prelude::*;
use weighbridge_experiment::ApplicationName;
use weighbridge_inference::application::{ALIGNMENT, HALO, tiles};
use weighbridge_inference::catalogue::shipped;
use weighbridge_inference::engine::{Engine, EngineError, RtenEngine, Tensor, TensorView};
use weighbridge_inference::{InferenceError, Input, LabelOutcome, Outcome, Photo, Session};

use crate::{engine, model};

const DERAIN: ApplicationName = ApplicationName::Derain;
const TRAFFIC_LIGHT: ApplicationName = ApplicationName::TrafficLight;

fn session(name: ApplicationName, threads: u32) -> Session {
    Session::load(name, model(name), threads).expect("the shipped model loads")
}

fn refusal(name: ApplicationName, model: Vec<u8>) -> InferenceError {
    Session::load(name, model, 1).err().expect("the model is refused")
}

/// The whole error as a person reads it.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

fn derained(session: &mut Session, photo: &Photo) -> Photo {
    let input = photo.encode_png().expect("it is encoded");
    match session.run_once(&Input::new("made here", input)).expect("it runs").0 {
        Outcome::Photo(photo) => photo,
        _ => panic!("derain gives a photo"),
    }
}

/// A sample photo repeated to the size asked for: real detail everywhere.
fn scene(width: u32, height: u32) -> Photo {
    let (name, file) = shipped(DERAIN).samples[1];
    let sample = Photo::decode(file, name).expect("a sample");
    let pixel = |x: u32, y: u32| {
        let at = ((y % sample.height()) * sample.width() + x % sample.width()) as usize * 3;
        [sample.rgb()[at], sample.rgb()[at + 1], sample.rgb()[at + 2]]
    };
    let rgb = (0..width * height).flat_map(|index| pixel(index % width, index / width));
    Photo::from_rgb(width, height, rgb.collect()).expect("fits")
}

#[test]
fn every_sample_gives_a_photo_of_its_size_and_every_stage_takes_time() {
    let mut session = session(DERAIN, 2);
    for &(name, input) in shipped(DERAIN).samples {
        let before = Photo::decode(input, name).expect("a sample");
        let (outcome, timing) = session.run_once(&Input::new(name, input)).expect("it runs");
        let Outcome::Photo(after) = outcome else { panic!("derain gives a photo") };
        assert_eq!((after.width(), after.height()), (before.width(), before.height()), "{name}");
        assert_ne!(after, before, "{name}");
        let stages = [
            timing.decode_nanoseconds,
            timing.prepare_nanoseconds,
            timing.infer_nanoseconds,
            timing.interpret_nanoseconds,
        ];
        assert!(stages.iter().all(|nanoseconds| *nanoseconds > 0), "{name}: {stages:?}");
        assert_eq!(timing.total_nanoseconds(), stages.iter().sum::<u64>());
    }
}

#[test]
fn the_same_input_gives_the_same_result_on_one_and_two_threads() {
    let (name, input) = shipped(DERAIN).samples[3];
    let results = [1, 2].map(|threads| {
        let mut session = session(DERAIN, threads);
        assert_eq!(session.engine().threads, threads);
        let first = session.run_once(&Input::new(name, input)).expect("it runs").0;
        let second = session.run_once(&Input::new(name, input)).expect("it runs").0;
        assert_eq!(
            first.digest_bytes(),
            second.digest_bytes(),
            "buffers are reused without a trace"
        );
        first
    });
    assert_eq!(results[0].digest_bytes(), results[1].digest_bytes());
}

#[test]
fn photos_of_any_small_size_keep_it() {
    let mut session = session(DERAIN, 1);
    for (width, height) in [(1, 1), (2, 1), (1, 9), (7, 8), (8, 8), (9, 17), (33, 5)] {
        let after = derained(&mut session, &scene(width, height));
        assert_eq!((after.width(), after.height()), (width, height));
    }
}

#[test]
fn a_tiled_photo_shows_no_seam() {
    // Just too large for one pass; the sides are no multiples of the alignment.
    let photo = scene(1226, 861);
    assert_eq!(tiles(photo.width(), photo.height()).len(), 2);
    let tiled = derained(&mut session(DERAIN, 2), &photo);

    let whole = in_one_pass(&photo);
    let differences = tiled.rgb().iter().zip(&whole).map(|(a, b)| a.abs_diff(*b));
    // Sums of floats in another order may fall on the other side of a rounding step.
    assert!(differences.max() <= Some(1));
}

/// The same photo through the engine at once, padded by mirroring as the application does.
fn in_one_pass(photo: &Photo) -> Vec<u8> {
    let (width, height) = (photo.width() as usize, photo.height() as usize);
    let padded = |length: usize| length.next_multiple_of(ALIGNMENT as usize);
    let mirror =
        |index: usize, length: usize| if index < length { index } else { 2 * length - 2 - index };
    let (wide, high) = (padded(width), padded(height));
    let at = |plane: usize, x: usize, y: usize| {
        photo.rgb()[(mirror(y, height) * width + mirror(x, width)) * 3 + plane]
    };
    let mut values = Vec::with_capacity(3 * wide * high);
    for plane in 0..3 {
        for y in 0..high {
            values.extend((0..wide).map(|x| f32::from(at(plane, x, y)) / 255.0));
        }
    }
    let shape = [1, 3, high, wide];
    let view = TensorView::f32(&shape, &values);
    let output = engine(DERAIN).run(&[view]).expect("it runs").remove(0);
    let values = output.as_f32().expect("floats");
    let value = |plane: usize, x: usize, y: usize| values[(plane * high + y) * wide + x];
    let mut rgb = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            rgb.extend((0..3).map(|plane| (value(plane, x, y) * 255.0 + 0.5) as u8));
        }
    }
    rgb
}

#[test]
fn the_margin_of_a_tile_is_as_far_as_the_network_looks() {
    // One pixel changed: nothing further away than the margin may change with it.
    let side = 2 * HALO as usize + 64;
    let planes = vec![0.5_f32; 3 * side * side];
    let mut changed = planes.clone();
    let middle = side / 2;
    changed[middle * side + middle] = 1.0;
    let mut engine = engine(DERAIN);
    let mut run = |values: &[f32]| {
        engine.run(&[TensorView::f32(&[1, 3, side, side], values)]).expect("it runs").remove(0)
    };
    let (before, after) = (run(&planes), run(&changed));
    let mut reached = 0;
    let [before, after] = [&before, &after].map(|tensor: &Tensor| tensor.as_f32().expect("floats"));
    for (index, (before, after)) in before.iter().zip(after).enumerate() {
        if before != after {
            let (x, y) = (index % side, index / side % side);
            reached = reached.max(x.abs_diff(middle)).max(y.abs_diff(middle));
        }
    }
    assert!(reached > 8, "the change must show, it reached {reached}");
    assert!(reached <= HALO as usize, "{reached} pixels");
}

#[test]
fn a_model_of_the_other_application_does_not_fit() {
    let error = refusal(TRAFFIC_LIGHT, model(DERAIN));
    assert!(
        error.to_string().starts_with(
            "the model does not fit `traffic-light`: one output f32 [1, 4], a score for each of 4 labels, is needed, the model has \
             the output `clean` f32 [1, 3, "
        ),
        "{error}"
    );
    let error = refusal(DERAIN, model(TRAFFIC_LIGHT));
    assert!(
        error.to_string().contains("the one input `image` f32 [1, 3, height, width] is needed"),
        "{error}"
    );
}

#[test]
fn models_that_are_no_models_are_refused_by_what_they_are() {
    assert!(
        chain(&refusal(DERAIN, Vec::new())).ends_with("it is empty (0 bytes); give an ONNX model")
    );
    assert!(
        chain(&refusal(DERAIN, b"<!doctype html>".to_vec())).contains("it is not an ONNX model")
    );
    let model = super::model(DERAIN);
    let cut = chain(&refusal(DERAIN, model[..model.len() / 2].to_vec()));
    assert!(cut.contains("it is truncated: it ends at byte"), "{cut}");
}

#[test]
fn zero_threads_are_refused() {
    let error = Session::load(DERAIN, model(DERAIN), 0).err().expect("refused");
    assert!(matches!(error, InferenceError::Engine(EngineError::Threads { threads: 0, .. })));
    let many = RtenEngine::load(model(DERAIN), NonZeroU32::MAX).err().expect("refused");
    assert!(matches!(many, EngineError::Threads { .. }));
}

#[test]
fn every_truncation_of_a_model_is_refused() {
    let model = super::model(TRAFFIC_LIGHT);
    let step = model.len() / 400;
    let ends = (0..200).chain((0..model.len()).step_by(step)).chain(model.len() - 200..model.len());
    for length in ends {
        assert!(Session::load(TRAFFIC_LIGHT, model[..length].to_vec(), 1).is_err(), "{length}");
    }
}

#[test]
fn a_model_with_a_weight_that_is_not_a_number_is_refused() {
    // Most of the file is raw weights; some in its middle are made NaN.
    let mut model = super::model(TRAFFIC_LIGHT);
    let middle = model.len() / 2;
    model[middle..middle + 64].fill(0xff);
    let error = chain(&refusal(TRAFFIC_LIGHT, model));
    assert!(error.contains("it is damaged: its weights `"), "{error}");
}

#[test]
fn a_bad_photo_leaves_the_session_usable() {
    let mut session = session(TRAFFIC_LIGHT, 1);
    let (name, input) = shipped(TRAFFIC_LIGHT).samples[4];
    let before = session.run_once(&Input::new(name, input)).expect("it runs").0;
    let error = session.run_once(&Input::new("letter.jpg", *b"not a photo")).expect_err("refused");
    assert!(error.to_string().starts_with("`letter.jpg` is not a photo"));
    let after = session.run_once(&Input::new(name, input)).expect("it runs").0;
    assert_eq!(before, after);
    let Outcome::Label(LabelOutcome { probability, classes, .. }) = after else {
        panic!("a label")
    };
    assert!(
        probability > 0.25
            && (classes.iter().map(|class| class.probability).sum::<f64>() - 1.0).abs() < 1e-9
    );
}

#[test]
fn an_input_that_does_not_fit_the_model_is_named() {
    let mut engine = engine(TRAFFIC_LIGHT);
    assert!(matches!(engine.run(&[]), Err(EngineError::InputCount { expected: 1, found: 0 })));
    let short = TensorView::f32(&[1, 3, 64, 64], &[0.0; 5]);
    assert!(
        engine
            .run(&[short])
            .expect_err("refused")
            .to_string()
            .starts_with("input `image` of shape")
    );
    let values = vec![0.0; 3 * 32 * 32];
    let small = TensorView::f32(&[1, 3, 32, 32], &values);
    let error = engine.run(&[small]).expect_err("refused").to_string();
    assert!(error.starts_with("rten cannot run the model: ") && error.contains("image"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_model_never_panics(
        place in 0.0_f64..1.0,
        near_an_end in 0..3,
        damage in proptest::collection::vec(any::<u8>(), 1..12),
    ) {
        let mut model = super::model(TRAFFIC_LIGHT);
        // Most of the file is weights; its structure is at both ends.
        let stretch = 2_000.min(model.len()) as f64;
        let at = match near_an_end {
            0 => (place * stretch) as usize,
            1 => model.len() - 1 - (place * (stretch - 1.0)) as usize,
            _ => (place * model.len() as f64) as usize,
        };
        for (byte, damaged) in model[at..].iter_mut().zip(&damage) {
            *byte = *damaged;
        }
        if let Ok(mut session) = Session::load(TRAFFIC_LIGHT, model, 1) {
            let (name, input) = shipped(TRAFFIC_LIGHT).samples[0];
            let _ = session.run_once(&Input::new(name, input));
        }
    }

    #[test]
    fn random_bytes_are_no_model(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(Session::load(DERAIN, bytes, 1).is_err());
    }
}
