//! Any bytes are a photo or an error: never a panic, never more memory than the rule allows.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weighbridge_inference::{PIXELS_MAX, Photo};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(photo) = Photo::decode(bytes, "fuzzed") {
        let pixels = u64::from(photo.width()) * u64::from(photo.height());
        assert!(pixels > 0 && pixels <= PIXELS_MAX);
        assert_eq!(photo.rgb().len() as u64, pixels * 3);
    }
});
