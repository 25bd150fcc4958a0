//! Says of which class a photo is: pixels in, a label with its probability out.
//!
//! One way of working for every classifier: `traffic-light` and `traffic-sign` differ in
//! their labels, in the side of the model's input and in how a photo becomes a square. The model
//! takes one f32 tensor `[1, 3, side, side]`, RGB from 0 to 1, and gives one f32 tensor
//! `[1, classes]`; the names of both are the model's own. A photo is scaled by a triangle
//! filter widened by the factor of reduction: the filter with which the training pictures
//! were reduced.
//!
//! Deliberately not known here: where in a photo the thing to be named stands. A caller
//! gives a photo that it fills.

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use weighbridge_experiment::{ApplicationName, TensorElement};

use super::{Application, describe_ports, wrong_shape};
use crate::engine::{Extent, Port, Tensor, TensorView};
use crate::error::{InputError, InterpretError, Misfit};
use crate::photo::scale;
use crate::{ClassProbability, Input, LabelOutcome, Labels, Outcome, Photo};

/// How far the sum of a model's outputs may be from 1 for them to be probabilities already.
const SUM_TOLERANCE: f64 = 1e-3;

/// How a photo of any proportions becomes a square.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// The whole photo, squeezed.
    Squeeze,
    /// The largest square in the middle.
    CentralSquare,
}

/// An application that names the class of a photo. Its buffers are kept from photo to photo.
pub struct Classifier {
    application: ApplicationName,
    /// Sides of the model's input that are taken, in pixels; the first where the model leaves
    /// it open.
    sides: &'static [usize],
    framing: Framing,
    labels: Labels,
    output: String,
    shape: [usize; 4],
    photo: Option<Photo>,
    resizer: Resizer,
    small: Image<'static>,
    planes: Vec<f32>,
    /// Of the one pass, once it was.
    scores: Option<Vec<f32>>,
}

impl Classifier {
    pub(super) fn new(
        application: ApplicationName,
        sides: &'static [usize],
        framing: Framing,
        labels: Labels,
    ) -> Self {
        let mut made = Self {
            application,
            sides,
            framing,
            labels,
            output: String::new(),
            shape: [0; 4],
            photo: None,
            resizer: Resizer::new(),
            small: Image::new(1, 1, PixelType::U8x3),
            planes: Vec::new(),
            scores: None,
        };
        made.allot(sides[0]);
        made
    }

    /// Makes the buffers for a model's input of this side in pixels.
    fn allot(&mut self, side: usize) {
        let length = u32::try_from(side).unwrap_or(u32::MAX);
        self.shape = [1, 3, side, side];
        self.small = Image::new(length, length, PixelType::U8x3);
        self.planes = vec![0.0; 3 * side * side];
    }

    /// The side of the input that a model declares, where it is one that is taken.
    fn side(&self, port: &Port) -> Option<usize> {
        let Some(shape) = &port.shape else { return Some(self.sides[0]) };
        let [batch, channels, height, width] = shape.as_slice() else { return None };
        let fits = is_f32(port) && may_be(batch, 1) && may_be(channels, 3);
        let taken = |side: &usize| may_be(height, *side) && may_be(width, *side);
        self.sides.iter().copied().find(taken).filter(|_| fits)
    }

    /// Whether a model's declared output can hold one score for each label.
    fn scores_fit(&self, port: &Port) -> bool {
        let axes_fit = |shape: &[Extent]| match shape {
            [batch, classes] => may_be(batch, 1) && may_be(classes, self.labels.count()),
            _ => false,
        };
        is_f32(port) && port.shape.as_deref().is_none_or(axes_fit)
    }

    fn take(&mut self, photo: Photo) {
        self.photo = Some(photo);
        self.scores = None;
    }

    fn scale(&mut self) {
        let Some(photo) = &self.photo else { return };
        let bilinear = ResizeAlg::Convolution(FilterType::Bilinear);
        let mut options = ResizeOptions::new().resize_alg(bilinear);
        if self.framing == Framing::CentralSquare {
            options = options.fit_into_destination(Some((0.5, 0.5)));
        }
        scale(&mut self.resizer, photo, &mut self.small, &options);
    }
}

/// An axis that a model leaves open may be of any length; the first run shows.
fn may_be(extent: &Extent, length: usize) -> bool {
    match extent {
        Extent::Fixed(fixed) => *fixed == length,
        Extent::Free(_) => true,
    }
}

fn is_f32(port: &Port) -> bool {
    port.element.is_none_or(|element| element == TensorElement::F32.as_str())
}

impl Application for Classifier {
    fn name(&self) -> &str {
        self.application.as_str()
    }

    fn fit(&mut self, inputs: &[Port], outputs: &[Port]) -> Result<(), Misfit> {
        let side = match inputs {
            [port] => self.side(port),
            _ => None,
        };
        let Some(side) = side else {
            let sides: Vec<String> = self.sides.iter().map(usize::to_string).collect();
            let expected = format!(
                "one input f32 [1, 3, side, side] with a side of {} pixels",
                sides.join(" or ")
            );
            return Err(Misfit { expected, found: describe_ports(inputs, "input") });
        };
        match outputs {
            [port] if self.scores_fit(port) => self.output.clone_from(&port.name),
            _ => {
                let classes = self.labels.count();
                let expected =
                    format!("one output f32 [1, {classes}], a score for each of {classes} labels,");
                return Err(Misfit { expected, found: describe_ports(outputs, "output") });
            }
        }
        self.allot(side);
        Ok(())
    }

