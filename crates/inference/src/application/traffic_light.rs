//! Says what a traffic light shows: a photo that the light fills in, one of four labels with
//! its probability out.
//!
//! The model takes 64 × 64 pixels. The whole photo is squeezed to them, for a light stands
//! upright or lies and no square of it would hold all lamps. How a photo is scaled and scores
//! become probabilities is the business of [`Classifier`].

use weighbridge_experiment::ApplicationName;

use super::classifier::{Classifier, Framing};
use crate::Labels;

/// What a traffic light shows, in the order of the model's output.
const SIGNALS: [&str; 4] = ["red", "yellow", "green", "off"];

/// The application, with the four signals unless other labels are given.
pub(super) fn traffic_light(labels: Option<Labels>) -> Classifier {
    let labels = labels.unwrap_or_else(|| Labels::of(SIGNALS));
    Classifier::new(ApplicationName::TrafficLight, &[64], Framing::Squeeze, labels)
}
