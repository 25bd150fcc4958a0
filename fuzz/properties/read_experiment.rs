//! Any text is an experiment or a list of problems.

use weighbridge_experiment::file::parse;

pub(crate) fn check(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        let _ = parse(text, "fuzzed.toml");
    }
}