    fn begin(&mut self, input: &Input) -> Result<(), InputError> {
        self.take(Photo::decode(&input.bytes, &input.name)?);
        Ok(())
    }

    fn more(&mut self) -> Result<bool, InputError> {
        Ok(self.scores.is_none())
    }

    fn prepare(&mut self) -> Vec<TensorView<'_>> {
        self.scale();
        let pixels = self.planes.len() / 3;
        let (red, rest) = self.planes.split_at_mut(pixels);
        let (green, blue) = rest.split_at_mut(pixels);
        let targets = red.iter_mut().zip(green).zip(blue);
        for (pixel, ((red, green), blue)) in self.small.buffer().chunks_exact(3).zip(targets) {
            *red = f32::from(pixel[0]) * (1.0 / 255.0);
            *green = f32::from(pixel[1]) * (1.0 / 255.0);
            *blue = f32::from(pixel[2]) * (1.0 / 255.0);
        }
        vec![TensorView::f32(&self.shape, &self.planes)]
    }

    fn interpret(&mut self, outputs: &[Tensor]) -> Result<(), InterpretError> {
        let [output] = outputs else { return Ok(()) };
        let expected = [1, self.labels.count()];
        let scores = output.as_f32().filter(|_| output.shape == expected);
        let scores = scores.ok_or_else(|| wrong_shape(&self.output, &expected, output))?;
        self.scores = Some(scores.to_vec());
        Ok(())
    }

    fn finish(&mut self) -> Outcome {
        self.photo = None;
        Outcome::Label(outcome(&self.scores.take().unwrap_or_default(), &self.labels))
    }
}

/// Probabilities of scores that are one for each label.
fn outcome(scores: &[f32], labels: &Labels) -> LabelOutcome {
    let probabilities = probabilities(scores);
    let highest = probabilities.iter().copied().fold(0.0, f64::max);
    let best = probabilities.iter().position(|value| *value == highest).unwrap_or_default();
    let classes = labels
        .iter()
        .zip(&probabilities)
        .map(|(label, probability)| ClassProbability {
            label: label.clone(),
            probability: *probability,
        })
        .collect();
    LabelOutcome { label: labels.name(best), probability: highest, classes }
}

