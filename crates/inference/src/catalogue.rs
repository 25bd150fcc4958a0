//! The applications that ship, their models and their sample inputs, all of them inside the
//! executable: a fresh machine needs nothing else for its first run.
//!
//! Deliberately not here: models and inputs of the user's own, which come as bytes.

use std::borrow::Cow;

use serde::Deserialize;
use weighbridge_experiment::ApplicationName;

use crate::family::ModelFamily;

/// An application that ships: how a user meets it in a list, and what it brings along.
#[derive(Clone, Copy)]
pub struct Shipped {
    /// The application.
    pub name: ApplicationName,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What it takes.
    pub input_kinds: &'static str,
    /// What it gives.
    pub result: &'static str,
    /// File name of its model, below `models/`; a name of the same form where the model is
    /// made from a seed.
    pub model_file: &'static str,
    /// Its model: an ONNX file.
    pub model: fn() -> Cow<'static, [u8]>,
    /// Whether the model is trained; one that is not is good for speed only.
    pub trained: bool,
    /// What it was trained on, or how it was made.
    pub trained_on: &'static str,
    /// How good it is on data that training did not see, from the figures that ship with the
    /// model in `models/evaluation/`.
    pub quality: fn() -> String,
    /// Licence of the model.
    pub licence: &'static str,
    /// Its sample inputs with their file names, in order.
    pub samples: &'static [(&'static str, &'static [u8])],
    /// How often one trial goes over the samples, unless told: a trial should last a tenth of
    /// a second at least, or ten samples a second say nothing of it.
    pub rounds_per_trial: u32,
}

/// What goes beside every number of a model that is not trained.
pub const SEEDED: &str = crate::family::SEEDED_NOTICE;

/// What ships for an application.
#[must_use]
pub const fn shipped(name: ApplicationName) -> &'static Shipped {
    match name {
        ApplicationName::Derain => &DERAIN,
        ApplicationName::TrafficLight => &TRAFFIC_LIGHT,
        ApplicationName::ObjectDetection => &OBJECT_DETECTION,
        ApplicationName::TrafficSign => &TRAFFIC_SIGN,
        ApplicationName::FaceDetection => &FACE_DETECTION,
        ApplicationName::SpeechToText => &SPEECH_TO_TEXT,
    }
}

const LICENCE: &str = "MIT OR Apache-2.0";

static DERAIN: Shipped = Shipped {
    name: ApplicationName::Derain,
    summary: "removes rain streaks from a photo",
    input_kinds: "JPEG, PNG or WebP photo of up to 40 megapixels",
    result: "a photo of the same size",
    model_file: "derain.onnx",
    model: || Cow::Borrowed(include_bytes!("../../../models/derain.onnx")),
    trained: true,
    trained_on: "free photographs and textures of scikit-image and scikit-learn, and made-up \
                 pictures, under synthetic rain",
    quality: derain_quality,
    licence: LICENCE,
    samples: &DERAIN_SAMPLES,
    rounds_per_trial: 1,
};

static TRAFFIC_LIGHT: Shipped = Shipped {
    name: ApplicationName::TrafficLight,
    summary: "says whether a traffic light is red, yellow, green or off",
    input_kinds: "JPEG, PNG or WebP photo of up to 40 megapixels, filled by the light",
    result: "a label with its probability",
    model_file: "traffic-light.onnx",
    model: || Cow::Borrowed(include_bytes!("../../../models/traffic-light.onnx")),
    trained: true,
    trained_on: "rendered traffic lights before photographs, with blur, noise, night and glare",
    quality: traffic_light_quality,
    licence: LICENCE,
    samples: &TRAFFIC_LIGHT_SAMPLES,
    rounds_per_trial: 20,
};

static OBJECT_DETECTION: Shipped = Shipped {
    name: ApplicationName::ObjectDetection,
    summary: "finds objects of 80 kinds in a photo",
    input_kinds: "JPEG, PNG or WebP photo of up to 40 megapixels",
    result: "boxes, each with a class and a score",
    model_file: "object-detection.onnx",
    model: || Cow::Owned(ModelFamily::Yolov5n.default_model()),
    trained: false,
    trained_on: "nothing: YOLOv5n, layer for layer, with weights drawn from a seed",
    quality: || SEEDED.to_owned(),
    licence: LICENCE,
    samples: &DETECTION_SAMPLES,
    rounds_per_trial: 1,
};

