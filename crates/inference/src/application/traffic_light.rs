//! Says what a traffic light shows: a photo in, a label with its probability out.
//!
//! The model takes `image` f32 `[n, 3, 64, 64]`, RGB from 0 to 1, and gives `logits` f32
//! `[n, 4]` for red, yellow, green, off. The whole photo is scaled to 64 × 64, whatever its
//! proportions, by a triangle filter widened by the factor of reduction: the filter with
//! which the training pictures were reduced.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use weighbridge_experiment::ApplicationName;

use super::{Application, AxisNeed, PortNeed, fit_one, wrong_shape};
use crate::engine::{Port, Tensor, TensorView};
use crate::error::{InputError, InterpretError, Misfit};
use crate::{ClassProbability, Input, LabelOutcome, Outcome, Photo};

const SIDE: u32 = 64;
const PIXELS: usize = (SIDE * SIDE) as usize;

const INPUT_AXES: &[AxisNeed] = &[
    AxisNeed::Length(1),
    AxisNeed::Length(3),
    AxisNeed::Length(SIDE as usize),
    AxisNeed::Length(SIDE as usize),
];
const OUTPUT_AXES: &[AxisNeed] = &[AxisNeed::Length(1), AxisNeed::Length(4)];
const INPUT: PortNeed = PortNeed { name: "image", axes: INPUT_AXES };
const OUTPUT: PortNeed = PortNeed { name: "logits", axes: OUTPUT_AXES };

/// What a traffic light shows, in the order of the model's output.
pub(crate) const SIGNALS: [&str; 4] = ["red", "yellow", "green", "off"];

/// The application `traffic-light`. Its buffers are kept from photo to photo.
pub struct TrafficLight {
    photo: Option<Photo>,
    resizer: Resizer,
    small: Image<'static>,
    planes: Vec<f32>,
    /// Of the one pass, once it was.
    logits: Option<[f32; 4]>,
}

impl Default for TrafficLight {
    fn default() -> Self {
        Self {
            photo: None,
            resizer: Resizer::new(),
            small: Image::new(SIDE, SIDE, PixelType::U8x3),
            planes: vec![0.0; 3 * PIXELS],
            logits: None,
        }
    }
}

impl Application for TrafficLight {
    fn name(&self) -> &str {
        ApplicationName::TrafficLight.as_str()
    }

    fn fit(&mut self, inputs: &[Port], outputs: &[Port]) -> Result<(), Misfit> {
        fit_one(&INPUT, &OUTPUT, inputs, outputs)
    }

    fn begin(&mut self, input: &Input) -> Result<(), InputError> {
        self.take(Photo::decode(&input.bytes, &input.name)?);
        Ok(())
    }

    fn more(&mut self) -> Result<bool, InputError> {
        Ok(self.logits.is_none())
    }

    fn prepare(&mut self) -> Vec<TensorView<'_>> {
        if let Some(photo) = &self.photo {
            self.scale(photo.width(), photo.height());
        }
        let (red, rest) = self.planes.split_at_mut(PIXELS);
        let (green, blue) = rest.split_at_mut(PIXELS);
        let targets = red.iter_mut().zip(green).zip(blue);
        for (pixel, ((red, green), blue)) in self.small.buffer().chunks_exact(3).zip(targets) {
            *red = f32::from(pixel[0]) * (1.0 / 255.0);
            *green = f32::from(pixel[1]) * (1.0 / 255.0);
            *blue = f32::from(pixel[2]) * (1.0 / 255.0);
        }
        vec![TensorView::f32(&[1, 3, SIDE as usize, SIDE as usize], &self.planes)]
    }

    fn interpret(&mut self, outputs: &[Tensor]) -> Result<(), InterpretError> {
        let [output] = outputs else { return Ok(()) };
        let wrong = || wrong_shape(OUTPUT.name, &[1, 4], output);
        let values = output.as_f32().filter(|_| output.shape == [1, 4]).ok_or_else(wrong)?;
        self.logits = Some(values.try_into().map_err(|_| wrong())?);
        Ok(())
    }

    fn finish(&mut self) -> Outcome {
        self.photo = None;
        Outcome::Label(label(&self.logits.unwrap_or_default()))
    }
}

