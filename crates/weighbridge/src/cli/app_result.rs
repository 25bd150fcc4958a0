//! The shape of `weighbridge.app-run/1`, which other programs read: names here are promises.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;
use weighbridge_experiment::{ApplicationName, Sha256Digest};
use weighbridge_inference::{Outcome, PixelBox};

use super::app_run::{Done, GivenInput};

/// Lines of boxes for one photo in the table: more are seen better on the photo itself.
const SHOWN_MOST: usize = 10;

/// An application on some inputs.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AppRun {
    /// Always `weighbridge.app-run/1`.
    pub(super) format: &'static str,
    pub(super) application: ApplicationName,
    /// File name of the model.
    pub(super) model: String,
    pub(super) model_sha256: Sha256Digest,
    /// What must be said next to every result, e.g. `seeded weights: speed only`.
    pub(super) labels: Vec<String>,
    pub(super) engine: Engine,
    /// One for each input, in order.
    pub(super) results: Vec<InputResult>,
}

/// The engine that ran.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Engine {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) instruction_set: String,
    pub(super) threads: u32,
}

/// One input.
#[derive(Serialize, JsonSchema)]
pub(crate) struct InputResult {
    /// The input, as it was given.
    input: String,
    /// What came of it; `null` where it failed.
    result: Option<Shown>,
    /// Why it failed.
    pub(super) error: Option<String>,
    /// Time of all stages together, one pass without a warm-up.
    milliseconds: Option<f64>,
    /// The picture that was written.
    written: Option<PathBuf>,
}

/// A result.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Shown {
    /// A photo, in `written`.
    Photo {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// The class of the whole input.
    Label {
        /// The most probable class.
        label: String,
        /// Its probability.
        probability: f64,
        /// Every class, in the model's order.
        classes: Vec<Class>,
    },
    /// Objects, the surest first.
    Detections {
        /// Them.
        detections: Vec<Found>,
    },
    /// Faces, the surest first.
    Faces {
        /// Them.
        faces: Vec<Found>,
    },
    /// What was said.
    Text {
        /// The text.
        text: String,
        /// Length of the recording.
        audio_seconds: f64,
    },
    /// Outputs that no application interprets.
    Tensors {
        /// Name and shape of each.
        tensors: Vec<Shape>,
    },
}

/// How sure the model is of one class.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Class {
    label: String,
    probability: f64,
}

/// An object or a face.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Found {
    /// Name of its class; `face` for a face.
    label: String,
    /// Confidence, 0 to 1.
    score: f32,
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
    /// Of a face: eyes, nose, corners of the mouth, each as x and y in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    landmarks: Option<[[f32; 2]; 5]>,
}

/// An output of a model.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Shape {
    name: String,
    shape: Vec<usize>,
}

impl Shown {
    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Photo(photo) => Self::Photo { width: photo.width(), height: photo.height() },
            Outcome::Label(label) => Self::Label {
                label: label.label.to_string(),
                probability: label.probability,
                classes: label
                    .classes
                    .iter()
                    .map(|class| Class {
                        label: class.label.to_string(),
                        probability: class.probability,
                    })
                    .collect(),
            },
            Outcome::Detections(found) => Self::Detections {
                detections: found
                    .iter()
                    .map(|one| Found::of(&one.label, one.score, one.place, None))
                    .collect(),
            },
            Outcome::Faces(found) => Self::Faces {
                faces: found
                    .iter()
                    .map(|one| Found::of("face", one.score, one.place, Some(one.landmarks)))
                    .collect(),
            },
            Outcome::Text(text) => {
                Self::Text { text: text.text.clone(), audio_seconds: text.audio_seconds }
            }
            Outcome::Tensors(tensors) => Self::Tensors {
                tensors: tensors
                    .iter()
                    .map(|one| Shape { name: one.name.clone(), shape: one.tensor.shape.clone() })
                    .collect(),
            },
        }
    }

    /// In words.
    fn words(&self) -> String {
        let list = |found: &[Found], what: &str| {
            if found.is_empty() {
                return format!("no {what}");
            }
            let mut lines: Vec<String> = found.iter().take(SHOWN_MOST).map(Found::words).collect();
            if let Some(more @ 1..) = found.len().checked_sub(SHOWN_MOST) {
                lines.push(format!("and {more} less sure; --format json has all"));
            }
            lines.join("\n")
        };
        match self {
            Self::Photo { width, height } => format!("a photo of {width} × {height} pixels"),
            Self::Label { label, probability, .. } => {
                format!("{label} ({:.1} %)", probability * 100.0)
            }
            Self::Detections { detections } => list(detections, "objects"),
            Self::Faces { faces } => list(faces, "faces"),
            Self::Text { text, .. } if text.is_empty() => "nothing was said".to_owned(),
            Self::Text { text, .. } => text.clone(),
            Self::Tensors { tensors } => tensors
                .iter()
                .map(|one| format!("{} {:?}", one.name, one.shape))
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }
}

impl Found {
    fn of(label: &str, score: f32, place: PixelBox, landmarks: Option<[[f32; 2]; 5]>) -> Self {
        let PixelBox { left, top, right, bottom } = place;
        Self { label: label.to_owned(), score, left, top, right, bottom, landmarks }
    }

    fn words(&self) -> String {
        format!(
            "{} ({:.0} %) at {:.0}, {:.0} to {:.0}, {:.0}",
            self.label,
            self.score * 100.0,
            self.left,
            self.top,
            self.right,
            self.bottom
        )
    }
}

impl InputResult {
    pub(super) fn of(given: &GivenInput, done: anyhow::Result<Done>) -> Self {
        let input = given.name.clone();
        match done {
            Ok(done) => Self {
                input,
                result: Some(done.shown),
                error: None,
                milliseconds: Some(done.milliseconds),
                written: done.written,
            },
            Err(error) => Self {
                input,
                result: None,
                error: Some(format!("{error:#}")),
                milliseconds: None,
                written: None,
            },
        }
    }

    /// As a row for people.
    pub(super) fn row(&self) -> Vec<String> {
        vec![
            self.input.clone(),
            self.result.as_ref().map(Shown::words).unwrap_or_default(),
            self.milliseconds.map(|time| format!("{time:.1} ms")).unwrap_or_default(),
            self.written.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
        ]
    }
}