static FACE_DETECTION: Shipped = Shipped {
    name: ApplicationName::FaceDetection,
    summary: "finds faces and their landmarks in a photo",
    input_kinds: "JPEG, PNG or WebP photo of up to 40 megapixels",
    result: "boxes, each with five landmarks and a score",
    model_file: "face-detection.onnx",
    model: || Cow::Owned(ModelFamily::RetinaFaceMobileNet025.default_model()),
    trained: false,
    trained_on: "nothing: RetinaFace on MobileNet-0.25, layer for layer, with weights drawn from \
                 a seed",
    quality: || SEEDED.to_owned(),
    licence: LICENCE,
    samples: &DETECTION_SAMPLES,
    rounds_per_trial: 2,
};

static TRAFFIC_SIGN: Shipped = Shipped {
    name: ApplicationName::TrafficSign,
    summary: "names a traffic sign out of 43",
    input_kinds: "JPEG, PNG or WebP photo of up to 40 megapixels, filled by the sign",
    result: "a label with its probability",
    model_file: "traffic-sign.onnx",
    model: || Cow::Borrowed(include_bytes!("../../../models/traffic-sign.onnx")),
    trained: true,
    trained_on: "rendered German traffic signs before photographs, with blur, noise, night and perspective",
    quality: traffic_sign_quality,
    licence: LICENCE,
    samples: &TRAFFIC_SIGN_SAMPLES,
    rounds_per_trial: 20,
};

static SPEECH_TO_TEXT: Shipped = Shipped {
    name: ApplicationName::SpeechToText,
    summary: "writes down spoken digits and commands",
    input_kinds: "WAV, FLAC, OGG Vorbis or MP3 recording of any length, 4 to 384 kHz",
    result: "text",
    model_file: "speech-to-text.onnx",
    model: || Cow::Borrowed(include_bytes!("../../../models/speech-to-text.onnx")),
    trained: true,
    trained_on: "ten digits and twelve commands spoken by espeak-ng in many voices, under noise \
                 and echo; it knows no other words",
    quality: speech_to_text_quality,
    licence: LICENCE,
    samples: &SPEECH_TO_TEXT_SAMPLES,
    rounds_per_trial: 4,
};

macro_rules! sample {
    ($folder:literal, $file:literal) => {
        ($file, include_bytes!(concat!("../../../examples/inputs/", $folder, "/", $file)))
    };
}

static DERAIN_SAMPLES: [(&str, &[u8]); 4] = [
    sample!("derain", "chelsea.webp"),
    sample!("derain", "china.jpg"),
    sample!("derain", "coffee.jpg"),
    sample!("derain", "rocket.jpg"),
];

static TRAFFIC_LIGHT_SAMPLES: [(&str, &[u8]); 8] = [
    sample!("traffic-light", "green-1.jpg"),
    sample!("traffic-light", "green-2.png"),
    sample!("traffic-light", "off-1.png"),
    sample!("traffic-light", "off-2.jpg"),
    sample!("traffic-light", "red-1.png"),
    sample!("traffic-light", "red-2.jpg"),
    sample!("traffic-light", "yellow-1.jpg"),
    sample!("traffic-light", "yellow-2.png"),
];

static TRAFFIC_SIGN_SAMPLES: [(&str, &[u8]); 8] = [
    sample!("traffic-sign", "bicycles-crossing.jpg"),
    sample!("traffic-sign", "keep-right.png"),
    sample!("traffic-sign", "no-entry.png"),
    sample!("traffic-sign", "priority-road.jpg"),
    sample!("traffic-sign", "road-work.png"),
    sample!("traffic-sign", "speed-limit-50.jpg"),
    sample!("traffic-sign", "stop.jpg"),
    sample!("traffic-sign", "yield.png"),
];

/// Of both detectors.
static DETECTION_SAMPLES: [(&str, &[u8]); 4] = [
    sample!("object-detection", "astronaut.jpg"),
    sample!("object-detection", "china.jpg"),
    sample!("object-detection", "coffee.jpg"),
    sample!("object-detection", "rocket.jpg"),
];

static SPEECH_TO_TEXT_SAMPLES: [(&str, &[u8]); 6] = [
    sample!("speech-to-text", "close-8khz.wav"),
    sample!("speech-to-text", "five-six-go.ogg"),
    sample!("speech-to-text", "one-two-three-four-five-noisy.ogg"),
    sample!("speech-to-text", "open-left-stereo.wav"),
    sample!("speech-to-text", "seven-stop-nine.flac"),
    sample!("speech-to-text", "yes-up-zero.mp3"),
];

