#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../properties/read_load.rs"]
mod property;

fuzz_target!(|bytes: &[u8]| property::check(bytes));
