//! Any bytes are a scenario or an error; what resolves has only requests that can be written,
//! and a plan without secrets is the same plan but for them.

use weighbridge_experiment::load::{LoadSpec, LoadTarget};

pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // The same bytes as an address, which people write by hand too.
    if let Ok(target) = LoadTarget::parse(text.trim()) {
        assert_eq!(LoadTarget::parse(&target.to_string()).as_ref(), Ok(&target));
    }
    let Ok(spec) = LoadSpec::from_toml(text) else { return };
    let address = spec.target.clone().unwrap_or_else(|| "http://127.0.0.1/".to_owned());
    if let Ok(plan) = spec.resolve(&address) {
        assert!(plan.connections() > 0 && plan.seconds() > 0.0 && !plan.requests.is_empty());
        assert!(plan.requests.iter().all(|request| request.path.starts_with('/')));
        assert_eq!(plan.without_secrets().requests.len(), plan.requests.len());
    }
}
