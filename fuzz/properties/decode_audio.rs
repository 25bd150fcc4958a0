//! Any bytes are audio or an error: never a panic, never a sample that is no number, never
//! other than the number of samples that was asked for until the end.

use weighbridge_inference::audio::{AudioStream, RATE_HZ};

/// A second; a damaged header may claim hours, of which this many are read.
const PORTION: usize = RATE_HZ as usize;
const PORTIONS_MAX: usize = 60;

pub(crate) fn check(bytes: &[u8]) {
    let Ok(mut stream) = AudioStream::open(bytes.into(), "fuzzed") else { return };
    let mut window = Vec::new();
    for _ in 0..PORTIONS_MAX {
        window.clear();
        let Ok(count) = stream.read(PORTION, &mut window) else { return };
        assert_eq!(count, window.len());
        assert!(window.iter().all(|sample| sample.is_finite()));
        if count < PORTION {
            return;
        }
    }
}
