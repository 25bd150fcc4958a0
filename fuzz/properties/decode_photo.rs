//! Any bytes are a photo or an error: never a panic, never more memory than the rule allows.

use weighbridge_inference::{PIXELS_MAX, Photo};

pub(crate) fn check(bytes: &[u8]) {
    if let Ok(photo) = Photo::decode(bytes, "fuzzed") {
        let pixels = u64::from(photo.width()) * u64::from(photo.height());
        assert!(pixels > 0 && pixels <= PIXELS_MAX);
        assert_eq!(photo.rgb().len() as u64, pixels * 3);
    }
}
