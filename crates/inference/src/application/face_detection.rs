//! Finds faces in a photo: a photo in, boxes with five landmarks and scores out.
//!
//! The model is a RetinaFace as its public PyTorch form exports it (biubug6,
//! `Pytorch_Retinaface`): f32 `[1, 3, height, width]` in, blue, green, red from 0 to 255 less
//! the mean colour; out, in any order and by any names, boxes `[1, N, 4]` and landmarks
//! `[1, N, 10]` relative to the N priors, and probabilities `[1, N, 2]` of no face and face.
//!
//! **Size of the input.** The public script runs each photo at its own size, so its cost
//! depends on the photo. Here the photo is scaled, its proportions kept, to fit the size that
//! the model was exported for, or 640 × 640 where that is open, and lies in the upper left
//! corner; the rest is the mean colour. Every photo therefore costs the same.

use weighbridge_experiment::ApplicationName;

use super::detection::frame::{Anchorage, Encoding, Frame};
use super::detection::pass::PhotoPass;
use super::detection::suppress::{Candidate, suppress};
use super::detection::yolo::PROBABILITY_MAX;
use super::detection::{SIDE_DEFAULT, image_input, lengths};
use super::{Application, describe_ports};
use crate::engine::{Port, Tensor, TensorView};
use crate::error::{InputError, InterpretError, Misfit};
use crate::{Face, Input, Outcome, PixelBox};

/// Mean colour of the training pictures: blue, green, red (`detect.py` of the public form).
const MEAN_BGR: [f32; 3] = [104.0, 117.0, 123.0];

/// Faces are shown from this score (`vis_thres` there). It takes boxes from 0.02 into the
/// suppression and drops those below 0.6 after it; an unsurer box never displaces a surer one,
/// so dropping them before gives the same faces, sooner.
const SCORE_MIN: f32 = 0.6;
/// Two boxes that share more than this are one face (`nms_threshold` there).
const OVERLAP_MAX: f32 = 0.4;
/// `keep_top_k` there.
const FACES_MAX: usize = 750;

/// Stride of the cells and sides of their two square priors, in pixels (`cfg_mnet` and
/// `cfg_re50` there: `steps`, `min_sizes`).
const LEVELS: [(usize, [f32; 2]); 3] =
    [(8, [16.0, 32.0]), (16, [64.0, 128.0]), (32, [256.0, 512.0])];
/// What offsets of centres and logarithms of sizes were divided by in training (`variance`).
const VARIANCES: [f32; 2] = [0.1, 0.2];

const VALUES: [usize; 3] = [4, 2, 10];

/// The application `face-detection`. Its buffers are kept from photo to photo.
pub struct FaceDetection {
    pass: PhotoPass,
    candidates: Vec<Candidate>,
    /// Those of the candidates, in their order.
    landmarks: Vec<[[f32; 2]; 5]>,
}

impl Default for FaceDetection {
    fn default() -> Self {
        Self {
            pass: pass((SIDE_DEFAULT, SIDE_DEFAULT)),
            candidates: Vec::new(),
            landmarks: Vec::new(),
        }
    }
}

fn pass(size: (usize, usize)) -> PhotoPass {
    PhotoPass::new(Frame::new(
        size,
        Anchorage::UpperLeft,
        Encoding::BgrLessMean(MEAN_BGR),
        [0.0; 3],
    ))
}

impl Application for FaceDetection {
    fn name(&self) -> &str {
        ApplicationName::FaceDetection.as_str()
    }

    fn fit(&mut self, inputs: &[Port], outputs: &[Port]) -> Result<(), Misfit> {
        let size = image_input(inputs, 1)?;
        // The public export leaves most of its outputs without a declared shape.
        let declared: Option<Vec<Vec<usize>>> = outputs
            .iter()
            .map(|port| lengths(port).and_then(|axes| axes.into_iter().collect()))
            .collect();
        let fits = declared.is_none_or(|shapes| outputs_of(&shapes, priors(size)).is_some());
        if !fits || outputs.len() < VALUES.len() {
            return Err(Misfit {
                expected: needed(size),
                found: describe_ports(outputs, "output"),
            });
        }
        self.pass = pass(size);
        Ok(())
    }

    fn begin(&mut self, input: &Input) -> Result<(), InputError> {
        self.candidates.clear();
        self.landmarks.clear();
        self.pass.begin(input)
    }

    fn more(&mut self) -> Result<bool, InputError> {
        Ok(self.pass.waits())
    }

