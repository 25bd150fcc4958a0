//! A result drawn on the photo that it was found in, for people to look at.
//!
//! Text is set in DejaVu Sans, which ships with the project (its licence lies beside it), by
//! `ab_glyph`: labels may be in any script that the font has.
//!
//! Deliberately not known here: models and files. Whether weights are trained is the caller's
//! knowledge; [`stamp`] writes such a note on the photo.

mod canvas;

use canvas::{Canvas, Colour};

use crate::{Detection, Face, LabelOutcome, Outcome, Photo, PixelBox};

/// Colours of classes, in turn; chosen to differ on any photo, and from one another by hue and
/// by brightness.
const PALETTE: [Colour; 10] = [
    [255, 56, 56],
    [72, 249, 10],
    [0, 194, 255],
    [255, 178, 29],
    [131, 56, 236],
    [255, 149, 200],
    [61, 219, 134],
    [52, 69, 147],
    [207, 210, 49],
    [203, 56, 255],
];
const FACE: Colour = [255, 56, 56];
const NOTE: Colour = [32, 32, 32];

/// Colours of the five landmarks: left eye, right eye, nose, left and right corner of the mouth.
const LANDMARKS: [Colour; 5] =
    [[0, 194, 255], [255, 178, 29], [72, 249, 10], [203, 56, 255], [255, 255, 255]];

/// The photo with the result drawn on it: boxes with labels and scores, faces with their
/// landmarks, the class of a whole photo in its corner. Where the result is a photo itself, that
/// one; text and tensors leave the photo as it is.
#[must_use]
pub fn annotate(photo: &Photo, outcome: &Outcome) -> Photo {
    let mut canvas = Canvas::new(photo.clone());
    match outcome {
        Outcome::Photo(result) => return result.clone(),
        Outcome::Label(label) => draw_label(&mut canvas, label),
        // The surest last, so that its label covers those of others.
        Outcome::Detections(found) => {
            found.iter().rev().for_each(|one| draw_detection(&mut canvas, one));
        }
        Outcome::Faces(found) => found.iter().rev().for_each(|one| draw_face(&mut canvas, one)),
        Outcome::Text(_) | Outcome::Tensors(_) => {}
    }
    canvas.into_photo()
}

/// The photo with a note along its lower edge, such as that weights are not trained.
#[must_use]
pub fn stamp(photo: &Photo, note: &str) -> Photo {
    let mut canvas = Canvas::new(photo.clone());
    let height = canvas.text_height();
    canvas.plate(note, [0.0, photo.height() as f32 - height], NOTE);
    canvas.into_photo()
}

fn draw_label(canvas: &mut Canvas, label: &LabelOutcome) {
    let text = format!("{} {:.2}", label.label, label.probability);
    canvas.plate(&text, [0.0, 0.0], NOTE);
}

fn draw_detection(canvas: &mut Canvas, detection: &Detection) {
    let colour = PALETTE[detection.class % PALETTE.len()];
    let text = format!("{} {:.2}", detection.label, detection.score);
    draw_box(canvas, detection.place, colour, &text);
}

fn draw_face(canvas: &mut Canvas, face: &Face) {
    draw_box(canvas, face.place, FACE, &format!("{:.2}", face.score));
    for (point, colour) in face.landmarks.into_iter().zip(LANDMARKS) {
        canvas.dot(point, colour);
    }
}

/// An outline with a plate above it, or inside it where there is no room above.
fn draw_box(canvas: &mut Canvas, place: PixelBox, colour: Colour, text: &str) {
    canvas.outline(place, colour);
    let above = place.top - canvas.text_height();
    let top = if above < 0.0 { place.top } else { above };
    canvas.plate(text, [place.left, top], colour);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32) -> Photo {
        Photo::from_rgb(width, height, vec![128; (width * height * 3) as usize]).expect("fits")
    }

    fn detection(place: [f32; 4], class: usize) -> Outcome {
        let [left, top, right, bottom] = place;
        Outcome::Detections(vec![Detection {
            class,
            label: "traffic light".into(),
            score: 0.87,
            place: PixelBox { left, top, right, bottom },
        }])
    }

    fn pixel(photo: &Photo, x: u32, y: u32) -> [u8; 3] {
        let first = ((y * photo.width() + x) * 3) as usize;
        photo.rgb()[first..first + 3].try_into().expect("three bytes")
    }

    #[test]
    fn a_box_is_outlined_and_its_inside_left_alone() {
        let drawn = annotate(&grey(300, 200), &detection([100.0, 80.0, 200.0, 150.0], 0));
        assert_eq!(pixel(&drawn, 100, 120), PALETTE[0], "left edge");
        assert_eq!(pixel(&drawn, 199, 120), PALETTE[0], "right edge");
        assert_eq!(pixel(&drawn, 150, 149), PALETTE[0], "lower edge");
        assert_eq!(pixel(&drawn, 150, 120), [128; 3], "inside");
        assert_eq!(pixel(&drawn, 250, 120), [128; 3], "outside");
    }

    #[test]
    fn text_is_on_the_plate_and_reads_against_it() {
        let drawn = annotate(&grey(300, 200), &detection([100.0, 80.0, 200.0, 150.0], 7));
        // The plate is as dark as its colour, so the letters are white.
        let row = 80 - 8;
        let whites = (100..200).filter(|x| pixel(&drawn, *x, row)[0] > 200).count();
        assert!(whites > 5, "{whites} bright pixels in the line of text");
        let plate = (100..200).filter(|x| pixel(&drawn, *x, row) == PALETTE[7]).count();
        assert!(plate > 20, "{plate} pixels of the plate");
    }

    #[test]
    fn boxes_at_and_beyond_the_border_do_not_leave_the_photo() {
        for place in [
            [0.0, 0.0, 10.0, 10.0],
            [290.0, 190.0, 300.0, 200.0],
            [-50.0, -20.0, 900.0, 900.0],
            [5.0, 5.0, 5.0, 5.0],
        ] {
            let drawn = annotate(&grey(300, 200), &detection(place, 3));
            assert_ne!(drawn, grey(300, 200), "{place:?}");
        }
        // Smaller than any letter.
        let _ = stamp(&annotate(&grey(1, 1), &detection([0.0, 0.0, 1.0, 1.0], 3)), "note");
    }

    #[test]
    fn landmarks_a_class_and_a_note_are_drawn() {
        let face = Face {
            score: 0.9,
            place: PixelBox { left: 50.0, top: 50.0, right: 150.0, bottom: 150.0 },
            landmarks: [[80.0, 80.0], [120.0, 80.0], [100.0, 100.0], [85.0, 125.0], [115.0, 125.0]],
        };
        let drawn = annotate(&grey(300, 200), &Outcome::Faces(vec![face]));
        assert_eq!(pixel(&drawn, 100, 100), LANDMARKS[2]);
        let label = LabelOutcome { label: "red".into(), probability: 1.0, classes: Vec::new() };
        let drawn = annotate(&grey(300, 200), &Outcome::Label(label));
        assert_eq!(pixel(&drawn, 0, 0), NOTE);
        assert_eq!(pixel(&stamp(&grey(300, 200), "seeded"), 0, 199), NOTE);
    }
}
