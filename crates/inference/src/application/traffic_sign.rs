//! Names a traffic sign: which of the 43 classes of the German traffic sign benchmark
//! (Stallkamp et al., Neural Networks 32, 2012) a photo shows.
//!
//! The model that ships takes 48 × 48 pixels; one of 32 × 32 is taken too, and one with other
//! classes where labels for them are given. The largest square in the middle of the photo is
//! looked at. How a photo is scaled and scores become probabilities is the business of
//! [`Classifier`].

use weighbridge_experiment::ApplicationName;

use super::classifier::{Classifier, Framing};
use crate::Labels;

/// One class a line, in the order of the benchmark.
const LABELS: &str = include_str!("../../../../models/traffic-sign.txt");

/// The application, with the benchmark's classes unless others are given.
pub(super) fn traffic_sign(labels: Option<Labels>) -> Classifier {
    let labels = labels.unwrap_or_else(|| Labels::of(LABELS.lines()));
    Classifier::new(ApplicationName::TrafficSign, &[48, 32], Framing::CentralSquare, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labels_are_the_benchmarks() {
        let labels = Labels::parse(LABELS.as_bytes(), "models/traffic-sign.txt").expect("labels");
        assert_eq!(labels.count(), 43);
        // Class numbers as the benchmark's own table gives them.
        for (class, name) in [(0, "speed limit 20"), (14, "stop"), (40, "roundabout mandatory")] {
            assert_eq!(&*labels.name(class), name);
        }
    }
}
