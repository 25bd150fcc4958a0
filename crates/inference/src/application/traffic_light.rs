//! Says what a traffic light shows: a photo in, a label with its probability out.
//!
//! The model takes `image` f32 `[n, 3, 64, 64]`, RGB from 0 to 1, and gives `logits` f32
//! `[n, 4]` for red, yellow, green, off. The whole photo is scaled to 64 × 64, whatever its
//! proportions, by a triangle filter widened by the factor of reduction: the filter with
//! which the training pictures were reduced.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use weighbridge_experiment::ApplicationName;

use super::{Application, AxisNeed, PortNeed};
use crate::engine::{Tensor, TensorView};
use crate::{LabelOutcome, Outcome, Photo, Signal};

const SIDE: u32 = 64;
const PIXELS: usize = (SIDE * SIDE) as usize;

const INPUT: &[AxisNeed] = &[
    AxisNeed::Length(1),
    AxisNeed::Length(3),
    AxisNeed::Length(SIDE as usize),
    AxisNeed::Length(SIDE as usize),
];
const OUTPUT: &[AxisNeed] = &[AxisNeed::Length(1), AxisNeed::Length(4)];

/// The application `traffic-light`. Its buffers are kept from photo to photo.
pub struct TrafficLight {
    photo: Option<Photo>,
    resizer: Resizer,
    small: Image<'static>,
    planes: Vec<f32>,
    logits: [f32; 4],
}

impl Default for TrafficLight {
    fn default() -> Self {
        Self {
            photo: None,
            resizer: Resizer::new(),
            small: Image::new(SIDE, SIDE, PixelType::U8x3),
            planes: vec![0.0; 3 * PIXELS],
            logits: [0.0; 4],
        }
    }
}

impl Application for TrafficLight {
    fn name(&self) -> ApplicationName {
        ApplicationName::TrafficLight
    }

    fn input(&self) -> PortNeed {
        PortNeed { name: "image", axes: INPUT }
    }

    fn output(&self) -> PortNeed {
        PortNeed { name: "logits", axes: OUTPUT }
    }

    fn begin(&mut self, photo: Photo) -> usize {
        self.photo = Some(photo);
        1
    }

    fn prepare(&mut self, _pass: usize) -> TensorView<'_> {
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
        TensorView { shape: &[1, 3, SIDE as usize, SIDE as usize], values: &self.planes }
    }

    fn interpret(&mut self, _pass: usize, output: &Tensor) -> Result<(), Vec<usize>> {
        let expected = vec![1, 4];
        if output.shape != expected {
            return Err(expected);
        }
        self.logits = output.values.as_slice().try_into().map_err(|_| expected)?;
        Ok(())
    }

    fn finish(&mut self) -> Outcome {
        self.photo = None;
        Outcome::Label(label(&self.logits))
    }
}

impl TrafficLight {
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
    LabelOutcome { label: Signal::ALL[best], probability: probabilities[best], probabilities }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn probabilities_are_the_softmax() {
        let outcome = label(&[0.0, 3.0_f32.ln(), 0.0, f32::MIN]);
        assert_eq!(outcome.label, Signal::Yellow);
        assert!((outcome.probability - 0.6).abs() < 1e-7);
        assert!((outcome.probabilities[0] - 0.2).abs() < 1e-7);
        assert_eq!(label(&[f32::MAX, 0.0, 0.0, 0.0]).probability, 1.0);
        assert_eq!(label(&[1.0, 1.0, 1.0, 1.0]).label, Signal::Red);
    }

    #[test]
    fn a_photo_of_one_colour_keeps_it() {
        let mut application = TrafficLight::default();
        for (width, height) in [(1, 1), (64, 64), (3, 200), (640, 480)] {
            let rgb = [51, 102, 255].repeat((width * height) as usize);
            assert_eq!(application.begin(Photo::from_rgb(width, height, rgb).expect("fits")), 1);
            let input = application.prepare(0);
            assert_eq!(input.shape, [1, 3, 64, 64]);
            for (plane, value) in input.values.chunks_exact(PIXELS).zip([0.2, 0.4, 1.0]) {
                assert!(plane.iter().all(|found| (found - value).abs() < 1e-6));
            }
        }
    }

    #[test]
    fn reduction_averages_and_does_not_skip() {
        // Columns one pixel wide, black and white: any skipping filter keeps the stripes.
        let rgb = (0..256 * 256).flat_map(|index| [if index % 2 == 0 { 0 } else { 255_u8 }; 3]);
        let mut application = TrafficLight::default();
        application.begin(Photo::from_rgb(256, 256, rgb.collect()).expect("fits"));
        let values = application.prepare(0).values;
        // At the left and right edge the filter is cut in half, which favours one colour.
        let mut inner = values.chunks_exact(64).flat_map(|row| &row[1..63]);
        assert!(inner.all(|value| (value - 0.5).abs() < 0.02));
    }

    proptest! {
        #[test]
        fn probabilities_add_up_to_one(logits in proptest::array::uniform4(-1e30_f32..1e30)) {
            let outcome = label(&logits);
            prop_assert!((outcome.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(outcome.probabilities.iter().all(|p| *p <= outcome.probability));
        }
    }
}
