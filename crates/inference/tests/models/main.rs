//! The shipped models, measured again from files in the repository: golden tensors, the
//! quality promised in the model cards, and sessions on real and on bad input.

mod derain;
mod golden;
mod metrics;
mod sessions;
mod traffic_light;

use std::num::NonZeroU32;
use std::path::PathBuf;

use weighbridge_experiment::ApplicationName;
use weighbridge_inference::catalogue::shipped;
use weighbridge_inference::engine::{Engine, RtenEngine};

fn models() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

fn model(name: ApplicationName) -> Vec<u8> {
    (shipped(name).model)().into_owned()
}

fn engine(name: ApplicationName) -> RtenEngine {
    RtenEngine::load(model(name), NonZeroU32::MIN).expect("the shipped model loads")
}
