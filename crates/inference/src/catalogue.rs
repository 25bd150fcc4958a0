//! The applications that ship, their models and their sample inputs, all of them inside the
//! executable: a fresh machine needs nothing else for its first run.

use weighbridge_experiment::ApplicationName;

/// An application as a user meets it in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplicationEntry {
    /// The application.
    pub name: ApplicationName,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What it takes.
    pub input_kinds: &'static str,
    /// What it gives.
    pub result: &'static str,
    /// File name of its model, below `models/`.
    pub model_file: &'static str,
    /// Whether the model is trained; one that is not is good for speed only.
    pub trained: bool,
    /// What it was trained on.
    pub trained_on: &'static str,
    /// How good it is, on data that training did not see.
    pub quality: &'static str,
    /// Licence of the model.
    pub licence: &'static str,
}

/// The entry of an application.
#[must_use]
pub const fn entry(name: ApplicationName) -> ApplicationEntry {
    match name {
        ApplicationName::Derain => ApplicationEntry {
            name,
            summary: "removes rain streaks from a photo",
            input_kinds: "JPEG, PNG or WebP photo of up to 40 megapixels",
            result: "a photo of the same size",
            model_file: "derain.onnx",
            trained: true,
            trained_on: "photographs with synthetic rain, see models/derain.md",
            quality: "see models/derain.md",
            licence: "MIT OR Apache-2.0",
        },
        ApplicationName::TrafficLight => ApplicationEntry {
            name,
            summary: "says whether a traffic light is red, yellow, green or off",
            input_kinds: "JPEG, PNG or WebP photo of up to 40 megapixels, filled by the light",
            result: "a label with its probability",
            model_file: "traffic-light.onnx",
            trained: true,
            trained_on: "rendered traffic lights, see models/traffic-light.md",
            quality: "see models/traffic-light.md",
            licence: "MIT OR Apache-2.0",
        },
    }
}

/// The model that ships for an application: an ONNX file. Empty in a build without models,
/// which loading refuses.
#[must_use]
pub const fn default_model(name: ApplicationName) -> &'static [u8] {
    match name {
        ApplicationName::Derain | ApplicationName::TrafficLight => &[],
    }
}

/// The sample inputs that ship for an application, with their file names, in order.
#[must_use]
pub const fn sample_inputs(name: ApplicationName) -> &'static [(&'static str, &'static [u8])] {
    match name {
        ApplicationName::Derain | ApplicationName::TrafficLight => &[],
    }
}
