//! Compressed audio to a mono stream of [`RATE_HZ`], window by window.
//!
//! A three-hour recording is 700 MB of samples, so only what the caller asks for is ever
//! decoded: memory is bounded by one packet of the file, one block of the resampler and the
//! caller's own window.
//!
//! Deliberately unknown here: models, words, clocks, and files as such; the compressed bytes
//! are already in memory.

mod decoder;
mod error;
mod resample;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use error::{AudioError, AudioFlaw};

use decoder::Decoder;
use resample::Resampler;

/// Samples a second of everything that this module gives.
pub const RATE_HZ: u32 = 16_000;

/// Lowest sample rate that is taken; below it speech cannot be told apart.
pub const SOURCE_RATE_MIN_HZ: u32 = 4_000;

/// Highest sample rate that is taken, the highest that converters are sold for.
pub const SOURCE_RATE_MAX_HZ: u32 = 384_000;

/// Audio that is decoded as it is read: mono, [`RATE_HZ`], full scale -1 to 1.
///
/// Channels are averaged. Clipped audio is taken as it is; samples of a float file may lie
/// beyond full scale, but not be NaN or infinite.
pub struct AudioStream {
    /// What the user calls the file, for messages.
    name: String,
    decoder: Decoder,
    resampler: Option<Resampler>,
    /// Decoded and resampled, not yet given away.
    ready: Vec<f32>,
    given: u64,
    ended: bool,
    buffered_max: usize,
}

impl AudioStream {
    /// Opens WAV, FLAC, OGG Vorbis or MP3 audio, recognised by its content, and decodes its
    /// beginning. `name` is what the user calls the file, for messages.
    ///
    /// # Errors
    ///
    /// The bytes are empty, no audio of these kinds, hold no sample, are damaged right at the
    /// beginning, or have a sample rate out of range.
    pub fn open(bytes: Arc<[u8]>, name: &str) -> Result<Self, AudioError> {
        let named = |flaw| AudioError { name: name.into(), flaw };
        let decoder = Decoder::open(bytes).map_err(named)?;
        let resampler = (decoder.rate_hz() != RATE_HZ)
            .then(|| Resampler::new(decoder.rate_hz(), RATE_HZ))
            .transpose()
            .map_err(named)?;
        let mut stream = Self {
            name: name.into(),
            decoder,
            resampler,
            ready: Vec::new(),
            given: 0,
            ended: false,
            buffered_max: 0,
        };
        stream.fill(1).map_err(named)?;
        if stream.ready.is_empty() {
            return Err(named(AudioFlaw::NoSamples));
        }
        Ok(stream)
    }

    /// Appends up to `wanted` samples to `window` and says how many: fewer only at the end.
    ///
    /// # Errors
    ///
    /// The audio is damaged or truncated from here on, or holds a sample that is not a number.
    pub fn read(&mut self, wanted: usize, window: &mut Vec<f32>) -> Result<usize, AudioError> {
        self.fill(wanted).map_err(|flaw| self.named(flaw))?;
        let count = wanted.min(self.ready.len());
        window.extend(self.ready.drain(..count));
        self.given += count as u64;
        Ok(count)
    }

    /// Whether everything was read; decodes on where that is not known yet.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn is_at_end(&mut self) -> Result<bool, AudioError> {
        self.fill(1).map_err(|flaw| self.named(flaw))?;
        Ok(self.ready.is_empty())
    }

    /// Samples a second and channels of the file itself.
    #[must_use]
    pub fn source(&self) -> (u32, usize) {
        (self.decoder.rate_hz(), self.decoder.channels())
    }

    /// How much audio was read so far, in seconds.
    #[must_use]
    pub fn seconds_read(&self) -> f64 {
        self.given as f64 / f64::from(RATE_HZ)
    }

    /// The most samples that were ever held at once, of every buffer here together.
    #[must_use]
    pub const fn buffered_samples_max(&self) -> usize {
        self.buffered_max
    }

    fn named(&self, flaw: AudioFlaw) -> AudioError {
        AudioError { name: self.name.clone(), flaw }
    }

    fn fill(&mut self, wanted: usize) -> Result<(), AudioFlaw> {
        while self.ready.len() < wanted && !self.ended {
            let packet = self.decoder.next_packet()?;
            let packet_samples = packet.map_or(0, <[f32]>::len);
            match (packet, &mut self.resampler) {
                (Some(samples), None) => self.ready.extend_from_slice(samples),
                (Some(samples), Some(resampler)) => resampler.push(samples, &mut self.ready)?,
                (None, resampler) => {
                    self.ended = true;
                    if let Some(resampler) = resampler {
                        resampler.finish(&mut self.ready)?;
                    }
                }
            }
            let waiting = self.resampler.as_ref().map_or(0, Resampler::buffered);
            self.buffered_max = self.buffered_max.max(self.ready.len() + waiting + packet_samples);
        }
        Ok(())
    }
}
