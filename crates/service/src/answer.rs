//! The shape of `weighbridge.inference/1`, which other programs read: names here are promises.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weighbridge_experiment::InferenceTiming;
use weighbridge_inference::{Outcome, PixelBox};

/// What one request to an application gave.
#[derive(Debug, Clone, Serialize, JsonSchema, ToSchema)]
pub struct InferenceAnswer {
    /// Always `weighbridge.inference/1`.
    pub format: &'static str,
    /// The application, e.g. `derain`.
    pub application: String,
    /// The model that ran.
    pub model: ModelAnswer,
    /// The engine that ran it.
    pub engine: EngineAnswer,
    /// What must be said next to the result, e.g. `seeded weights: speed only`.
    pub labels: Vec<String>,
    /// The result.
    pub result: ResultAnswer,
    /// Where the time went.
    pub milliseconds: StageTimes,
}

/// The model that ran.
#[derive(Debug, Clone, Serialize, JsonSchema, ToSchema)]
pub struct ModelAnswer {
    /// Its file name.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// The engine that ran the model.
#[derive(Debug, Clone, Serialize, JsonSchema, ToSchema)]
pub struct EngineAnswer {
    /// `rten` or `onnxruntime`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The instruction set that it uses on this processor.
    pub instruction_set: String,
    /// Threads that one inference computes on.
    pub threads: u32,
}

/// Durations of the stages of one request, in milliseconds, by the monotonic clock.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct StageTimes {
    /// Waiting for a worker.
    pub queue: f64,
    /// The bytes of the file to pixels or sound.
    pub decode: f64,
    /// Pixels or sound to the model's input.
    pub prepare: f64,
    /// The engine's call.
    pub infer: f64,
    /// The model's output to the result.
    pub interpret: f64,
    /// The result to the bytes of a picture; 0 where none is made.
    pub encode: f64,
}

impl StageTimes {
    /// The times of an inference; waiting and encoding are the caller's to add.
    #[must_use]
    pub fn of(timing: &InferenceTiming) -> Self {
        let milliseconds = |nanoseconds: u64| nanoseconds as f64 / 1e6;
        Self {
            queue: 0.0,
            decode: milliseconds(timing.decode_nanoseconds),
            prepare: milliseconds(timing.prepare_nanoseconds),
            infer: milliseconds(timing.infer_nanoseconds),
            interpret: milliseconds(timing.interpret_nanoseconds),
            encode: 0.0,
        }
    }

    /// Each stage with its name, in their order.
    #[must_use]
    pub const fn each(&self) -> [(&'static str, f64); 6] {
        [
            ("queue", self.queue),
            ("decode", self.decode),
            ("prepare", self.prepare),
            ("infer", self.infer),
            ("interpret", self.interpret),
            ("encode", self.encode),
        ]
    }
}

/// A result, by its kind.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ResultAnswer {
    /// A photo of the size of the input.
    Photo {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// `image/png` or `image/jpeg`.
        media_type: String,
        /// The file in base64.
        base64: String,
    },
    /// The class of the whole input.
    Label {
        /// The most probable class.
        label: String,
        /// Its probability, 0 to 1.
        probability: f64,
        /// Every class, in the model's order; the probabilities add up to 1.
        classes: Vec<ClassAnswer>,
    },
    /// Objects, the surest first.
    Detections {
        /// Them.
        detections: Vec<FoundAnswer>,
    },
    /// Faces, the surest first.
    Faces {
        /// Them.
        faces: Vec<FoundAnswer>,
    },
    /// What was said.
    Text {
        /// The text; empty where nothing was said.
        text: String,
        /// Length of the recording in seconds.
        audio_seconds: f64,
    },
}

/// How sure the model is of one class.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct ClassAnswer {
    /// Name of the class.
    pub label: String,
    /// Its probability, 0 to 1.
    pub probability: f64,
}

/// An object or a face, in pixels of the photo from its upper left corner.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct FoundAnswer {
    /// Name of its class; `face` for a face.
    pub label: String,
    /// Confidence, 0 to 1.
    pub score: f32,
    /// Left edge.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Lower edge.
    pub bottom: f32,
    /// Of a face: left eye, right eye, nose, left and right corner of the mouth, each as x
    /// and y.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub landmarks: Option<Vec<[f32; 2]>>,
}

impl FoundAnswer {
    fn of(label: &str, score: f32, place: PixelBox, landmarks: Option<&[[f32; 2]]>) -> Self {
        let PixelBox { left, top, right, bottom } = place;
        let landmarks = landmarks.map(<[_]>::to_vec);
        Self { label: label.to_owned(), score, left, top, right, bottom, landmarks }
    }
}

impl ResultAnswer {
    /// The result of an application that makes no photo; `None` for one that does, and for
    /// bare tensors, which no application of this service gives.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Option<Self> {
        Some(match outcome {
            Outcome::Photo(_) | Outcome::Tensors(_) => return None,
            Outcome::Label(label) => Self::Label {
                label: label.label.to_string(),
                probability: label.probability,
                classes: label
                    .classes
                    .iter()
                    .map(|class| ClassAnswer {
                        label: class.label.to_string(),
                        probability: class.probability,
                    })
                    .collect(),
            },
            Outcome::Detections(found) => Self::Detections {
                detections: found
                    .iter()
                    .map(|one| FoundAnswer::of(&one.label, one.score, one.place, None))
                    .collect(),
            },
            Outcome::Faces(found) => Self::Faces {
                faces: found
                    .iter()
                    .map(|one| FoundAnswer::of("face", one.score, one.place, Some(&one.landmarks)))
                    .collect(),
            },
            Outcome::Text(text) => {
                Self::Text { text: text.text.clone(), audio_seconds: text.audio_seconds }
            }
        })
    }
}
