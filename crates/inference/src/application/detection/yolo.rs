//! The outputs of YOLOv5 in the forms in which it is exported, as candidates.
//!
//! | form | outputs |
//! |---|---|
//! | decoded in the graph | one f32 `[1, rows, 5 + classes]`: centre, size in pixels, scores; raw heads beside it are not read |
//! | by anchor | three f32 `[1, 3, h, w, 5 + classes]` of logits |
//! | heads | three f32 `[1, 3 · (5 + classes), h, w]` of logits |
//!
//! The last two hold no anchors. They are read with those of the published models; a network
//! trained with anchors of its own has to be exported with the decoding inside the graph.

use crate::PixelBox;
use crate::engine::Tensor;
use crate::error::InterpretError;

use super::suppress::Candidate;

/// Less probable objects are not looked at (`conf_thres` of `detect.py`, ultralytics/yolov5).
pub(in crate::application) const SCORE_MIN: f32 = 0.25;

const ANCHORS_PER_CELL: usize = 3;
/// Centre x and y, width, height, objectness.
const LEADING: usize = 5;

/// Width and height of the anchors in pixels for each stride (`anchors` in the yaml files of
/// ultralytics/yolov5, chosen on COCO).
const LEVELS: [(usize, [[f32; 2]; ANCHORS_PER_CELL]); 3] = [
    (8, [[10.0, 13.0], [16.0, 30.0], [33.0, 23.0]]),
    (16, [[30.0, 61.0], [62.0, 45.0], [59.0, 119.0]]),
    (32, [[116.0, 90.0], [156.0, 198.0], [373.0, 326.0]]),
];
/// The fourth head of the sizes for 1,280 pixels, met in the decoded form only.
const STRIDE_OF_FOURTH: usize = 64;

/// In which form a model gives its boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// This output has them all.
    Decoded(usize),
    /// These outputs have those of strides 8, 16 and 32.
    Raw { outputs: [usize; 3], by_anchor: bool },
}

/// How to read a model's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::application) struct Reading {
    form: Form,
    pub(in crate::application) classes: usize,
}

/// What is needed, in words.
pub(in crate::application) fn needed((height, width): (usize, usize)) -> String {
    format!(
        "YOLOv5's output for an input of {height} x {width}, f32 [1, {}, 5 + classes] or three raw heads,",
        rows((height, width), &[8, 16, 32])
    )
}

/// How many boxes there are for an input of this height and width.
fn rows((height, width): (usize, usize), strides: &[usize]) -> usize {
    strides.iter().map(|stride| ANCHORS_PER_CELL * (height / stride) * (width / stride)).sum()
}

impl Reading {
    /// Recognises the form by the shapes of all outputs. `None` when they are of another
    /// network, or for an input of another size.
    pub(in crate::application) fn of(shapes: &[Vec<usize>], frame: (usize, usize)) -> Option<Self> {
        let three = rows(frame, &[8, 16, 32]);
        let four = three + rows(frame, &[STRIDE_OF_FOURTH]);
        let decoded = shapes.iter().enumerate().find_map(|(output, shape)| match shape[..] {
            [1, rows, values] if (rows == three || rows == four) && values > LEADING => {
                Some(Self { form: Form::Decoded(output), classes: values - LEADING })
            }
            _ => None,
        });
        decoded.or_else(|| Self::of_raw(shapes, frame))
    }

    fn of_raw(shapes: &[Vec<usize>], (height, width): (usize, usize)) -> Option<Self> {
        let mut outputs = [0; 3];
        let mut kinds = Vec::new();
        for (found, (stride, _)) in outputs.iter_mut().zip(LEVELS) {
            let cells = (height / stride, width / stride);
            let (output, kind) = shapes
                .iter()
                .enumerate()
                .find_map(|(output, shape)| raw_kind(shape, cells).map(|kind| (output, kind)))?;
            *found = output;
            kinds.push(kind);
        }
        let (by_anchor, values) = kinds[0];
        let alike = kinds.iter().all(|kind| *kind == kinds[0]);
        (alike && values > LEADING)
            .then_some(Self { form: Form::Raw { outputs, by_anchor }, classes: values - LEADING })
    }

    /// Collects the boxes that are sure enough, in pixels of the frame. `names` are those of
    /// the outputs, for messages.
    ///
    /// # Errors
    ///
    /// When a score of the decoded form is no probability.
    pub(in crate::application) fn candidates(
        &self,
        outputs: &[Tensor],
        names: &[String],
        into: &mut Vec<Candidate>,
    ) -> Result<(), InterpretError> {
        match self.form {
            Form::Decoded(output) => {
                let values = outputs[output].as_f32().unwrap_or_default();
                let name = names.get(output).map_or("output", String::as_str);
                decoded(values, LEADING + self.classes, name, into)
            }
            Form::Raw { outputs: by_level, by_anchor } => {
                let mut first = 0;
                for (output, (stride, anchors)) in by_level.into_iter().zip(LEVELS) {
                    let tensor = &outputs[output];
                    let values = tensor.as_f32().unwrap_or_default();
                    // Width is the last axis but the values', where those are last.
                    let width = tensor.shape[3];
                    let level = Level {
                        values,
                        per_box: LEADING + self.classes,
                        cells: values.len() / (ANCHORS_PER_CELL * (LEADING + self.classes)),
                        width,
                        by_anchor,
                        stride: stride as f32,
                        anchors,
                        first,
                    };
                    level.candidates(into);
                    first += ANCHORS_PER_CELL * level.cells;
                }
                Ok(())
            }
        }
    }
}

