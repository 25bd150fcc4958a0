//! How long audio is cut into windows that overlap, and how their frames become one row of
//! frames again.
//!
//! A word on the border of two windows is heard whole by one of them: windows overlap, and
//! within the overlap the frames change over from one to the other at one place, in a pause.
//! What is joined is frames, not words, so nothing is said twice.

/// Samples of a window where the model takes any length: 15 s.
const WINDOW_SAMPLES: usize = 240_000;

/// Samples that two windows share: 3 s, several times what a convolutional model sees to
/// either side.
const OVERLAP_SAMPLES: usize = 48_000;

/// Windows begin at multiples of this, 20 ms, so that the frames of neighbours coincide for
/// models of 10 and 20 ms a frame.
const GRID_SAMPLES: usize = 320;

/// Audio is filled up with silence to multiples of 0.1 s …
const FILL_SAMPLES: usize = 1_600;

/// … and to at least 1 s: encoders fail on audio shorter than their widest filter.
const SHORTEST_SAMPLES: usize = 16_000;

/// Which samples each window takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Windows {
    /// Samples of a full window.
    pub(super) length: usize,
    /// Samples that it shares with the next.
    pub(super) overlap: usize,
    fixed: bool,
}

impl Windows {
    /// For a model that takes exactly `fixed` samples, or any number.
    pub(super) fn new(fixed: Option<usize>) -> Self {
        let length = fixed.unwrap_or(WINDOW_SAMPLES);
        let step = (length - OVERLAP_SAMPLES.min(length / 5)) / GRID_SAMPLES * GRID_SAMPLES;
        Self { length, overlap: length - step, fixed: fixed.is_some() }
    }

    /// How far a window begins after the one before.
    pub(super) const fn step(&self) -> usize {
        self.length - self.overlap
    }

    /// To how many samples a window that holds `count` is filled up with silence.
    pub(super) fn filled(&self, count: usize) -> usize {
        if self.fixed {
            return self.length;
        }
        let rounded = count.div_ceil(FILL_SAMPLES) * FILL_SAMPLES;
        rounded.max(SHORTEST_SAMPLES).min(self.length.max(count))
    }
}

/// The frames of one window: rows of `labels` log-probabilities.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frames<'a> {
    pub(super) rows: &'a [f32],
    pub(super) labels: usize,
    /// Samples of the window that they came from, filling included.
    pub(super) samples: usize,
}

/// Joins the frames of windows.
#[derive(Debug, Clone)]
pub(super) struct Seam {
    blank: usize,
    windows: Windows,
    /// Rows of the window before that the next window has too.
    tail: Vec<f32>,
}

impl Seam {
    pub(super) const fn new(blank: usize, windows: Windows) -> Self {
        Self { blank, windows, tail: Vec::new() }
    }

    /// Takes the frames of the next window and hands every row on once, in order.
    pub(super) fn join(&mut self, frames: Frames<'_>, last: bool, mut give: impl FnMut(&[f32])) {
        let labels = frames.labels.max(1);
        let count = frames.rows.len() / labels;
        let shared = count.min(self.tail.len() / labels);
        let change = self.quietest(frames, shared);
        self.tail.chunks_exact(labels).take(change).for_each(&mut give);
        // Where the next window begins, in frames of this one.
        let next = if last {
            count
        } else {
            let share = self.windows.step() as f64 / frames.samples as f64;
            ((count as f64 * share).round() as usize).clamp(change, count)
        };
        frames.rows[change * labels..next * labels].chunks_exact(labels).for_each(&mut give);
        self.tail.clear();
        self.tail.extend_from_slice(&frames.rows[next * labels..count * labels]);
    }

    /// The frame in the middle half of the overlap about which both windows are surest that
    /// nothing is being said. Equally sure ones: the one nearest to the middle.
    fn quietest(&self, frames: Frames<'_>, shared: usize) -> usize {
        let labels = frames.labels.max(1);
        // An encoder that sees all of its window may place a letter a frame or two elsewhere.
        let hush = |rows: &[f32], frame: usize| -> f32 {
            let around = frame.saturating_sub(2)..(frame + 3).min(shared);
            around.map(|frame| rows[frame * labels + self.blank]).fold(0.0, f32::min)
        };
        let middle = shared / 2;
        let mut best = (middle, f32::NEG_INFINITY);
        for distance in 0..=shared / 4 {
            for frame in [middle.saturating_sub(distance), middle + distance] {
                if frame >= shared {
                    continue;
                }
                let value = hush(&self.tail, frame) + hush(frames.rows, frame);
                if value > best.1 {
                    best = (frame, value);
                }
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Frames of two labels that carry their own number, as a model with a local view gives.
    fn local_frames(start: usize, samples: usize) -> Vec<f32> {
        let frames = start / GRID_SAMPLES..(start + samples) / GRID_SAMPLES;
        frames.flat_map(|frame| [-((frame * 37 % 11) as f32), frame as f32]).collect()
    }

    fn joined(total: usize, windows: Windows) -> Vec<usize> {
        let mut seam = Seam::new(0, windows);
        let (mut start, mut numbers) = (0, Vec::new());
        loop {
            let samples = windows.length.min(total - start);
            let rows = local_frames(start, samples);
            let last = start + samples == total;
            let frames = Frames { rows: &rows, labels: 2, samples };
            seam.join(frames, last, |row| numbers.push(row[1] as usize));
            if last {
                return numbers;
            }
            start += windows.step();
        }
    }

    #[test]
    fn short_audio_is_filled_up_and_a_fixed_window_always() {
        let free = Windows::new(None);
        assert_eq!((free.length, free.overlap, free.step()), (240_000, 48_000, 192_000));
        assert_eq!(free.filled(1), 16_000);
        assert_eq!(free.filled(16_001), 17_600);
        assert_eq!(free.filled(240_000), 240_000);
        let fixed = Windows::new(Some(48_000));
        assert_eq!((fixed.overlap, fixed.filled(1)), (9_600, 48_000));
    }

    #[test]
    fn the_change_over_is_where_both_windows_are_quiet() {
        let windows = Windows::new(Some(40 * GRID_SAMPLES));
        let mut seam = Seam::new(0, windows);
        let loud = [-9.0, 0.0];
        seam.tail = [loud; 20].concat();
        let mut rows = [loud; 40].concat();
        for frame in 5..=9 {
            (seam.tail[frame * 2], rows[frame * 2]) = (0.0, 0.0);
        }
        let frames = Frames { rows: &rows, labels: 2, samples: 40 * GRID_SAMPLES };
        assert_eq!(seam.quietest(frames, 20), 7);
    }

    proptest! {
        #[test]
        fn every_frame_comes_once_and_in_order(frames in 1_usize..400, window in 10_usize..80) {
            let windows = Windows::new(Some(window * GRID_SAMPLES));
            let numbers = joined(frames * GRID_SAMPLES, windows);
            prop_assert_eq!(numbers, (0..frames).collect::<Vec<_>>());
        }
    }
}
