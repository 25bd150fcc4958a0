use super::*;
use crate::Photo;
use crate::engine::Extent;

const SIZE: (usize, usize) = (64, 64);
/// 2 · (8² + 4² + 2²).
const PRIORS: usize = 168;

fn port(name: &str, shape: &[usize]) -> Port {
    Port {
        name: name.into(),
        element: Some("f32"),
        shape: Some(shape.iter().copied().map(Extent::Fixed).collect()),
    }
}

fn fitted() -> FaceDetection {
    let mut application = FaceDetection::default();
    let outputs = [
        port("landms", &[1, PRIORS, 10]),
        port("loc", &[1, PRIORS, 4]),
        port("conf", &[1, PRIORS, 2]),
    ];
    application.fit(&[port("input0", &[1, 3, 64, 64])], &outputs).expect("it fits");
    application
}

/// One output row: prior, score, box, landmarks.
type Row = (usize, f32, [f32; 4], [f32; 10]);

fn run(application: &mut FaceDetection, rows: &[Row]) -> Result<Vec<Face>, InterpretError> {
    let photo = Photo::from_rgb(128, 64, vec![9; 128 * 64 * 3]).expect("fits");
    let input = Input::new("p.png", photo.encode_png().expect("it is encoded"));
    application.begin(&input).expect("a photo");
    assert_eq!(application.prepare()[0].shape, [1, 3, 64, 64]);
    let (mut boxes, mut scores, mut landmarks) =
        (vec![0.0; 4 * PRIORS], vec![0.0; 2 * PRIORS], vec![0.0; 10 * PRIORS]);
    for (index, score, place, points) in rows {
        boxes[4 * index..4 * index + 4].copy_from_slice(place);
        scores[2 * index..2 * index + 2].copy_from_slice(&[1.0 - score, *score]);
        landmarks[10 * index..10 * index + 10].copy_from_slice(points);
    }
    application.interpret(&[
        Tensor::f32(vec![1, PRIORS, 10], landmarks),
        Tensor::f32(vec![1, PRIORS, 4], boxes),
        Tensor::f32(vec![1, PRIORS, 2], scores),
    ])?;
    assert_eq!(application.more().ok(), Some(false));
    let Outcome::Faces(faces) = application.finish() else { panic!("faces") };
    Ok(faces)
}

#[test]
fn priors_follow_one_another_as_in_the_public_form() {
    assert_eq!(priors((640, 640)), 16_800);
    assert_eq!(priors(SIZE), PRIORS);
    assert_eq!(prior(0, SIZE), Prior { centre: [4.0, 4.0], side: 16.0 });
    assert_eq!(prior(3, SIZE), Prior { centre: [12.0, 4.0], side: 32.0 });
    assert_eq!(prior(16, SIZE), Prior { centre: [4.0, 12.0], side: 16.0 });
    assert_eq!(prior(128, SIZE), Prior { centre: [8.0, 8.0], side: 64.0 });
    assert_eq!(prior(167, SIZE), Prior { centre: [48.0, 48.0], side: 512.0 });
    // A frame that no stride divides has a cell begun at its edge.
    assert_eq!(priors((65, 64)), 2 * (9 * 8 + 5 * 4 + 3 * 2));
}

#[test]
fn a_face_is_decoded_by_hand_and_mapped_to_the_photo() {
    let mut application = fitted();
    // Prior 19: centre (12, 12), side 32. The photo lies at half its size.
    let log_half = 0.5_f32.ln() / VARIANCES[1];
    let mut points = [0.0; 10];
    points[..2].copy_from_slice(&[-1.0, 2.0]);
    let faces = run(&mut application, &[(19, 0.9, [2.5, -1.25, log_half, 0.0], points)]);
    let faces = faces.expect("probabilities");
    assert_eq!(faces.len(), 1);
    // Centre (12 + 2.5 · 3.2, 12 − 1.25 · 3.2) = (20, 8), 16 wide, 32 high, twice in the photo;
    // above and below it is cut off.
    let place = faces[0].place;
    let found = [place.left, place.top, place.right, place.bottom];
    for (found, expected) in found.into_iter().zip([24.0, 0.0, 56.0, 48.0]) {
        assert!((found - expected).abs() < 1e-3, "{place:?}");
    }
    // (12 − 3.2, 12 + 6.4) and, for the other points, the centre.
    assert!((faces[0].landmarks[0][0] - 17.6).abs() < 1e-4);
    assert!((faces[0].landmarks[0][1] - 36.8).abs() < 1e-4);
    assert_eq!(faces[0].landmarks[4], [24.0, 24.0]);
}

#[test]
fn of_faces_that_cover_one_another_the_surest_is_shown() {
    let mut application = fitted();
    let row = |index, score| (index, score, [0.0; 4], [0.0; 10]);
    // Priors 16 and 18 are 8 pixels apart, 16 wide: a third is shared.
    let faces = run(&mut application, &[row(16, 0.7), row(18, 0.8), row(19, 0.95)]);
    let scores: Vec<f32> = faces.expect("probabilities").iter().map(|face| face.score).collect();
    assert_eq!(scores, [0.95, 0.8, 0.7]);
    // The same place twice.
    let shifted = (18, 0.7, [-5.0, 0.0, 0.0, 0.0], [0.0; 10]);
    let faces = run(&mut application, &[row(16, 0.65), shifted]).expect("probabilities");
    assert_eq!(faces.len(), 1);
    assert!((faces[0].score - 0.7).abs() < 1e-6);
}

#[test]
fn a_photo_without_faces_gives_an_empty_list() {
    let faces = run(&mut fitted(), &[(5, 0.6, [0.0; 4], [0.0; 10])]).expect("probabilities");
    assert!(faces.is_empty(), "0.6 is not above 0.6");
}

#[test]
fn logits_in_place_of_probabilities_are_an_error() {
    let error = run(&mut fitted(), &[(5, 7.0, [0.0; 4], [0.0; 10])]).expect_err("7");
    assert!(error.to_string().contains("`conf` holds 7"), "{error}");
}

#[test]
fn outputs_of_another_network_do_not_fit() {
    let mut application = FaceDetection::default();
    let input = [port("input0", &[1, 3, 64, 64])];
    let misfit = application.fit(&input, &[port("output0", &[1, 252, 7])]).expect_err("refused");
    assert!(misfit.expected.starts_with("RetinaFace's outputs for an input of 64 x 64"));
    assert_eq!(misfit.found, "the output `output0` f32 [1, 252, 7]");
    let other_size = [port("a", &[1, 42, 4]), port("b", &[1, 42, 2]), port("c", &[1, 42, 10])];
    assert!(application.fit(&input, &other_size).is_err());
    // Shapes that the model leaves open are seen at the first run.
    let open = ["a", "b", "c"].map(|name| Port { name: name.into(), element: None, shape: None });
    assert_eq!(application.fit(&input, &open), Ok(()));
}
