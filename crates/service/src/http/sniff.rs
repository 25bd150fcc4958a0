//! What a file is, by its first bytes: the type that a client states decides nothing.

/// The media type of a photo or recording; `application/octet-stream` for anything else,
/// which no browser shows.
pub(crate) fn media_type(bytes: &[u8]) -> &'static str {
    let inside = |at: usize, what: &[u8]| bytes.get(at..at + what.len()) == Some(what);
    if inside(0, b"\xff\xd8\xff") {
        "image/jpeg"
    } else if inside(0, b"\x89PNG\r\n\x1a\n") {
        "image/png"
    } else if inside(0, b"RIFF") && inside(8, b"WEBP") {
        "image/webp"
    } else if inside(0, b"RIFF") && inside(8, b"WAVE") {
        "audio/wav"
    } else if inside(0, b"fLaC") {
        "audio/flac"
    } else if inside(0, b"OggS") {
        "audio/ogg"
    } else if inside(0, b"ID3")
        || bytes.get(..2).is_some_and(|b| b[0] == 0xff && b[1] & 0xe0 == 0xe0)
    {
        "audio/mpeg"
    } else {
        "application/octet-stream"
    }
}

#[cfg(test)]
mod tests {
    use super::media_type;
    use weighbridge_experiment::ApplicationName;
    use weighbridge_inference::catalogue::shipped;

    #[test]
    fn every_sample_is_recognised_and_markup_is_not_shown() {
        for name in ApplicationName::ALL {
            for (file, bytes) in shipped(name).samples {
                let found = media_type(bytes);
                let wanted = match file.rsplit('.').next().expect("an extension") {
                    "jpg" => "image/jpeg",
                    "mp3" => "audio/mpeg",
                    "wav" | "flac" | "ogg" => {
                        &format!("audio/{}", &file[file.len() - 4..].trim_start_matches('.'))
                    }
                    other => &format!("image/{other}"),
                };
                assert_eq!(found, wanted, "{file}");
            }
        }
        for bytes in [&b""[..], b"<html>", b"<svg xmlns", b"RIFF....AVI ", b"\xff"] {
            assert_eq!(media_type(bytes), "application/octet-stream");
        }
    }
}
