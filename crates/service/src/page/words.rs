//! What an application is called on its page, and what it asks for.

use weighbridge_experiment::ApplicationName;

/// Its name for people.
pub(crate) const fn title(name: ApplicationName) -> &'static str {
    match name {
        ApplicationName::Derain => "Remove rain",
        ApplicationName::TrafficLight => "Traffic light",
        ApplicationName::ObjectDetection => "Find objects",
        ApplicationName::TrafficSign => "Traffic sign",
        ApplicationName::FaceDetection => "Find faces",
        ApplicationName::SpeechToText => "Speech to text",
    }
}

/// What a visitor is promised.
pub(super) const fn lead(name: ApplicationName) -> &'static str {
    match name {
        ApplicationName::Derain => {
            "Choose a photo that was taken in the rain, and get it back without the streaks."
        }
        ApplicationName::TrafficLight => {
            "Choose a photo of a traffic light that fills the picture, and read whether it is red, yellow, green or off."
        }
        ApplicationName::ObjectDetection => {
            "Choose a photo, and see which objects of 80 kinds are found in it, and where."
        }
        ApplicationName::TrafficSign => {
            "Choose a photo of a traffic sign that fills the picture, and read which of 43 it is."
        }
        ApplicationName::FaceDetection => {
            "Choose a photo, and see where faces are found in it, with eyes, nose and mouth."
        }
        ApplicationName::SpeechToText => {
            "Choose a recording of spoken digits and commands, and read what was said."
        }
    }
}

/// What stands beside the progress while the model works.
pub(super) const fn working(name: ApplicationName) -> &'static str {
    match name {
        ApplicationName::Derain => "Removing the rain …",
        ApplicationName::SpeechToText => "Listening …",
        _ => "Looking at the photo …",
    }
}

/// What is sent.
pub(super) const fn input(name: ApplicationName) -> &'static str {
    match name {
        ApplicationName::SpeechToText => "recording",
        _ => "photo",
    }
}

/// Types that the browser offers in its list of files.
pub(super) const fn accepted(name: ApplicationName) -> &'static str {
    match name {
        ApplicationName::SpeechToText => "audio/*,.wav,.flac,.ogg,.mp3",
        _ => "image/jpeg,image/png,image/webp",
    }
}

/// The forms that are taken, in words.
pub(super) const fn forms(name: ApplicationName) -> &'static str {
    match name {
        ApplicationName::SpeechToText => "WAV, FLAC, OGG Vorbis or MP3",
        _ => "JPEG, PNG or WebP",
    }
}
