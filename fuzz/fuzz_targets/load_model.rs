//! Any bytes are a model or an error. What loads is not run: a damaged model may ask for
//! any amount of memory.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weighbridge_experiment::ApplicationName;
use weighbridge_inference::Session;

fuzz_target!(|bytes: &[u8]| {
    for name in ApplicationName::ALL {
        let _ = Session::load(name, bytes.to_vec(), 1);
    }
});
