use sha2::{Digest, Sha256};

use super::*;
use crate::engine::OnnxFile;

/// How far a count is from what was published, in percent.
fn percent_off(found: u64, published: f64) -> f64 {
    (found as f64 / published - 1.0).abs() * 100.0
}

/// Published parameters and operations, batch normalisation folded, 640 × 640. Sources in
/// `models/object-detection.md` and `models/face-detection.md`.
#[test]
fn parameters_and_operations_are_the_published_ones() {
    let published = [
        (ModelFamily::Yolov5n, 1_867_405.0, Some(4.5e9)),
        (ModelFamily::Yolov5s, 7_225_885.0, Some(16.5e9)),
        // 1.7 MB of 32-bit floats; nobody published its operations at this size.
        (ModelFamily::RetinaFaceMobileNet025, 1.7e6 / 4.0, None),
        (ModelFamily::RetinaFaceResNet50, 27.2646e6, Some(88.8627e9)),
    ];
    for (family, parameters, operations) in published {
        let cost = family.cost();
        let off = percent_off(cost.parameters, parameters);
        assert!(off <= 2.0, "{family}: {} parameters, {off:.2} % off", cost.parameters);
        if let Some(operations) = operations {
            let found = cost.floating_point_operations();
            let off = percent_off(found, operations);
            assert!(off <= 2.0, "{family}: {found} operations, {off:.2} % off");
        }
    }
    // Where the published number is exact, so is ours.
    assert_eq!(ModelFamily::Yolov5n.cost().parameters, 1_867_405);
    assert_eq!(ModelFamily::Yolov5s.cost().parameters, 7_225_885);
}

#[test]
fn a_seed_gives_the_same_bytes_everywhere() {
    let digest = |bytes: &[u8]| hex(&Sha256::digest(bytes));
    let written = [
        (ModelFamily::Yolov5n, "4038b5bd9cd25606b3222a0b93ee2f9c864abf1d06d1ebe05e40225ad8dac87f"),
        (ModelFamily::Yolov5s, "5631e25e78553000a88cff74c1f6a877db28ca81a8bbde842e9649a02c732947"),
        (
            ModelFamily::RetinaFaceMobileNet025,
            "aed3bb43a7777d7183cddce0d5260c2713489cd269b8377c67fb50c205a59f4d",
        ),
        (
            ModelFamily::RetinaFaceResNet50,
            "4602c3f9522fc286b3f66c191923be87190c3db249ba5390e46365655bf9b8f9",
        ),
    ];
    for (family, expected) in written {
        assert_eq!(digest(&family.default_model()), expected, "{family}");
    }
    let other = ModelFamily::Yolov5n.generate(1, Form::Exported).expect("it has this form");
    assert_ne!(digest(&other), written[0].1);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn operators_are_those_of_the_public_exports() {
    let count = |family: ModelFamily, operator: &str| {
        let file = OnnxFile::read(&family.default_model()).expect("a whole model");
        file.nodes.iter().filter(|node| node.operator == operator).count()
    };
    // 57 convolutions with SiLU and three heads.
    assert_eq!(count(ModelFamily::Yolov5n, "Conv"), 60);
    assert_eq!(count(ModelFamily::Yolov5s, "MaxPool"), 3);
    assert_eq!(count(ModelFamily::Yolov5s, "Resize"), 2);
    // 27 in the body, 5 in the pyramid, 15 in the context modules, 9 heads.
    assert_eq!(count(ModelFamily::RetinaFaceMobileNet025, "Conv"), 56);
    // 53 in the body.
    assert_eq!(count(ModelFamily::RetinaFaceResNet50, "Conv"), 82);
}

#[test]
fn names_lead_back_to_families_and_forms() {
    for family in ModelFamily::ALL {
        assert_eq!(ModelFamily::from_name(family.name()), Ok(family));
    }
    for form in Form::ALL {
        assert_eq!(form.name().parse(), Ok(form));
    }
    let error = ModelFamily::from_name("yolov5x").expect_err("there is none");
    assert_eq!(
        error.to_string(),
        "`yolov5x` is no model family; there are yolov5n, yolov5s, retinaface-mobilenet0.25, \
         retinaface-resnet50"
    );
    let error = ModelFamily::RetinaFaceResNet50.generate(1, Form::RawHeads);
    assert_eq!(
        error.expect_err("no such form").to_string(),
        "`retinaface-resnet50` has no form `raw-heads`; it has exported"
    );
}
