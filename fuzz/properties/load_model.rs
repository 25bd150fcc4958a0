//! Any bytes are a model or an error, and any model fits an application or is told why not.
//! What loads is not run: a damaged model may ask for any amount of memory.

use std::num::NonZeroU32;

use weighbridge_experiment::ApplicationName;
use weighbridge_inference::application::application;
use weighbridge_inference::engine::{Engine, RtenEngine};

pub(crate) fn check(bytes: &[u8]) {
    if let Ok(engine) = RtenEngine::load(bytes.to_vec(), NonZeroU32::MIN) {
        for name in ApplicationName::ALL {
            let _ = application(name, None).fit(engine.inputs(), engine.outputs());
        }
    }
}
