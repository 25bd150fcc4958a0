use std::borrow::Cow;
use std::fmt;

use crate::Photo;

/// What a traffic light shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Stop.
    Red,
    /// Prepare.
    Yellow,
    /// Go.
    Green,
    /// No lamp is lit.
    Off,
}

impl Signal {
    /// All of them, in the order of the model's output.
    pub const ALL: [Self; 4] = [Self::Red, Self::Yellow, Self::Green, Self::Off];

    /// Its name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Yellow => "yellow",
            Self::Green => "green",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A signal with how sure the model is of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelOutcome {
    /// The most probable signal; the first in the order of [`Signal::ALL`] where several are.
    pub label: Signal,
    /// Its probability, 0 to 1.
    pub probability: f64,
    /// The probability of each signal, in the order of [`Signal::ALL`]; they add up to 1.
    pub probabilities: [f64; 4],
}

/// What one inference gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A photo of the size of the input.
    Photo(Photo),
    /// A label.
    Label(LabelOutcome),
}

impl Outcome {
    /// Bytes that are equal exactly where outcomes are: pixels and size of a photo, or the
    /// bits of all probabilities. Digested, they show whether two cells computed the same.
    #[must_use]
    pub fn digest_bytes(&self) -> [Cow<'_, [u8]>; 2] {
        match self {
            Self::Photo(photo) => {
                let size = [photo.width().to_le_bytes(), photo.height().to_le_bytes()].concat();
                [Cow::Owned(size), Cow::Borrowed(photo.rgb())]
            }
            Self::Label(label) => {
                let bits =
                    label.probabilities.iter().flat_map(|probability| probability.to_le_bytes());
                [Cow::Borrowed(label.label.as_str().as_bytes()), Cow::Owned(bits.collect())]
            }
        }
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
}
