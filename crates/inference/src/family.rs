//! Architectures that are built, layer for layer, and filled with seeded weights.
//!
//! The trained weights of the public detectors may not be shipped, and a table of speeds does
//! not need them: an engine takes as long for any weights of the usual size. So the graphs are
//! written here as the public exports write them, and their weights are drawn from a seed.
//! **What such a model finds means nothing**: everything that shows a result of one says
//! [`SEEDED_NOTICE`].
//!
//! The scale of the weights is chosen so that activations stay near 1 (no denormals, no
//! overflow, either of which changes the speed), and the heads so that a photo gives a usual
//! number of boxes: post-processing then does its usual work.
//!
//! Deliberately not known here: applications, engines, files. The only thing given is a seed,
//! and the same seed gives the same bytes on every machine.

mod body;
mod graph;
mod onnx;
mod retinaface;
mod weights;
mod yolov5;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use graph::Graph;

/// What has to stand beside every output, table and figure of a seeded model.
pub const SEEDED_NOTICE: &str = "seeded weights: speed only";

/// Side of the square input of every family, in pixels: the size at which the public exports
/// are made and their operations are published.
pub const INPUT_SIDE: usize = 640;

/// A published architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelFamily {
    /// YOLOv5, releases 6 and 7, the nano size.
    Yolov5n,
    /// YOLOv5, releases 6 and 7, the small size.
    Yolov5s,
    /// RetinaFace on MobileNet v1 at a quarter of its width.
    RetinaFaceMobileNet025,
    /// RetinaFace on ResNet-50.
    RetinaFaceResNet50,
}

/// Where the graph of a detector ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Form {
    /// As the public export: YOLOv5 with boxes decoded inside the graph, `[1, 25200, 85]`;
    /// RetinaFace with boxes and landmarks relative to the priors, and scores.
    #[default]
    Exported,
    /// YOLOv5 cut behind its last convolutions: three tensors `[1, 255, h, w]`.
    RawHeads,
    /// YOLOv5 cut before the decoding: three tensors `[1, 3, h, w, 85]` of logits.
    RawAnchors,
}

/// What a model takes to hold and to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Weights and biases, batch normalisation folded into the convolutions.
    pub parameters: u64,
    /// Multiplications with an addition each, in the convolutions, for one input.
    pub multiply_accumulates: u64,
}

impl Cost {
    /// Floating-point operations as detectors publish them: two for each
    /// multiply-accumulate.
    #[must_use]
    pub const fn floating_point_operations(self) -> u64 {
        2 * self.multiply_accumulates
    }
}

/// Why there is no such model.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FamilyError {
    /// No family has this name.
    #[error("`{name}` is no model family; there are {}", ModelFamily::names())]
    UnknownFamily {
        /// The name that was given.
        name: String,
    },
    /// The family is not exported in this form.
    #[error("`{family}` has no form `{form}`; it has {}", forms_of(*.family))]
    NoSuchForm {
        /// The family.
        family: ModelFamily,
        /// The form that was asked for.
        form: Form,
    },
    /// No form has this name.
    #[error("`{name}` is no form of a model; there are exported, raw-heads, raw-anchors")]
    UnknownForm {
        /// The name that was given.
        name: String,
    },
}

impl ModelFamily {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Yolov5n, Self::Yolov5s, Self::RetinaFaceMobileNet025, Self::RetinaFaceResNet50];

    /// Its name in lower case, as in `seeded:yolov5s`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yolov5n => "yolov5n",
            Self::Yolov5s => "yolov5s",
            Self::RetinaFaceMobileNet025 => "retinaface-mobilenet0.25",
            Self::RetinaFaceResNet50 => "retinaface-resnet50",
        }
    }

    /// The family of this name.
    ///
    /// # Errors
    ///
    /// When there is none; the message lists those that there are.
    pub fn from_name(name: &str) -> Result<Self, FamilyError> {
        let found = Self::ALL.into_iter().find(|family| family.name() == name);
        found.ok_or_else(|| FamilyError::UnknownFamily { name: name.into() })
    }

    /// The forms in which it can be written, the usual one first.
    #[must_use]
    pub const fn forms(self) -> &'static [Form] {
        match self {
            Self::Yolov5n | Self::Yolov5s => &[Form::Exported, Form::RawHeads, Form::RawAnchors],
            Self::RetinaFaceMobileNet025 | Self::RetinaFaceResNet50 => &[Form::Exported],
        }
    }

    /// The seed of the models that ship: among the first hundred one with which every sample
    /// photo gives between 1 and 50 boxes.
    #[must_use]
    pub const fn default_seed(self) -> u64 {
        match self {
            Self::Yolov5n => 26,
            Self::Yolov5s => 16,
            Self::RetinaFaceMobileNet025 | Self::RetinaFaceResNet50 => 3,
        }
    }

    /// The bytes of an ONNX model (operator set 17) of this architecture, its weights drawn
    /// from `seed`: the same bytes on every machine.
    ///
    /// # Errors
    ///
    /// When the family has no such form.
    pub fn generate(self, seed: u64, form: Form) -> Result<Vec<u8>, FamilyError> {
        if !self.forms().contains(&form) {
            return Err(FamilyError::NoSuchForm { family: self, form });
        }
        Ok(self.build(Graph::seeded(seed), form).encode(self.name()))
    }

    /// The model that ships: its [`default_seed`](Self::default_seed), in the form of the
    /// public export.
    #[must_use]
    pub fn default_model(self) -> Vec<u8> {
        self.build(Graph::seeded(self.default_seed()), Form::Exported).encode(self.name())
    }

    /// Counts parameters and operations over the graph that [`generate`](Self::generate)
    /// writes, without drawing weights.
    #[must_use]
    pub fn cost(self) -> Cost {
        self.build(Graph::without_weights(), Form::Exported).cost()
    }

    fn build(self, mut graph: Graph, form: Form) -> Graph {
        match self {
            Self::Yolov5n => yolov5::build(&mut graph, &yolov5::NANO, form),
            Self::Yolov5s => yolov5::build(&mut graph, &yolov5::SMALL, form),
            Self::RetinaFaceMobileNet025 => {
                retinaface::build(&mut graph, retinaface::Body::MobileNet025);
            }
            Self::RetinaFaceResNet50 => retinaface::build(&mut graph, retinaface::Body::ResNet50),
        }
        graph
    }

    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for ModelFamily {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Exported, Self::RawHeads, Self::RawAnchors];

    /// Its name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exported => "exported",
            Self::RawHeads => "raw-heads",
            Self::RawAnchors => "raw-anchors",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Form {
    type Err = FamilyError;

    fn from_str(name: &str) -> Result<Self, FamilyError> {
        let found = Self::ALL.into_iter().find(|form| form.name() == name);
        found.ok_or_else(|| FamilyError::UnknownForm { name: name.into() })
    }
}

fn forms_of(family: ModelFamily) -> String {
    let names: Vec<&str> = family.forms().iter().map(|form| form.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