impl TrafficLight {
    fn take(&mut self, photo: Photo) {
        self.photo = Some(photo);
        self.logits = None;
    }

    fn scale(&mut self, width: u32, height: u32) {
        let Some(photo) = &self.photo else { return };
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        let done =
            ImageRef::new(width, height, photo.rgb(), PixelType::U8x3).map_err(drop).and_then(
                |source| self.resizer.resize(&source, &mut self.small, &options).map_err(drop),
            );
        // Both fail only where a buffer's length or pixel type does not fit its size, which
        // `Photo` and `Image::new` rule out.
        debug_assert!(done.is_ok(), "a photo of {width} x {height} cannot be scaled");
    }
}

/// The softmax of the logits, in 64-bit floats and relative to the largest: no logit is too
/// large for it.
fn label(logits: &[f32; 4]) -> LabelOutcome {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers = logits.map(|logit| (f64::from(logit) - f64::from(largest)).exp());
    let sum: f64 = powers.iter().sum();
    let probabilities = powers.map(|power| power / sum);
    let best = logits.iter().position(|logit| *logit == largest).unwrap_or_default();
    let classes: Vec<ClassProbability> = SIGNALS
        .into_iter()
        .zip(probabilities)
        .map(|(label, probability)| ClassProbability { label: label.into(), probability })
        .collect();
    LabelOutcome { label: SIGNALS[best].into(), probability: probabilities[best], classes }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn probabilities_are_the_softmax() {
        let outcome = label(&[0.0, 3.0_f32.ln(), 0.0, f32::MIN]);
        assert_eq!(&*outcome.label, "yellow");
        assert!((outcome.probability - 0.6).abs() < 1e-7);
        assert!((outcome.classes[0].probability - 0.2).abs() < 1e-7);
        assert_eq!(label(&[f32::MAX, 0.0, 0.0, 0.0]).probability, 1.0);
        assert_eq!(&*label(&[1.0, 1.0, 1.0, 1.0]).label, "red");
    }

    #[test]
    fn a_photo_of_one_colour_keeps_it() {
        let mut application = TrafficLight::default();
        for (width, height) in [(1, 1), (64, 64), (3, 200), (640, 480)] {
            let rgb = [51, 102, 255].repeat((width * height) as usize);
            application.take(Photo::from_rgb(width, height, rgb).expect("fits"));
            assert!(application.more().expect("a pass"));
            let input = application.prepare().remove(0);
            assert_eq!(input.shape, [1, 3, 64, 64]);
            let values = input.as_f32().expect("floats");
            for (plane, value) in values.chunks_exact(PIXELS).zip([0.2, 0.4, 1.0]) {
                assert!(plane.iter().all(|found| (found - value).abs() < 1e-6));
            }
        }
    }

    #[test]
    fn reduction_averages_and_does_not_skip() {
        // Columns one pixel wide, black and white: any skipping filter keeps the stripes.
        let rgb = (0..256 * 256).flat_map(|index| [if index % 2 == 0 { 0 } else { 255_u8 }; 3]);
        let mut application = TrafficLight::default();
        application.take(Photo::from_rgb(256, 256, rgb.collect()).expect("fits"));
        let values = application.prepare().remove(0).as_f32().expect("floats");
        // At the left and right edge the filter is cut in half, which favours one colour.
        let mut inner = values.chunks_exact(64).flat_map(|row| &row[1..63]);
        assert!(inner.all(|value| (value - 0.5).abs() < 0.02));
    }

    proptest! {
        #[test]
        fn probabilities_add_up_to_one(logits in proptest::array::uniform4(-1e30_f32..1e30)) {
            let outcome = label(&logits);
            let probabilities: Vec<f64> = outcome.classes.iter().map(|c| c.probability).collect();
            prop_assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(probabilities.iter().all(|p| *p <= outcome.probability));
        }
    }
}
