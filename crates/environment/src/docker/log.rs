//! The log of a container, in the frames in which the daemon sends it.
//!
//! A frame is a byte for the stream (2 is standard error), three zeros, the length in four
//! bytes, most significant first, and that many bytes.

const STANDARD_ERROR: u8 = 2;
const HEADER_BYTES: usize = 8;

/// What was written to standard error. A frame that was cut short counts as far as it goes.
pub(super) fn standard_error(mut frames: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    while let Some((header, rest)) = frames.split_first_chunk::<HEADER_BYTES>() {
        let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
        let (content, next) = rest.split_at(length);
        if header[0] == STANDARD_ERROR {
            text.extend_from_slice(content);
        }
        frames = next;
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(stream: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0], &length[..], content].concat()
    }

    proptest! {
        #[test]
        fn standard_error_is_told_from_standard_output(
            parts in proptest::collection::vec((1_u8..=2, "[a-z\n]{0,20}"), 0..8),
        ) {
            let sent: Vec<u8> =
                parts.iter().flat_map(|(stream, text)| frame(*stream, text.as_bytes())).collect();
            let wanted: String =
                parts.iter().filter(|(stream, _)| *stream == 2).map(|(_, text)| &**text).collect();
            prop_assert_eq!(standard_error(&sent), wanted.into_bytes());
        }

        #[test]
        fn reading_frames_never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            prop_assert!(standard_error(&bytes).len() <= bytes.len());
        }
    }
}