/// The softmax of the scores, in 64-bit floats and relative to the largest: no score is too
/// large for it. Scores that are not negative and add up to 1 are taken as they are, for many
/// classifiers are exported with the softmax at their end.
fn probabilities(scores: &[f32]) -> Vec<f64> {
    let sum: f64 = scores.iter().copied().map(f64::from).sum();
    let done = scores.iter().all(|score| *score >= 0.0) && (sum - 1.0).abs() <= SUM_TOLERANCE;
    if done {
        return scores.iter().map(|score| f64::from(*score) / sum).collect();
    }
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> =
        scores.iter().map(|score| (f64::from(*score) - f64::from(largest)).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(count: usize) -> Labels {
        let names: Vec<String> = (0..count).map(|class| format!("class {class}")).collect();
        Labels::parse(names.join("\n").as_bytes(), "made here").expect("labels")
    }

    fn classifier(framing: Framing, count: usize) -> Classifier {
        Classifier::new(ApplicationName::TrafficSign, &[48, 32], framing, labels(count))
    }

    fn port(name: &str, shape: &[Option<usize>]) -> Port {
        let extent =
            |length: &Option<usize>| length.map_or_else(|| Extent::Free("n".into()), Extent::Fixed);
        let shape = Some(shape.iter().map(extent).collect());
        Port { name: name.into(), element: Some("f32"), shape }
    }

    fn fit(input: &[Option<usize>], output: &[Option<usize>]) -> Result<usize, Misfit> {
        let mut made = classifier(Framing::Squeeze, 43);
        made.fit(&[port("data", input)], &[port("prob", output)])?;
        Ok(made.shape[3])
    }

    #[test]
    fn a_model_of_either_side_is_taken_whatever_it_calls_its_tensors() {
        let classes = &[Some(1), Some(43)];
        assert_eq!(fit(&[Some(1), Some(3), Some(32), Some(32)], classes), Ok(32));
        assert_eq!(fit(&[Some(1), Some(3), Some(48), Some(48)], classes), Ok(48));
        assert_eq!(fit(&[None, Some(3), None, None], &[None, None]), Ok(48), "the first");
        assert_eq!(fit(&[None, Some(3), Some(32), None], classes), Ok(32));
    }

    #[test]
    fn other_sides_layouts_and_numbers_of_classes_are_refused_in_words() {
        let classes = &[Some(1), Some(43)];
        let refused = |input: &[Option<usize>], output: &[Option<usize>]| {
            let misfit = fit(input, output).expect_err("refused");
            format!("{} is needed, the model has {}", misfit.expected, misfit.found)
        };
        for shape in [[1, 3, 64, 64], [1, 3, 32, 48], [1, 48, 48, 3], [8, 3, 48, 48]] {
            let text = refused(&shape.map(Some), classes);
            assert!(
                text.starts_with(
                    "one input f32 [1, 3, side, side] with a side of 48 or 32 pixels is needed"
                ),
                "{text}"
            );
        }
        assert_eq!(
            refused(&[Some(1), Some(3), Some(48), Some(48)], &[Some(1), Some(10)]),
            "one output f32 [1, 43], a score for each of 43 labels, is needed, \
             the model has the output `prob` f32 [1, 10]"
        );
    }

    #[test]
    fn more_scores_than_labels_are_no_result() {
        let mut made = classifier(Framing::Squeeze, 43);
        made.fit(&[port("data", &[None, Some(3), None, None])], &[port("prob", &[None; 2])])
            .expect("both are open");
        let error =
            made.interpret(&[Tensor::f32(vec![1, 44], vec![0.0; 44])]).expect_err("one more");
        assert_eq!(
            error.to_string(),
            "the model's output `prob` is f32 [1, 44], f32 [1, 43] was expected"
        );
    }

    #[test]
    fn probabilities_are_the_softmax() {
        let of = |scores: &[f32]| outcome(scores, &labels(scores.len()));
        let three = of(&[0.0, 3.0_f32.ln(), 0.0, f32::MIN]);
        assert_eq!(&*three.label, "class 1");
        assert!((three.probability - 0.6).abs() < 1e-7);
        assert!((three.classes[0].probability - 0.2).abs() < 1e-7);
        assert_eq!(of(&[f32::MAX, 0.0, 0.0, 0.0]).probability, 1.0);
        assert_eq!(&*of(&[1.0, 1.0, 1.0, 1.0]).label, "class 0", "the first of equals");
    }

    #[test]
    fn a_softmax_inside_the_model_is_not_done_twice() {
        assert_eq!(probabilities(&[0.25, 0.75]), [0.25, 0.75]);
        assert_eq!(probabilities(&[0.0, 1.0]), [0.0, 1.0]);
        let logits = probabilities(&[0.25, 0.85]);
        assert!((logits[1] - 1.0 / (1.0 + (-0.6_f64).exp())).abs() < 1e-6, "{logits:?}");
    }

    /// The planes that a photo becomes.
    fn planes(framing: Framing, width: u32, height: u32, rgb: Vec<u8>) -> Vec<f32> {
        let mut made = classifier(framing, 43);
        made.take(Photo::from_rgb(width, height, rgb).expect("fits"));
        assert!(made.more().expect("a pass"));
        let input = made.prepare().remove(0);
        assert_eq!(input.shape, [1, 3, 48, 48]);
        input.as_f32().expect("floats").to_vec()
    }

    #[test]
    fn a_photo_of_one_colour_keeps_it() {
        for (width, height) in [(1, 1), (48, 48), (3, 200), (640, 480)] {
            for framing in [Framing::Squeeze, Framing::CentralSquare] {
                let rgb = [51, 102, 255].repeat((width * height) as usize);
                let planes = planes(framing, width, height, rgb);
                for (plane, value) in planes.chunks_exact(48 * 48).zip([0.2, 0.4, 1.0]) {
                    assert!(plane.iter().all(|found| (found - value).abs() < 1e-6));
                }
            }
        }
    }

    #[test]
    fn reduction_averages_and_does_not_skip() {
        // Columns one pixel wide, black and white: any skipping filter keeps the stripes.
        let rgb = (0..192 * 192).flat_map(|index| [if index % 2 == 0 { 0 } else { 255_u8 }; 3]);
        let planes = planes(Framing::Squeeze, 192, 192, rgb.collect());
        // At the left and right edge the filter is cut in half, which favours one colour.
        let mut inner = planes.chunks_exact(48).flat_map(|row| &row[1..47]);
        assert!(inner.all(|value| (value - 0.5).abs() < 0.02));
    }

    #[test]
    fn the_central_square_leaves_both_ends_out() {
        // Black, a white square in the middle, black.
        let row = [[0_u8; 3 * 48], [255; 3 * 48], [0; 3 * 48]].concat();
        let wide = planes(Framing::CentralSquare, 144, 48, row.repeat(48));
        assert!(wide.iter().all(|value| *value == 1.0));
        let squeezed = planes(Framing::Squeeze, 144, 48, row.repeat(48));
        assert!(squeezed.contains(&0.0));
    }

    proptest! {
        #[test]
        fn probabilities_add_up_to_one(scores in prop::collection::vec(-1e30_f32..1e30, 1..50)) {
            let found = probabilities(&scores);
            prop_assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for (score, probability) in scores.iter().zip(&found) {
                prop_assert!((0.0..=1.0).contains(probability));
                prop_assert!(*score < most || *probability >= 1.0 / scores.len() as f64);
            }
        }
    }
}
