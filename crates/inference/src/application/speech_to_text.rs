//! Writes down what is said in a recording: WAV, FLAC, OGG Vorbis or MP3 in, text out.
//!
//! The model takes raw mono audio of 16 kHz, f32 `[1, samples]` (also `[samples]` or
//! `[1, 1, samples]`), full scale -1 to 1, and gives for each of its frames a value for each
//! label of an alphabet, f32 `[1, frames, labels]` (also `[frames, labels]`): probabilities,
//! their logarithms, or logits. The shipped model is such a one, and so are the exports of
//! Silero's models and others of connectionist temporal classification on raw audio, with a
//! labels file of their alphabet.
//!
//! Audio of any length goes through in windows of 15 s, or of the model's own length where
//! that is written in it; what is kept of a window is frames, then labels.
//!
//! Deliberately without a language model, punctuation or times of words.

mod alphabet;
mod ctc;
mod windows;

use weighbridge_experiment::ApplicationName;

pub use alphabet::Alphabet;
pub use ctc::{Beam, Ctc, Greedy};
use windows::{Frames, Seam, Windows};

use super::{Application, describe_ports};
use crate::audio::AudioStream;
use crate::engine::{Extent, Port, Tensor, TensorView};
use crate::error::{InputError, InterpretError, Misfit};
use crate::{Input, Labels, Outcome, TextOutcome};

/// Rows whose values are all at least 0 and add up to 1 within this are probabilities.
const SUM_TOLERANCE: f32 = 1e-2;

/// Least probability that has a logarithm here; a model may give 0.
const PROBABILITY_MIN: f32 = 1e-30;

/// The application `speech-to-text`. Its buffers are kept from recording to recording.
pub struct SpeechToText {
    /// The alphabet, or what is wrong with the labels that were given for one.
    alphabet: Result<Alphabet, String>,
    beam_width: Option<usize>,
    /// Axes of the model's input before the samples, all of length 1.
    leading_axes: usize,
    windows: Windows,
    recording: Option<Recording>,
    /// Samples of the window, with the silence that fills it up.
    window: Vec<f32>,
    /// How many of them are audio.
    heard: usize,
    shape: Vec<usize>,
    rows: Vec<f32>,
}

/// A recording that is being transcribed.
struct Recording {
    stream: AudioStream,
    seam: Seam,
    ctc: Ctc,
    begun: bool,
    ended: bool,
}

impl Default for SpeechToText {
    fn default() -> Self {
        Self::new(None, None)
    }
}

impl SpeechToText {
    /// With the alphabet of `labels`, or the shipped model's; decoding by a beam of so many
    /// prefixes, or greedily.
    #[must_use]
    pub fn new(labels: Option<&Labels>, beam_width: Option<usize>) -> Self {
        Self {
            alphabet: labels.map_or_else(|| Ok(Alphabet::default()), Alphabet::from_labels),
            beam_width,
            leading_axes: 1,
            windows: Windows::new(None),
            recording: None,
            window: Vec::new(),
            heard: 0,
            shape: Vec::new(),
            rows: Vec::new(),
        }
    }

    fn blank(&self) -> usize {
        self.alphabet.as_ref().map_or(0, Alphabet::blank)
    }

    fn labels(&self) -> usize {
        self.alphabet.as_ref().map_or(0, Alphabet::len)
    }
}

impl Application for SpeechToText {
    fn name(&self) -> &str {
        ApplicationName::SpeechToText.as_str()
    }

    fn fit(&mut self, inputs: &[Port], outputs: &[Port]) -> Result<(), Misfit> {
        let alphabet = self.alphabet.as_ref().map_err(|flaw| Misfit {
            expected: "an alphabet with exactly one blank".into(),
            found: flaw.clone(),
        })?;
        let needed = || "the one input of raw audio, f32 [1, samples]".to_owned();
        let misfit = |found: String| Misfit { expected: needed(), found };
        let [port] = inputs else { return Err(misfit(describe_ports(inputs, "input"))) };
        let (leading, samples) =
            audio_axes(port).ok_or_else(|| misfit(describe_ports(inputs, "input")))?;
        let labels = alphabet.len();
        let fits = matches!(outputs, [port] if gives_frames(port, labels));
        if !fits {
            return Err(Misfit {
                expected: format!(
                    "the one output of labels, f32 [1, frames, {labels}] for an alphabet of \
                     {labels} (a labels file has one line for each)"
                ),
                found: describe_ports(outputs, "output"),
            });
        }
        self.leading_axes = leading;
        self.windows = Windows::new(samples);
        Ok(())
    }

    fn begin(&mut self, input: &Input) -> Result<(), InputError> {
        self.recording = None;
        self.window.clear();
        self.heard = 0;
        self.recording = Some(Recording {
            stream: AudioStream::open(input.bytes.clone(), &input.name)?,
            seam: Seam::new(self.blank(), self.windows),
            ctc: Ctc::new(self.blank(), self.beam_width),
            begun: false,
            ended: false,
        });
        Ok(())
    }

