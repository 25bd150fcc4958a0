//! What can be wrong with audio.

use thiserror::Error;

use super::{SOURCE_RATE_MAX_HZ, SOURCE_RATE_MIN_HZ};

/// Audio that cannot be used: which, and why.
#[derive(Debug, Error)]
#[error("`{name}` {flaw}")]
pub struct AudioError {
    /// What the user calls the file.
    pub name: String,
    /// What is wrong with it.
    pub flaw: AudioFlaw,
}

/// Why audio cannot be used. Each text goes on after the file's name.
#[derive(Debug, Error)]
pub enum AudioFlaw {
    /// There are no bytes at all.
    #[error("is empty; give a WAV, FLAC, OGG Vorbis or MP3 file")]
    Empty,
    /// The bytes begin like no audio file of a known kind.
    #[error("is not WAV, FLAC, OGG or MP3 audio; convert it to one of these")]
    NotAudio,
    /// The container is known and its beginning damaged.
    #[error("begins as a {container} file, but its header is damaged: {detail}; export it again")]
    Header {
        /// Kind of file.
        container: &'static str,
        /// What the reader said.
        detail: String,
    },
    /// The file holds no track of audio.
    #[error("has no audio track; give a file that has one")]
    NoAudioTrack,
    /// The audio is packed in a way that is not supported.
    #[error(
        "is a {container} file whose audio cannot be decoded: {detail}; convert it to WAV (PCM), \
         FLAC, OGG Vorbis or MP3"
    )]
    Codec {
        /// Kind of file.
        container: &'static str,
        /// What the decoder said.
        detail: String,
    },
    /// The file says nothing about its rate, or something that no audio has.
    #[error(
        "has a sample rate of {rate_hz} Hz; {SOURCE_RATE_MIN_HZ} to {SOURCE_RATE_MAX_HZ} Hz are \
         taken, so resample it"
    )]
    SampleRate {
        /// What the file says, 0 where it says nothing.
        rate_hz: u32,
    },
    /// The audio is well-formed and zero samples long.
    #[error("holds audio of 0 samples; give a recording")]
    NoSamples,
    /// The file ends before the audio does.
    #[error("is cut off after {seconds:.2} s of audio; get the whole file")]
    Truncated {
        /// How much was decoded before, in seconds.
        seconds: f64,
    },
    /// The audio is damaged somewhere.
    #[error("is damaged after {seconds:.2} s of audio: {detail}; export it again")]
    Damaged {
        /// How much was decoded before, in seconds.
        seconds: f64,
        /// What the decoder said.
        detail: String,
    },
    /// A float file holds a NaN or an infinity.
    #[error(
        "has a sample after {seconds:.2} s that is {value}, not a finite number; export it again \
         as 16-bit PCM"
    )]
    NotFinite {
        /// How much was decoded before, in seconds.
        seconds: f64,
        /// The sample.
        value: f32,
    },
    /// The resampler failed on audio that had passed every check.
    #[error("cannot be resampled from {rate_hz} Hz: {detail}; resample it to 16000 Hz")]
    Resample {
        /// Samples a second of the file.
        rate_hz: u32,
        /// What the resampler said.
        detail: String,
    },
}
