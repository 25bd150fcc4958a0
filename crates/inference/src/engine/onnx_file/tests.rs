use proptest::prelude::*;

use super::*;

/// One length-delimited protobuf field shorter than 128 bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("short");
    assert!(length < 128 && number < 16);
    [&[number << 3 | 2, length], content].concat()
}

fn model() -> Vec<u8> {
    let inside = field(1, &field(4, b"Relu"));
    let branch = field(5, &field(6, &inside));
    let node = field(1, &[field(3, b"choice"), field(4, b"If"), branch].concat());
    [vec![0x08, 8], field(7, &node), field(8, &[0x10, 17])].concat()
}

#[test]
fn operators_are_found_in_nested_graphs_too() {
    let file = OnnxFile::read(&model()).expect("a model");
    let names: Vec<_> =
        file.nodes.iter().map(|node| (node.operator.as_str(), node.name.as_str())).collect();
    assert_eq!(names, [("Relu", ""), ("If", "choice")]);
}

#[test]
fn every_truncation_is_refused() {
    let model = model();
    for length in 0..model.len() {
        let flaw = OnnxFile::read(&model[..length]).expect_err("a part is missing");
        assert_eq!(flaw == OnnxFlaw::Empty, length == 0, "{length}: {flaw}");
    }
    assert_eq!(
        OnnxFile::read(&model[..10]),
        Err(OnnxFlaw::Truncated { length: 10, missing: u64::from(model[3]) - 6 })
    );
}

#[test]
fn text_is_not_a_model() {
    assert!(matches!(OnnxFile::read(b"version https://git-lfs"), Err(OnnxFlaw::NotOnnx(_))));
    assert!(matches!(OnnxFile::read(b"<html>"), Err(OnnxFlaw::NotOnnx(_))));
}

#[test]
fn a_weight_that_is_no_number_is_refused_by_the_name_of_its_tensor() {
    let model = |values: [f32; 3], kind: u8| {
        let raw = field(9, &values.map(f32::to_le_bytes).concat());
        let tensor = field(5, &[vec![0x10, kind], raw, field(8, b"stem.weight")].concat());
        [vec![0x08, 8], field(7, &tensor), field(8, &[0x10, 17])].concat()
    };
    assert!(OnnxFile::read(&model([1.0, f32::NEG_INFINITY, 0.0], 1)).is_ok());
    assert!(OnnxFile::read(&model([1.0, f32::NAN, 0.0], 6)).is_ok(), "these are integers");
    let flaw = OnnxFile::read(&model([1.0, 2.0, f32::NAN], 1));
    assert_eq!(flaw, Err(OnnxFlaw::NotANumber("stem.weight".into())));
}

#[test]
fn endless_nesting_is_refused() {
    let mut graph = field(1, &field(4, b"A"));
    for _ in 0..17 {
        graph = long_field(1, &long_field(5, &long_field(6, &graph)));
    }
    let model = [vec![0x08, 8], long_field(7, &graph), field(8, &[0x10, 17])].concat();
    assert!(matches!(OnnxFile::read(&model), Err(OnnxFlaw::NotOnnx(_))));
}

fn long_field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    assert!(length < 1 << 14);
    [&[number << 3 | 2, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8], content].concat()
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = OnnxFile::read(&bytes);
    }

    #[test]
    fn damage_never_panics(at in 0_usize..60, byte in any::<u8>()) {
        let mut model = model();
        let at = at % model.len();
        model[at] = byte;
        let _ = OnnxFile::read(&model);
    }
}

#[test]
fn types_opset_and_zero_points_are_read() {
    let kind = |element: u8| field(2, &field(1, &[0x08, element]));
    let port = |name: &[u8], element| [field(1, name), kind(element)].concat();
    let zero = field(5, &[vec![0x10, 2], field(8, b"zero"), field(9, &[100])].concat());
    let pads = field(5, &[field(1, b"pads"), field(8, &[0, 1])].concat());
    let inputs = [field(1, b"in"), field(1, b"kernel"), field(1, b"zero")].concat();
    let node = field(1, &[inputs, field(4, b"ConvInteger"), pads].concat());
    let ports = [field(11, &port(b"in", 2)), field(12, &port(b"out", 7))].concat();
    let graph = long_field(7, &[node, zero, ports].concat());
    let other_makers = field(8, &[field(1, b"com.example"), vec![0x10, 3]].concat());
    let model = [vec![0x08, 8], graph, field(8, &[0x10, 17]), other_makers].concat();
    let file = OnnxFile::read(&model).expect("a model");
    assert_eq!(file.opset, Some(17));
    assert_eq!(file.declared["in"], Some(TensorElement::U8));
    assert_eq!(file.declared["out"], Some(TensorElement::I64));
    assert_eq!(file.single_bytes["zero"], SingleByte::U8(100));
    assert!(file.nodes[0].padded);
    assert_eq!(file.nodes[0].inputs, ["in", "kernel", "zero"]);
}