const DERAIN_FIGURES: &str = include_str!("../../../models/evaluation/derain/manifest.json");
const TRAFFIC_LIGHT_FIGURES: &str =
    include_str!("../../../models/evaluation/traffic-light/manifest.json");
const TRAFFIC_SIGN_FIGURES: &str =
    include_str!("../../../models/evaluation/traffic-sign/manifest.json");

const SPEECH_TO_TEXT_FIGURES: &str =
    include_str!("../../../models/evaluation/speech-to-text/manifest.json");

#[derive(Deserialize)]
struct DerainFigures {
    generator: String,
    psnr_rainy_db: f64,
    psnr_derained_db: f64,
}

#[derive(Deserialize)]
struct ClassifierFigures {
    accuracy: f64,
    confusion: Vec<Vec<u32>>,
}

#[derive(Deserialize)]
struct SpeechToTextFigures {
    word_error_rate: WordErrorRate,
}

#[derive(Deserialize)]
struct WordErrorRate {
    words: u32,
    greedy: f64,
}

const UNREADABLE: &str = "unknown: the evaluation figures cannot be read";

fn derain_quality() -> String {
    let figures: Vec<DerainFigures> = serde_json::from_str(DERAIN_FIGURES).unwrap_or_default();
    let gains: Vec<f64> = figures
        .iter()
        .filter(|figures| figures.generator != "none")
        .map(|figures| figures.psnr_derained_db - figures.psnr_rainy_db)
        .collect();
    if gains.is_empty() {
        return UNREADABLE.into();
    }
    let mean = gains.iter().sum::<f64>() / gains.len() as f64;
    let least = gains.iter().copied().fold(f64::INFINITY, f64::min);
    format!(
        "PSNR {mean:+.1} dB on average, {least:+.1} dB at least, on {} held-out pictures",
        gains.len()
    )
}

fn traffic_light_quality() -> String {
    classifier_quality(TRAFFIC_LIGHT_FIGURES)
}

fn traffic_sign_quality() -> String {
    classifier_quality(TRAFFIC_SIGN_FIGURES)
}

fn classifier_quality(figures: &str) -> String {
    serde_json::from_str(figures).map_or_else(
        |_| UNREADABLE.into(),
        |figures: ClassifierFigures| {
            let pictures: u32 = figures.confusion.iter().flatten().sum();
            format!(
                "{:.1} % of {pictures} held-out renders are named correctly",
                figures.accuracy * 100.0
            )
        },
    )
}

fn speech_to_text_quality() -> String {
    serde_json::from_str(SPEECH_TO_TEXT_FIGURES).map_or_else(
        |_| UNREADABLE.into(),
        |SpeechToTextFigures { word_error_rate: rate }| {
            format!(
                "word error rate {:.1} % on {} words by held-out voices, most under noise or echo",
                rate.greedy * 100.0,
                rate.words
            )
        },
    )
}

/// The architectures with seeded weights that an application can run.
#[must_use]
pub const fn families(name: ApplicationName) -> &'static [ModelFamily] {
    match name {
        ApplicationName::ObjectDetection => &[ModelFamily::Yolov5n, ModelFamily::Yolov5s],
        ApplicationName::FaceDetection => {
            &[ModelFamily::RetinaFaceMobileNet025, ModelFamily::RetinaFaceResNet50]
        }
        ApplicationName::Derain
        | ApplicationName::TrafficLight
        | ApplicationName::TrafficSign
        | ApplicationName::SpeechToText => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_the_models_can_be_read() {
        for name in ApplicationName::ALL {
            let entry = shipped(name);
            assert_eq!(entry.name, name);
            assert_ne!((entry.quality)(), UNREADABLE);
            assert_eq!(entry.model_file, format!("{name}.onnx"));
        }
    }

    #[test]
    fn every_sample_in_the_folder_ships() {
        for name in ApplicationName::ALL {
            // Both detectors have the same samples.
            let folder = match name {
                ApplicationName::FaceDetection => "object-detection",
                other => other.as_str(),
            };
            let folder = format!("{}/../../examples/inputs/{folder}", env!("CARGO_MANIFEST_DIR"));
            let mut files: Vec<String> = std::fs::read_dir(&folder)
                .expect("the samples are part of the repository")
                .map(|entry| {
                    entry.expect("a file").file_name().into_string().expect("a plain name")
                })
                .filter(|file| file != "LICENCE.md")
                .collect();
            files.sort();
            let known: Vec<&str> = shipped(name).samples.iter().map(|(file, _)| *file).collect();
            assert_eq!(known, files);
        }
    }
}
