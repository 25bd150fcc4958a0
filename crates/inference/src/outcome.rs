use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use crate::Photo;
use crate::engine::{Tensor, Values};

fn as_text<S: serde::Serializer>(label: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(label)
}

/// How sure a model is of one class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassProbability {
    /// Name of the class.
    #[serde(serialize_with = "as_text")]
    pub label: Arc<str>,
    /// Its probability, 0 to 1.
    pub probability: f64,
}

/// The class of a whole photo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelOutcome {
    /// The most probable class; the first in the model's order where several are.
    #[serde(serialize_with = "as_text")]
    pub label: Arc<str>,
    /// Its probability, 0 to 1.
    pub probability: f64,
    /// Every class, in the model's order; the probabilities add up to 1.
    pub classes: Vec<ClassProbability>,
}

/// A rectangle in pixels of the photo: the origin is its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PixelBox {
    /// Left edge.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Right edge, not less than the left.
    pub right: f32,
    /// Lower edge, not less than the upper.
    pub bottom: f32,
}

/// One object that was found in a photo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detection {
    /// Number of its class in the model's order.
    pub class: usize,
    /// Name of its class.
    #[serde(serialize_with = "as_text")]
    pub label: Arc<str>,
    /// Confidence, 0 to 1.
    pub score: f32,
    /// Where it is.
    #[serde(rename = "box")]
    pub place: PixelBox,
}

/// One face that was found in a photo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Face {
    /// Confidence, 0 to 1.
    pub score: f32,
    /// Where it is.
    #[serde(rename = "box")]
    pub place: PixelBox,
    /// Left eye, right eye, nose, left and right corner of the mouth as the viewer sees them:
    /// x and y in pixels of the photo.
    pub landmarks: [[f32; 2]; 5],
}

/// What was said in a recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TextOutcome {
    /// The text.
    pub text: String,
    /// Length of the recording in seconds.
    pub audio_seconds: f64,
}

/// An output of a model that no application interprets.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Name of the output.
    pub name: String,
    /// Its values.
    pub tensor: Tensor,
}

/// What one inference gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A photo of the size of the input.
    Photo(Photo),
    /// A class.
    Label(LabelOutcome),
    /// Objects with their places, the surest first.
    Detections(Vec<Detection>),
    /// Faces with their places, the surest first.
    Faces(Vec<Face>),
    /// Text.
    Text(TextOutcome),
    /// The model's outputs as they are.
    Tensors(Vec<NamedTensor>),
}

impl Outcome {
    /// Bytes that are equal exactly where outcomes are. Digested, they show whether two cells
    /// computed the same.
    #[must_use]
    pub fn digest_bytes(&self) -> Vec<Cow<'_, [u8]>> {
        match self {
            Self::Photo(photo) => {
                let size = [photo.width().to_le_bytes(), photo.height().to_le_bytes()].concat();
                vec![Cow::Owned(size), Cow::Borrowed(photo.rgb())]
            }
            Self::Label(label) => {
                let bits = label.classes.iter().flat_map(|class| class.probability.to_le_bytes());
                vec![Cow::Borrowed(label.label.as_bytes()), Cow::Owned(bits.collect())]
            }
            Self::Detections(found) => found.iter().map(|one| Cow::Owned(one.bytes())).collect(),
            Self::Faces(found) => found.iter().map(|one| Cow::Owned(one.bytes())).collect(),
            Self::Text(text) => vec![
                Cow::Borrowed(text.text.as_bytes()),
                Cow::Owned(text.audio_seconds.to_le_bytes().to_vec()),
            ],
            Self::Tensors(tensors) => tensors.iter().flat_map(NamedTensor::bytes).collect(),
        }
    }
}

impl PixelBox {
    fn bytes(&self) -> impl Iterator<Item = u8> {
        [self.left, self.top, self.right, self.bottom].into_iter().flat_map(f32::to_le_bytes)
    }
}

impl Detection {
    fn bytes(&self) -> Vec<u8> {
        let class = (self.class as u64).to_le_bytes().into_iter();
        class.chain(self.score.to_le_bytes()).chain(self.place.bytes()).collect()
    }
}

impl Face {
    fn bytes(&self) -> Vec<u8> {
        let landmarks = self.landmarks.into_iter().flatten().flat_map(f32::to_le_bytes);
        let score = self.score.to_le_bytes().into_iter();
        score.chain(self.place.bytes()).chain(landmarks).collect()
    }
}

impl NamedTensor {
    fn bytes(&self) -> [Cow<'_, [u8]>; 2] {
        let axes = self.tensor.shape.iter().flat_map(|axis| (*axis as u64).to_le_bytes());
        // A name ends with a zero byte, so that none can run into the shape.
        let head = self.name.bytes().chain([0]).chain(axes).collect();
        let values: Cow<'_, [u8]> = match &self.tensor.values {
            Values::F32(values) => values.iter().copied().flat_map(f32::to_le_bytes).collect(),
            Values::F64(values) => values.iter().copied().flat_map(f64::to_le_bytes).collect(),
            Values::I8(values) => values.iter().copied().flat_map(i8::to_le_bytes).collect(),
            Values::I32(values) => values.iter().copied().flat_map(i32::to_le_bytes).collect(),
            Values::I64(values) => values.iter().copied().flat_map(i64::to_le_bytes).collect(),
            Values::Bool(values) => values.iter().map(|value| u8::from(*value)).collect(),
            Values::U8(values) => Cow::Borrowed(values),
        };
        [Cow::Owned(head), values]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_of_other_shape_or_pixels_digest_differently() {
        let photo = |width, height, first: u8| {
            let mut rgb = vec![7; 18];
            rgb[0] = first;
            let outcome = Outcome::Photo(Photo::from_rgb(width, height, rgb).expect("18 bytes"));
            outcome.digest_bytes().concat()
        };
        assert_eq!(photo(2, 3, 7), photo(2, 3, 7));
        assert_ne!(photo(2, 3, 7), photo(3, 2, 7));
        assert_ne!(photo(2, 3, 7), photo(2, 3, 8));
    }

    #[test]
    fn a_box_that_moved_and_a_tensor_of_another_shape_digest_differently() {
        let detection = |left| {
            let place = PixelBox { left, top: 0.0, right: 9.0, bottom: 9.0 };
            let found = Detection { class: 1, label: "car".into(), score: 0.5, place };
            Outcome::Detections(vec![found]).digest_bytes().concat()
        };
        assert_eq!(detection(1.0), detection(1.0));
        assert_ne!(detection(1.0), detection(1.5));
        let tensor = |shape: &[usize]| {
            let tensor = Tensor::f32(shape.to_vec(), vec![1.0; 6]);
            Outcome::Tensors(vec![NamedTensor { name: "y".into(), tensor }]).digest_bytes().concat()
        };
        assert_ne!(tensor(&[2, 3]), tensor(&[3, 2]));
    }
}
