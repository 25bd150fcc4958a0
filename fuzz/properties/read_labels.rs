//! Any bytes are labels or an error; what was read and written again is read as the same.

use weighbridge_inference::Labels;

pub(crate) fn check(bytes: &[u8]) {
    if let Ok(labels) = Labels::parse(bytes, "fuzzed.txt") {
        let names: Vec<String> = labels.iter().map(ToString::to_string).collect();
        assert!(names.len() == labels.count() && names.iter().all(|name| !name.is_empty()));
        let again = Labels::parse(names.join("\n").as_bytes(), "again.txt");
        assert_eq!(again.as_ref(), Ok(&labels));
    }
}
