//! One audio file to packets of mono samples at the file's own rate, by `symphonia`.

use std::io::{Cursor, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::{AudioFlaw, SOURCE_RATE_MAX_HZ, SOURCE_RATE_MIN_HZ};

/// What a file is by its first bytes, whatever its name says. Asked before the decoder
/// library is: that one searches for MP3 frames anywhere, and finds some in photos.
fn container(bytes: &[u8]) -> Result<&'static str, AudioFlaw> {
    match bytes {
        [] => Err(AudioFlaw::Empty),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Ok("WAV"),
        [b'f', b'L', b'a', b'C', ..] => Ok("FLAC"),
        [b'O', b'g', b'g', b'S', ..] => Ok("OGG"),
        [b'I', b'D', b'3', ..] => Ok("MP3"),
        // Eleven bits of synchronisation, then MPEG 1, 2 or 2.5, layer III (ISO/IEC 11172-3).
        [0xff, second, ..]
            if second & 0xe0 == 0xe0 && second & 0x18 != 0x08 && second & 0x06 == 0x02 =>
        {
            Ok("MP3")
        }
        _ => Err(AudioFlaw::NotAudio),
    }
}

pub(super) struct Decoder {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    container: &'static str,
    track: u32,
    rate_hz: u32,
    channels: usize,
    /// Samples of each channel that the file promises, where its kind states it exactly.
    promised: Option<u64>,
    decoded: u64,
    interleaved: Vec<f32>,
    mono: Vec<f32>,
}

impl Decoder {
    pub(super) fn open(bytes: Arc<[u8]>) -> Result<Self, AudioFlaw> {
        let container = container(&bytes)?;
        let header = |error: Error| match error {
            Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
                AudioFlaw::Truncated { seconds: 0.0 }
            }
            error => AudioFlaw::Header { container, detail: error.to_string() },
        };
        let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
        let (format, meta) = (FormatOptions::default(), MetadataOptions::default());
        let probe = symphonia::default::get_probe();
        let format = guarded(|| probe.probe(&Hint::new(), source, format, meta)).map_err(header)?;
        let track = format.default_track(TrackType::Audio).ok_or(AudioFlaw::NoAudioTrack)?;
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
            return Err(AudioFlaw::NoAudioTrack);
        };
        let rate_hz = parameters.sample_rate.unwrap_or(0);
        if !(SOURCE_RATE_MIN_HZ..=SOURCE_RATE_MAX_HZ).contains(&rate_hz) {
            return Err(AudioFlaw::SampleRate { rate_hz });
        }
        let options = AudioDecoderOptions::default();
        let codecs = symphonia::default::get_codecs();
        let decoder = guarded(|| codecs.make_audio_decoder(parameters, &options))
            .map_err(|error| AudioFlaw::Codec { container, detail: error.to_string() })?;
        // OGG's length is searched for and MP3's partly estimated: only these two state it.
        let exact = matches!(container, "WAV" | "FLAC");
        Ok(Self {
            track: track.id,
            promised: track.num_frames.filter(|_| exact),
            channels: parameters.channels.as_ref().map_or(0, Channels::count),
            container,
            format,
            decoder,
            rate_hz,
            decoded: 0,
            interleaved: Vec::new(),
            mono: Vec::new(),
        })
    }

    pub(super) const fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    pub(super) const fn channels(&self) -> usize {
        self.channels
    }

    /// The samples of the next packet, channels averaged; `None` at the end.
    pub(super) fn next_packet(&mut self) -> Result<Option<&[f32]>, AudioFlaw> {
        loop {
            let packet = match guarded(|| self.format.next_packet()) {
                Ok(Some(packet)) => packet,
                Ok(None) => return self.end(),
                Err(error) => return Err(self.flaw(error)),
            };
            if packet.track_id != self.track {
                continue;
            }
            if let Err(error) = guarded(|| self.take(&packet)) {
                return Err(self.flaw(error));
            }
            if !self.mono.is_empty() {
                break;
            }
        }
        if let Some(place) = self.mono.iter().position(|sample| !sample.is_finite()) {
            let seconds = self.seconds() + place as f64 / f64::from(self.rate_hz);
            return Err(AudioFlaw::NotFinite { seconds, value: self.mono[place] });
        }
        self.decoded += self.mono.len() as u64;
        Ok(Some(&self.mono))
    }

    fn take(&mut self, packet: &symphonia::core::packet::Packet) -> Result<(), Error> {
        let decoded = self.decoder.decode(packet)?;
        if decoded.spec().rate() != self.rate_hz {
            return Err(Error::Unsupported("the sample rate changes on the way"));
        }
        let channels = decoded.num_planes().max(1);
        decoded.copy_to_vec_interleaved(&mut self.interleaved);
        self.channels = channels;
        self.mono.clear();
        let share = 1.0 / channels as f32;
        let frames = self.interleaved.chunks_exact(channels);
        self.mono.extend(frames.map(|frame| frame.iter().sum::<f32>() * share));
        Ok(())
    }

    fn end(&self) -> Result<Option<&[f32]>, AudioFlaw> {
        match self.promised {
            Some(promised) if self.decoded < promised => {
                Err(AudioFlaw::Truncated { seconds: self.seconds() })
            }
            _ => Ok(None),
        }
    }

    fn seconds(&self) -> f64 {
        self.decoded as f64 / f64::from(self.rate_hz)
    }

    fn flaw(&self, error: Error) -> AudioFlaw {
        let seconds = self.seconds();
        match error {
            Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
                AudioFlaw::Truncated { seconds }
            }
            Error::Unsupported(detail) => {
                AudioFlaw::Codec { container: self.container, detail: detail.into() }
            }
            Error::ResetRequired => AudioFlaw::Codec {
                container: self.container,
                detail: "it is several recordings in a row".into(),
            },
            error => AudioFlaw::Damaged { seconds, detail: error.to_string() },
        }
    }
}

/// Runs a step of the library. On hostile bytes its arithmetic can trip an assertion; what it
/// leaves behind is not used any further.
fn guarded<T>(step: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(step))
        .unwrap_or(Err(Error::DecodeError("the decoder stumbled over it")))
}
