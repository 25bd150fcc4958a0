//! Whether a JPEG file has its end.
//!
//! The decoder fills what is missing with grey and says nothing, which would make half a
//! photo a fast one. Deliberately no decoding here: only markers are looked at.

/// Whether an end-of-image marker follows the first scan.
///
/// Inside entropy-coded data the byte 0xff is always followed by 0x00 or a restart marker
/// (ITU-T T.81, B.1.1.5), so the pair 0xff 0xd9 after the first start-of-scan is the marker
/// itself. It is looked for only there: a thumbnail inside the EXIF block has an end too.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let Some(scan) = first_scan(bytes) else {
        return false;
    };
    bytes[scan..].windows(2).rev().any(|pair| pair == [0xff, 0xd9])
}

/// Where the first start-of-scan segment begins.
fn first_scan(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        // Fill bytes may stand before any marker.
        while *bytes.get(at)? == 0xff {
            at += 1;
        }
        match *bytes.get(at)? {
            0xda => return Some(at),
            // Markers without a length: temporary, restart.
            0x01 | 0xd0..=0xd7 => at += 1,
            _ => {
                let length = bytes.get(at + 1..at + 3)?;
                at += 1 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    #[test]
    fn the_end_of_a_thumbnail_is_not_the_end_of_the_photo() {
        let thumbnail = [0xff, 0xe1, 0, 4, 0xff, 0xd9];
        let scan = [0xff, 0xda, 0, 2, 0x12, 0xff, 0x00, 0x34];
        let cut = [&[0xff, 0xd8][..], &thumbnail, &scan].concat();
        assert!(!is_whole(&cut));
        assert!(is_whole(&[&cut[..], &[0xff, 0xd9]].concat()));
        assert!(
            is_whole(&[&cut[..], &[0xff, 0xd9, 0, 0]].concat()),
            "padding after the end is allowed"
        );
    }

    #[test]
    fn a_header_alone_is_not_whole() {
        assert!(!is_whole(&[0xff, 0xd8]));
        assert!(!is_whole(&[0xff, 0xd8, 0xff, 0xff, 0xff]));
        assert!(!is_whole(&[0xff]));
    }
}