/// Whether a shape is that of a raw head with so many cells: by anchor or not, and the number
/// of values of a box.
fn raw_kind(shape: &[usize], (high, wide): (usize, usize)) -> Option<(bool, usize)> {
    match *shape {
        [1, ANCHORS_PER_CELL, height, width, values] if (height, width) == (high, wide) => {
            Some((true, values))
        }
        [1, channels, height, width]
            if (height, width) == (high, wide) && channels % ANCHORS_PER_CELL == 0 =>
        {
            Some((false, channels / ANCHORS_PER_CELL))
        }
        _ => None,
    }
}

/// Objectness stands in every row, and nearly all rows are let go by it alone: of 8.6 MB one
/// value in 85 is read.
fn decoded(
    values: &[f32],
    per_box: usize,
    output: &str,
    into: &mut Vec<Candidate>,
) -> Result<(), InterpretError> {
    for (index, row) in values.chunks_exact(per_box).enumerate() {
        let objectness = row[4];
        if objectness <= SCORE_MIN {
            continue;
        }
        if objectness > PROBABILITY_MAX {
            return Err(InterpretError::NotAProbability {
                output: output.to_owned(),
                value: objectness,
            });
        }
        let (class, probability) = best(row[LEADING..].iter().copied());
        let score = objectness * probability;
        if score > SCORE_MIN {
            let place = corners([row[0], row[1]], [row[2], row[3]]);
            into.push(Candidate { place, score, class, index });
        }
    }
    Ok(())
}

/// A probability of 1 may come out of a quantised model a little larger.
pub(in crate::application) const PROBABILITY_MAX: f32 = 1.01;

/// One raw head.
struct Level<'a> {
    values: &'a [f32],
    per_box: usize,
    cells: usize,
    width: usize,
    by_anchor: bool,
    stride: f32,
    anchors: [[f32; 2]; ANCHORS_PER_CELL],
    /// Number of the level's first box, counted as in the decoded form.
    first: usize,
}

impl Level<'_> {
    fn candidates(&self, into: &mut Vec<Candidate>) {
        // The threshold as a logit: the sigmoid then is computed for survivors only.
        let logit_min = (SCORE_MIN / (1.0 - SCORE_MIN)).ln();
        for anchor in 0..ANCHORS_PER_CELL {
            for cell in 0..self.cells {
                if self.value(anchor, cell, 4) > logit_min {
                    into.extend(self.candidate(anchor, cell));
                }
            }
        }
    }

    fn value(&self, anchor: usize, cell: usize, value: usize) -> f32 {
        let place = if self.by_anchor {
            (anchor * self.cells + cell) * self.per_box + value
        } else {
            (anchor * self.per_box + value) * self.cells + cell
        };
        self.values[place]
    }

    /// The decoding of `Detect.forward` (ultralytics/yolov5): centre = (2σ − 0.5 + cell) ·
    /// stride, size = (2σ)² · anchor, scores = σ.
    fn candidate(&self, anchor: usize, cell: usize) -> Option<Candidate> {
        let sigmoid = |value| 1.0 / (1.0 + (-self.value(anchor, cell, value)).exp());
        let (class, logit) =
            best((LEADING..self.per_box).map(|value| self.value(anchor, cell, value)));
        let score = sigmoid(4) / (1.0 + (-logit).exp());
        if score <= SCORE_MIN {
            return None;
        }
        let corner = [(cell % self.width) as f32, (cell / self.width) as f32];
        let centre = [0, 1].map(|axis| (2.0 * sigmoid(axis) - 0.5 + corner[axis]) * self.stride);
        let size =
            [0, 1].map(|axis| (2.0 * sigmoid(2 + axis)).powi(2) * self.anchors[anchor][axis]);
        let index = self.first + anchor * self.cells + cell;
        Some(Candidate { place: corners(centre, size), score, class, index })
    }
}

/// The largest value and its place; the first of several.
fn best(values: impl Iterator<Item = f32>) -> (usize, f32) {
    let mut largest = (0, f32::NEG_INFINITY);
    for (index, value) in values.enumerate() {
        if value > largest.1 {
            largest = (index, value);
        }
    }
    largest
}

fn corners([x, y]: [f32; 2], [width, height]: [f32; 2]) -> PixelBox {
    PixelBox {
        left: x - width / 2.0,
        top: y - height / 2.0,
        right: x + width / 2.0,
        bottom: y + height / 2.0,
    }
}

#[cfg(test)]
mod tests;
