//! The shipped models, measured again from files in the repository: golden tensors, the
//! quality promised in the model cards, and sessions on real and on bad input.

mod atlas;
mod classifiers;
mod derain;
mod engines;
mod exports;
mod golden;
mod int8;
mod metrics;
mod seeded;
mod sessions;
mod speech_to_text;

use std::num::NonZeroU32;
use std::path::PathBuf;

use weighbridge_experiment::ApplicationName;
use weighbridge_inference::catalogue::shipped;
use weighbridge_inference::engine::{Engine, LibraryFiles, RtenEngine};

fn models() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

fn model(name: ApplicationName) -> Vec<u8> {
    (shipped(name).model)().into_owned()
}

fn engine(name: ApplicationName) -> RtenEngine {
    RtenEngine::load(model(name), NonZeroU32::MIN).expect("the shipped model loads")
}

/// The ONNX Runtime that the tests may load: `$WEIGHBRIDGE_TEST_ONNXRUNTIME`, as `./test` sets
/// it, or `$ORT_DYLIB_PATH`. Says so where there is none.
#[allow(clippy::print_stdout, reason = "what is left out must be seen")]
fn onnxruntime() -> Option<LibraryFiles> {
    let named = |name| std::env::var_os(name).filter(|path| !path.is_empty());
    let library = named("WEIGHBRIDGE_TEST_ONNXRUNTIME").or_else(|| named("ORT_DYLIB_PATH"));
    if library.is_none() {
        println!("LEFT OUT: onnxruntime: its library is not here; ./test installs it");
    }
    library.map(|library| LibraryFiles { library: library.into(), dependencies: Vec::new() })
}
