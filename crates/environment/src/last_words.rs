//! The end of what a process wrote to its standard error.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Longest text kept.
pub(crate) const LAST_WORDS_BYTES_MAX: u64 = 4096;

/// The last whole lines of a file, at most 4 KiB. Bytes that are not UTF-8 are replaced.
pub(crate) fn last_words(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(LAST_WORDS_BYTES_MAX);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(LAST_WORDS_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // A first line that was cut in half says something that nobody wrote.
    let whole = match (start, text.find('\n')) {
        (0, _) | (_, None) => &text[..],
        (_, Some(end)) => &text[end + 1..],
    };
    Ok(whole.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_of_the_end_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stderr.log");
        std::fs::write(&path, "one\ntwo\n").unwrap();
        assert_eq!(last_words(&path).unwrap(), "one\ntwo");
        let long: String = (0..2000).map(|n| format!("line {n:04}\n")).collect();
        std::fs::write(&path, long).unwrap();
        let text = last_words(&path).unwrap();
        assert!(text.len() <= 4096);
        assert!(text.starts_with("line "), "{text}");
        assert!(text.ends_with("line 1999"));
    }
}