    fn more(&mut self) -> Result<bool, InputError> {
        let Some(recording) = self.recording.as_mut().filter(|recording| !recording.ended) else {
            return Ok(false);
        };
        if recording.begun {
            self.window.drain(..self.windows.step());
        }
        recording.begun = true;
        let wanted = self.windows.length - self.window.len();
        recording.stream.read(wanted, &mut self.window)?;
        recording.ended = recording.stream.is_at_end()?;
        self.heard = self.window.len();
        self.window.resize(self.windows.filled(self.heard), 0.0);
        Ok(true)
    }

    fn prepare(&mut self) -> Vec<TensorView<'_>> {
        self.shape.clear();
        self.shape.resize(self.leading_axes, 1);
        self.shape.push(self.window.len());
        vec![TensorView::f32(&self.shape, &self.window)]
    }

    fn interpret(&mut self, outputs: &[Tensor]) -> Result<(), InterpretError> {
        let [output] = outputs else { return Ok(()) };
        let labels = self.labels();
        let values = rows_of(output, labels)?;
        let Some(recording) = &mut self.recording else { return Ok(()) };
        self.rows.clear();
        self.rows.extend_from_slice(values);
        to_log_probabilities(&mut self.rows, labels);
        let Recording { seam, ctc, .. } = recording;
        let frames = Frames { rows: &self.rows, labels, samples: self.window.len() };
        seam.join(frames, recording.ended, |row| ctc.push(row));
        Ok(())
    }

    fn finish(&mut self) -> Outcome {
        let recording = self.recording.take();
        let labels = recording.as_ref().map(|recording| recording.ctc.labels()).unwrap_or_default();
        let text = self.alphabet.as_ref().map(|alphabet| alphabet.text(labels)).unwrap_or_default();
        let audio_seconds = recording.map_or(0.0, |recording| recording.stream.seconds_read());
        Outcome::Text(TextOutcome { text, audio_seconds })
    }
}

/// How many axes of length 1 come before the samples, and how many samples the model takes
/// where that is fixed; `None` where the input is not raw audio.
fn audio_axes(port: &Port) -> Option<(usize, Option<usize>)> {
    if port.element.is_some_and(|element| element != "f32") {
        return None;
    }
    let Some(shape) = &port.shape else { return Some((1, None)) };
    let (samples, leading) = shape.split_last()?;
    let single = |extent: &Extent| matches!(extent, Extent::Free(_) | Extent::Fixed(1));
    if leading.len() > 2 || !leading.iter().all(single) {
        return None;
    }
    match samples {
        Extent::Free(_) => Some((leading.len(), None)),
        // What cannot hold a tenth of a second is no window of audio.
        Extent::Fixed(length) => (*length >= 1_600).then_some((leading.len(), Some(*length))),
    }
}

fn gives_frames(port: &Port, labels: usize) -> bool {
    let holds = |shape: &Vec<Extent>| {
        let wide = match shape.last() {
            Some(Extent::Fixed(length)) => *length == labels,
            extent => extent.is_some(),
        };
        let first_is_one =
            shape.len() == 2 || matches!(shape.first(), Some(Extent::Free(_) | Extent::Fixed(1)));
        wide && first_is_one && matches!(shape.len(), 2 | 3)
    };
    port.element.is_none_or(|element| element == "f32") && port.shape.as_ref().is_none_or(holds)
}

/// The rows of an output, once its shape is known to be `[1, frames, labels]` or
/// `[frames, labels]` with at least one frame.
fn rows_of(output: &Tensor, labels: usize) -> Result<&[f32], InterpretError> {
    let fits = match output.shape[..] {
        [1, frames, width] | [frames, width] => frames > 0 && width == labels,
        _ => false,
    };
    output.as_f32().filter(|_| fits).ok_or_else(|| InterpretError::Shape {
        output: "of labels".into(),
        expected: format!("f32 [1, frames, {labels}]"),
        found: format!("{} {:?}", output.values.view().element(), output.shape),
    })
}

/// Turns rows of probabilities, log-probabilities or logits into log-probabilities.
///
/// The logarithm of the softmax leaves log-probabilities as they are, so that only
/// probabilities need telling apart.
fn to_log_probabilities(rows: &mut [f32], labels: usize) {
    let probable = |row: &[f32]| {
        let sum: f32 = row.iter().sum();
        (sum - 1.0).abs() < SUM_TOLERANCE && row.iter().all(|value| *value >= 0.0)
    };
    if rows.chunks_exact(labels).all(probable) {
        rows.iter_mut().for_each(|value| *value = value.max(PROBABILITY_MIN).ln());
    }
    for row in rows.chunks_exact_mut(labels) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = row.iter().map(|value| (value - largest).exp()).sum();
        let total = largest + sum.ln();
        row.iter_mut().for_each(|value| *value -= total);
    }
}

#[cfg(test)]
#[path = "speech_to_text/tests.rs"]
mod tests;
