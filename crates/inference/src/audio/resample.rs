//! A stream of one rate into a stream of another, without the resampler's delay.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

use super::AudioFlaw;

/// Input samples a block: 64 ms at 16 kHz. Rates without a common divisor get longer ones.
const BLOCK_SAMPLES: usize = 1024;

/// Band-limited resampling of a mono stream by the ratio of two rates.
///
/// The output is as long as the input in time, rounded up: the filter's delay is cut off at
/// the start and made up for at the end.
pub(super) struct Resampler {
    inner: Fft<f32>,
    from_hz: u32,
    to_hz: u32,
    /// Input that does not fill a block yet.
    waiting: Vec<f32>,
    block: Vec<f32>,
    /// Output samples still to be dropped: the filter's delay.
    delay: usize,
    taken: u64,
    given: u64,
}

impl Resampler {
    pub(super) fn new(from_hz: u32, to_hz: u32) -> Result<Self, AudioFlaw> {
        let inner = Fft::new(from_hz as usize, to_hz as usize, BLOCK_SAMPLES, 1, FixedSync::Input)
            .map_err(|error| AudioFlaw::Resample { rate_hz: from_hz, detail: error.to_string() })?;
        Ok(Self {
            block: vec![0.0; inner.output_frames_max()],
            delay: inner.output_delay(),
            inner,
            from_hz,
            to_hz,
            waiting: Vec::new(),
            taken: 0,
            given: 0,
        })
    }

    /// Samples that are held back.
    pub(super) fn buffered(&self) -> usize {
        self.waiting.len() + self.block.len()
    }

    /// Takes samples of any count and appends what can be given already.
    pub(super) fn push(&mut self, samples: &[f32], output: &mut Vec<f32>) -> Result<(), AudioFlaw> {
        self.taken += samples.len() as u64;
        self.waiting.extend_from_slice(samples);
        let mut used = 0;
        loop {
            let needed = self.inner.input_frames_next();
            if self.waiting.len() - used < needed {
                break;
            }
            self.convert(used, needed, output)?;
            used += needed;
        }
        self.waiting.drain(..used);
        Ok(())
    }

    /// Appends the rest, as if silence followed.
    pub(super) fn finish(&mut self, output: &mut Vec<f32>) -> Result<(), AudioFlaw> {
        let total = (self.taken * u64::from(self.to_hz)).div_ceil(u64::from(self.from_hz));
        while self.given < total {
            let needed = self.inner.input_frames_next();
            self.waiting.resize(needed.max(self.waiting.len()), 0.0);
            self.convert(0, needed, output)?;
            self.waiting.clear();
        }
        let surplus = usize::try_from(self.given - total).unwrap_or(0);
        output.truncate(output.len() - surplus.min(output.len()));
        self.given = total;
        Ok(())
    }

    fn convert(
        &mut self,
        from: usize,
        count: usize,
        output: &mut Vec<f32>,
    ) -> Result<(), AudioFlaw> {
        let rate_hz = self.from_hz;
        let failed = |detail: String| AudioFlaw::Resample { rate_hz, detail };
        let input = InterleavedSlice::new(&self.waiting[from..from + count], 1, count)
            .map_err(|error| failed(error.to_string()))?;
        let room = self.block.len();
        let mut block = InterleavedSlice::new_mut(&mut self.block, 1, room)
            .map_err(|error| failed(error.to_string()))?;
        let (_, made) = self
            .inner
            .process_into_buffer(&input, &mut block, Some(&Indexing::new()))
            .map_err(|error| failed(error.to_string()))?;
        let dropped = self.delay.min(made);
        self.delay -= dropped;
        output.extend_from_slice(&self.block[dropped..made]);
        self.given += (made - dropped) as u64;
        Ok(())
    }
}
