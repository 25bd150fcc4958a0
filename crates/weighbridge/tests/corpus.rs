//! The seeds of the fuzz targets, replayed on every compiler. A file that the fuzzer breaks
//! comes into its folder before the code is fixed.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

#[path = "../../../fuzz/properties/decode_audio.rs"]
mod decode_audio;
#[path = "../../../fuzz/properties/decode_photo.rs"]
mod decode_photo;
#[path = "../../../fuzz/properties/load_model.rs"]
mod load_model;
#[path = "../../../fuzz/properties/read_bill.rs"]
mod read_bill;
#[path = "../../../fuzz/properties/read_experiment.rs"]
mod read_experiment;
#[path = "../../../fuzz/properties/read_labels.rs"]
mod read_labels;
#[path = "../../../fuzz/properties/read_load.rs"]
mod read_load;
#[path = "../../../fuzz/properties/read_npy.rs"]
mod read_npy;

/// A property that has to hold for any bytes.
type Check = fn(&[u8]);

const TARGETS: [(&str, Check); 8] = [
    ("decode_audio", decode_audio::check),
    ("decode_photo", decode_photo::check),
    ("load_model", load_model::check),
    ("read_bill", read_bill::check),
    ("read_experiment", read_experiment::check),
    ("read_labels", read_labels::check),
    ("read_load", read_load::check),
    ("read_npy", read_npy::check),
];

fn fuzz() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

#[test]
fn every_seed_keeps_its_property() {
    let mut broken = Vec::new();
    for (target, check) in TARGETS {
        let folder = fuzz().join("corpus_seed").join(target);
        let seeds = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{target}: {error}"));
        let mut count = 0;
        for seed in seeds {
            let path = seed.expect("an entry").path();
            let bytes = fs::read(&path).expect("a file");
            count += 1;
            if catch_unwind(AssertUnwindSafe(|| check(&bytes))).is_err() {
                broken.push(path.display().to_string());
            }
        }
        assert!(count >= 5, "{target}: only {count} seeds are left");
    }
    assert!(broken.is_empty(), "these seeds break their property: {broken:#?}");
}

#[test]
fn every_fuzz_target_is_replayed() {
    let mut declared: Vec<String> = fs::read_dir(fuzz().join("fuzz_targets"))
        .expect("the targets are part of the repository")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().replace(".rs", ""))
        .collect();
    declared.sort();
    assert_eq!(declared, TARGETS.map(|(target, _)| target));
}
