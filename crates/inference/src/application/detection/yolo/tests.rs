use super::*;

const FRAME: (usize, usize) = (64, 64);
/// 3 · (8² + 4² + 2²).
const ROWS: usize = 252;
const CLASSES: usize = 2;
const VALUES: usize = LEADING + CLASSES;

fn read(outputs: &[Tensor]) -> Result<Vec<Candidate>, InterpretError> {
    let shapes: Vec<Vec<usize>> = outputs.iter().map(|tensor| tensor.shape.clone()).collect();
    let reading = Reading::of(&shapes, FRAME).expect("a known form");
    assert_eq!(reading.classes, CLASSES);
    let mut found = Vec::new();
    reading.candidates(outputs, &["output0".to_owned()], &mut found)?;
    Ok(found)
}

#[test]
fn the_decoded_form_is_read_by_hand() {
    let mut values = vec![0.0; ROWS * VALUES];
    values[7 * VALUES..8 * VALUES].copy_from_slice(&[30.0, 20.0, 10.0, 4.0, 0.9, 0.1, 0.8]);
    // Sure of an object, not of its class: 0.5 · 0.4 is too little.
    values[9 * VALUES..10 * VALUES].copy_from_slice(&[30.0, 20.0, 10.0, 4.0, 0.5, 0.4, 0.3]);
    let found = read(&[Tensor::f32(vec![1, ROWS, VALUES], values)]).expect("probabilities");
    assert_eq!(found.len(), 1);
    let one = found[0];
    assert_eq!((one.class, one.index), (1, 7));
    assert!((one.score - 0.72).abs() < 1e-6);
    assert_eq!(one.place, PixelBox { left: 25.0, top: 18.0, right: 35.0, bottom: 22.0 });
}

/// Three raw heads with one object, at stride 16, anchor 1, row 2, column 3.
fn raw(by_anchor: bool) -> Vec<Tensor> {
    let logit = |probability: f32| (probability / (1.0 - probability)).ln();
    let object = [logit(0.75), logit(0.5), logit(0.5), logit(0.25), logit(0.9), -9.0, logit(0.8)];
    [8, 4, 2]
        .map(|side| {
            let cells = side * side;
            let mut values = vec![-9.0; ANCHORS_PER_CELL * VALUES * cells];
            if side == 4 {
                let (anchor, cell) = (1, 2 * side + 3);
                for (value, logit) in object.into_iter().enumerate() {
                    let place = if by_anchor {
                        (anchor * cells + cell) * VALUES + value
                    } else {
                        (anchor * VALUES + value) * cells + cell
                    };
                    values[place] = logit;
                }
            }
            let shape = if by_anchor {
                vec![1, ANCHORS_PER_CELL, side, side, VALUES]
            } else {
                vec![1, ANCHORS_PER_CELL * VALUES, side, side]
            };
            Tensor::f32(shape, values)
        })
        .into()
}

#[test]
fn raw_heads_are_decoded_by_hand_in_both_orders_of_their_axes() {
    for by_anchor in [true, false] {
        let mut outputs = raw(by_anchor);
        for order in 0..2 {
            let found = read(&outputs).expect("logits");
            assert_eq!(found.len(), 1, "{by_anchor} {order}");
            let one = found[0];
            // Behind the 192 boxes of stride 8 and the 16 of anchor 0.
            assert_eq!((one.class, one.index), (1, 192 + 16 + 11));
            assert!((one.score - 0.72).abs() < 1e-5);
            // x: (2 · 0.75 − 0.5 + 3) · 16 = 64; y: (2 · 0.5 − 0.5 + 2) · 16 = 40;
            // width: (2 · 0.5)² · 62; height: (2 · 0.25)² · 45.
            let expected = [64.0 - 31.0, 40.0 - 5.625, 64.0 + 31.0, 40.0 + 5.625];
            let place = [one.place.left, one.place.top, one.place.right, one.place.bottom];
            for (found, expected) in place.into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-3, "{place:?}");
            }
            // The model may name its heads in any order.
            outputs.reverse();
        }
    }
}

#[test]
fn an_output_without_objects_gives_none() {
    let found = read(&[Tensor::f32(vec![1, ROWS, VALUES], vec![0.0; ROWS * VALUES])]);
    assert_eq!(found, Ok(Vec::new()));
}

#[test]
fn logits_in_place_of_probabilities_are_an_error() {
    let mut values = vec![0.0; ROWS * VALUES];
    values[4] = 3.5;
    let error = read(&[Tensor::f32(vec![1, ROWS, VALUES], values)]).expect_err("3.5");
    assert!(error.to_string().contains("`output0` holds 3.5"), "{error}");
}

#[test]
fn forms_are_told_apart_by_shape() {
    let form = |shapes: &[&[usize]]| {
        let shapes: Vec<Vec<usize>> = shapes.iter().map(|shape| shape.to_vec()).collect();
        Reading::of(&shapes, (640, 640))
    };
    let decoded = form(&[&[1, 25_200, 85]]).expect("the public export");
    assert_eq!((decoded.form, decoded.classes), (Form::Decoded(0), 80));
    // Older exports give the raw heads beside it.
    let with_heads: [&[usize]; 4] =
        [&[1, 3, 80, 80, 85], &[1, 3, 40, 40, 85], &[1, 3, 20, 20, 85], &[1, 25_200, 85]];
    assert_eq!(form(&with_heads).expect("decoded").form, Form::Decoded(3));
    let raw = Form::Raw { outputs: [0, 1, 2], by_anchor: true };
    assert_eq!(form(&with_heads[..3]).expect("raw").form, raw);
    let heads: [&[usize]; 3] = [&[1, 18, 20, 20], &[1, 18, 40, 40], &[1, 18, 80, 80]];
    let heads = form(&heads).expect("one class");
    assert_eq!(heads.form, Form::Raw { outputs: [2, 1, 0], by_anchor: false });
    assert_eq!(heads.classes, 1);
    assert!(form(&[&[1, 25_500, 85]]).is_some(), "four heads, for larger pictures");

    assert_eq!(form(&[&[1, 84, 8400]]), None, "a later generation's output");
    assert_eq!(form(&[&[1, 6_300, 85]]), None, "for an input of 320");
    assert_eq!(form(&[&[1, 25_200, 5]]), None, "no class");
    assert_eq!(form(&[&[1, 3, 80, 80, 85], &[1, 3, 40, 40, 85]]), None, "a head is missing");
    assert_eq!(form(&[]), None);
}
