//! Any text is an experiment or a list of problems.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weighbridge_experiment::file::parse;

fuzz_target!(|text: &str| {
    let _ = parse(text, "fuzzed.toml");
});
