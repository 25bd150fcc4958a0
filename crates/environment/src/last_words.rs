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
    Ok(whole_lines(&bytes, start == 0))
}

/// The same of a text that is already here.
pub(crate) fn end_of(text: &[u8]) -> String {
    let longest = usize::try_from(LAST_WORDS_BYTES_MAX).unwrap_or(usize::MAX);
    let start = text.len().saturating_sub(longest);
    whole_lines(&text[start..], start == 0)
}

/// What a guest's console says of its end, in a sentence: what our first process complained of,
/// else a panic, else the last line.
pub(crate) fn console_says(console: &str) -> String {
    let telling = ["weighbridge guest:", "Kernel panic", ""];
    let line = telling.iter().find_map(|word| {
        console.lines().rfind(|line| !line.trim().is_empty() && line.contains(word))
    });
    match line {
        Some(line) => format!("its console said: {}", line.trim()),
        None => "its console said nothing".to_owned(),
    }
}

fn whole_lines(bytes: &[u8], from_the_beginning: bool) -> String {
    let text = String::from_utf8_lossy(bytes);
    // A first line that was cut in half says something that nobody wrote.
    let whole = match (from_the_beginning, text.find('\n')) {
        (true, _) | (_, None) => &text[..],
        (false, Some(end)) => &text[end + 1..],
    };
    whole.trim_end().to_owned()
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
        assert_eq!(end_of(&std::fs::read(&path).unwrap()), text);
        assert!(text.len() <= 4096);
        assert!(text.starts_with("line "), "{text}");
        assert!(text.ends_with("line 1999"));
    }

    #[test]
    fn a_console_is_told_by_the_line_that_says_why() {
        assert!(console_says("one\ntwo\n\n").ends_with("said: two"));
        assert!(console_says("Kernel panic - x\n---[ end").ends_with("said: Kernel panic - x"));
        let ours = "weighbridge guest: no port\nKernel panic\nreboot: Restarting system";
        assert!(console_says(ours).ends_with("said: weighbridge guest: no port"));
        assert!(console_says("\n").ends_with("said nothing"));
    }
}