    fn prepare(&mut self) -> Vec<TensorView<'_>> {
        self.pass.prepare()
    }

    fn interpret(&mut self, outputs: &[Tensor]) -> Result<(), InterpretError> {
        self.pass.end();
        let size = self.pass.size();
        let floats = outputs.iter().filter(|output| output.as_f32().is_some());
        let shapes: Vec<Vec<usize>> = floats.map(|output| output.shape.clone()).collect();
        let by_role = (shapes.len() == outputs.len())
            .then(|| outputs_of(&shapes, priors(size)))
            .flatten()
            .ok_or_else(|| InterpretError::Shape {
                output: "loc, conf, landms".into(),
                expected: needed(size),
                found: format!("{shapes:?}"),
            })?;
        let [boxes, scores, landmarks] =
            by_role.map(|output| outputs[output].as_f32().unwrap_or_default());
        let mut candidates = Vec::new();
        for (index, score) in scores.chunks_exact(2).map(|pair| pair[1]).enumerate() {
            if score <= SCORE_MIN {
                continue;
            }
            if score > PROBABILITY_MAX {
                return Err(InterpretError::NotAProbability {
                    output: "conf".into(),
                    value: score,
                });
            }
            let place = decode_box(prior(index, size), &boxes[4 * index..4 * index + 4]);
            candidates.push(Candidate { place, score, class: 0, index });
        }
        suppress(&mut candidates, OVERLAP_MAX, FACES_MAX);
        self.landmarks.extend(candidates.iter().map(|candidate| {
            let first = 10 * candidate.index;
            decode_landmarks(prior(candidate.index, size), &landmarks[first..first + 10])
        }));
        self.candidates = candidates;
        Ok(())
    }

    fn finish(&mut self) -> Outcome {
        let Some(placement) = self.pass.placement() else { return Outcome::Faces(Vec::new()) };
        let faces = self.candidates.iter().zip(&self.landmarks);
        let face = |(candidate, landmarks): (&Candidate, &[[f32; 2]; 5])| {
            Some(Face {
                score: candidate.score,
                place: placement.box_to_photo(candidate.place)?,
                landmarks: landmarks.map(|point| placement.to_photo(point)),
            })
        };
        Outcome::Faces(faces.filter_map(face).collect())
    }
}

fn needed(size: (usize, usize)) -> String {
    let priors = priors(size);
    format!(
        "RetinaFace's outputs for an input of {} x {}, f32 [1, {priors}, 4], [1, {priors}, 2] and [1, {priors}, 10],",
        size.0, size.1
    )
}

/// Which outputs hold boxes, probabilities and landmarks.
fn outputs_of(shapes: &[Vec<usize>], priors: usize) -> Option<[usize; 3]> {
    let mut found = [0; 3];
    for (place, values) in found.iter_mut().zip(VALUES) {
        *place = shapes.iter().position(|shape| shape[..] == [1, priors, values])?;
    }
    Some(found)
}

/// Cells of one level: as many as begin inside the frame.
fn cells((height, width): (usize, usize), stride: usize) -> (usize, usize) {
    (height.div_ceil(stride), width.div_ceil(stride))
}

fn priors(size: (usize, usize)) -> usize {
    let of_level = |(stride, sides): (usize, [f32; 2])| {
        let (high, wide) = cells(size, stride);
        high * wide * sides.len()
    };
    LEVELS.into_iter().map(of_level).sum()
}

/// A square from which a box is reckoned: its centre and its side.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Prior {
    centre: [f32; 2],
    side: f32,
}

/// The prior of one row of the outputs: level by level, row by row of cells, the smaller
/// square first (`PriorBox.forward` of the public form). Worked out for those few that are
/// needed.
fn prior(index: usize, size: (usize, usize)) -> Prior {
    let mut within = index;
    for (stride, sides) in LEVELS {
        let (high, wide) = cells(size, stride);
        let count = high * wide * sides.len();
        if within < count {
            let cell = within / sides.len();
            let middle = |number: usize| (number as f32 + 0.5) * stride as f32;
            let centre = [middle(cell % wide), middle(cell / wide)];
            return Prior { centre, side: sides[within % sides.len()] };
        }
        within -= count;
    }
    Prior { centre: [0.0; 2], side: 0.0 }
}

/// `decode` of the public form: centre + offset · 0.1 · side, side · exp(0.2 · logarithm).
fn decode_box(prior: Prior, values: &[f32]) -> PixelBox {
    let centre = [0, 1].map(|axis| prior.centre[axis] + values[axis] * VARIANCES[0] * prior.side);
    let size = [2, 3].map(|axis| prior.side * (values[axis] * VARIANCES[1]).exp());
    PixelBox {
        left: centre[0] - size[0] / 2.0,
        top: centre[1] - size[1] / 2.0,
        right: centre[0] + size[0] / 2.0,
        bottom: centre[1] + size[1] / 2.0,
    }
}

/// `decode_landm` of the public form: centre + offset · 0.1 · side.
fn decode_landmarks(prior: Prior, values: &[f32]) -> [[f32; 2]; 5] {
    std::array::from_fn(|point| {
        [0, 1].map(|axis| prior.centre[axis] + values[2 * point + axis] * VARIANCES[0] * prior.side)
    })
}

#[cfg(test)]
mod tests;
