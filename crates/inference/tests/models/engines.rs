//! What engines take and give besides floats, and what they refuse: on the small models of
//! `fixtures/` (made by `fixtures/make.py`, which prints what Python's onnxruntime computes).

use std::path::PathBuf;

use weighbridge_inference::engine::{
    Engine, EngineError, EngineSource, TensorView, Values, ValuesView,
};

use crate::onnxruntime;

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/models/fixtures");
    std::fs::read(path.join(format!("{name}.onnx"))).expect("the fixture is there")
}

fn sources() -> Vec<EngineSource> {
    let onnxruntime = onnxruntime().map(EngineSource::OnnxRuntime);
    [Some(EngineSource::Rten), onnxruntime].into_iter().flatten().collect()
}

fn load(source: &EngineSource, name: &str) -> Result<Box<dyn Engine>, EngineError> {
    source.load(fixture(name), 1)
}

fn run(source: &EngineSource, name: &str, shape: &[usize], values: ValuesView<'_>) -> Values {
    let mut engine = load(source, name).unwrap_or_else(|error| panic!("{name}: {error}"));
    let outputs = engine.run(&[TensorView { shape, values }]);
    let mut outputs = outputs.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(outputs.len(), 1);
    outputs.remove(0).values
}

#[test]
fn every_element_type_comes_back_as_it_went_in() {
    let all = [
        ("echo_f32", Values::F32(vec![1.5, -2.0, f32::MAX])),
        ("echo_f64", Values::F64(vec![1.5, -2.0, 1024.0])),
        ("echo_i8", Values::I8(vec![1, -128, 127])),
        ("echo_u8", Values::U8(vec![0, 128, 255])),
        ("echo_i32", Values::I32(vec![0, i32::MIN, i32::MAX])),
        ("echo_i64", Values::I64(vec![0, -5, 1 << 20])),
        ("echo_bool", Values::Bool(vec![true, false, true])),
    ];
    for source in sources() {
        for (name, values) in &all {
            let engine = load(&source, name).unwrap_or_else(|error| panic!("{name}: {error}"));
            let declared = values.view().element().as_str();
            assert_eq!(engine.inputs()[0].element, Some(declared), "{name} in {source:?}");
            assert_eq!(engine.outputs()[0].element, Some(declared), "{name} in {source:?}");
            drop(engine);
            assert_eq!(&run(&source, name, &[3], values.view()), values, "{name} in {source:?}");
        }
    }
}

#[test]
fn an_integer_that_an_engine_would_cut_is_refused() {
    let mut engine = load(&EngineSource::Rten, "echo_i64").expect("it loads");
    let large = [1_i64 << 40];
    let refused = engine.run(&[TensorView { shape: &[1], values: ValuesView::I64(&large) }]);
    let refused = refused.expect_err("it does not fit").to_string();
    assert!(refused.contains("`in`") && refused.contains("engine onnxruntime"), "{refused}");
    for source in sources().into_iter().skip(1) {
        let found = run(&source, "echo_i64", &[1], ValuesView::I64(&large));
        assert_eq!(found, Values::I64(large.to_vec()));
    }
}

#[test]
fn inputs_that_do_not_fit_are_refused_by_name() {
    for source in sources() {
        let mut engine = load(&source, "echo_f32").expect("it loads");
        let values = ValuesView::F32(&[1.0, 2.0]);
        let refused = engine.run(&[TensorView { shape: &[3], values }]).expect_err("too few");
        assert!(matches!(refused, EngineError::InputLength { .. }), "{refused}");
        let refused = engine.run(&[]).expect_err("none");
        assert!(matches!(refused, EngineError::InputCount { expected: 1, found: 0 }), "{refused}");
    }
}

/// 4 × 4 pixels of 0, 9, 18 … and what Python's onnxruntime makes of them.
const CONVOLVED: [(&str, &[i32]); 3] = [
    ("plain_100", &[207, 288, 531, 612]),
    (
        "padded_128",
        &[-1149, -1317, -1182, -583, -342, -45, 36, 237, -18, 279, 360, 345, 117, 285, 258, 179],
    ),
    (
        "padded_100",
        &[-813, -897, -762, -359, -90, 207, 288, 321, 234, 531, 612, 429, 117, 201, 174, 67],
    ),
];

#[test]
fn quantised_convolutions_are_right_or_refused() {
    let pixels: Vec<u8> = (0..16).map(|index| index * 9).collect();
    for source in sources() {
        for (name, expected) in CONVOLVED {
            let name = format!("conv_integer_{name}");
            if source == EngineSource::Rten && name.ends_with("padded_100") {
                let refused = load(&source, &name).err().expect("rten computes it wrongly");
                assert!(matches!(refused, EngineError::RefusedOperator { .. }), "{refused}");
                continue;
            }
            let found = run(&source, &name, &[1, 1, 4, 4], ValuesView::U8(&pixels));
            assert_eq!(found, Values::I32(expected.to_vec()), "{name} in {source:?}");
        }
    }
}

#[test]
fn operators_and_opsets_that_are_not_supported_are_named() {
    for source in sources() {
        let words = |name: &str| load(&source, name).err().map(|error| error.to_string());
        let unknown = words("unknown_operator").expect("nobody knows it");
        assert!(unknown.contains("Frobnicate"), "{unknown}");
        println!("{unknown}");
        let future = words("future_opset").expect("nobody knows it");
        assert!(future.contains("99"), "{future}");
        println!("{future}");
        let rare = words("rare_operator");
        if source == EngineSource::Rten {
            let rare = rare.expect("rten has no such operator");
            assert!(rare.contains("Det") && rare.contains("the engine onnxruntime"), "{rare}");
        } else {
            assert_eq!(rare, None);
        }
    }
}

#[test]
fn a_process_holds_one_library_only_and_says_so() {
    let Some(files) = onnxruntime() else { return };
    EngineSource::OnnxRuntime(files.clone()).load(fixture("echo_f32"), 1).expect("it loads");
    let mut other = files;
    other.library = PathBuf::from("/nowhere/libonnxruntime.so");
    let refused = EngineSource::OnnxRuntime(other).load(fixture("echo_f32"), 1);
    let refused = refused.err().expect("another library");
    let cause = std::error::Error::source(&refused).expect("a cause").to_string();
    assert!(cause.contains("/nowhere/libonnxruntime.so") && cause.contains("one only"), "{cause}");
}

#[test]
fn a_gpu_that_is_not_there_is_an_error_and_never_the_processor() {
    let Some(files) = onnxruntime() else { return };
    match EngineSource::OnnxRuntimeCuda(files).load(fixture("echo_f32"), 1) {
        Ok(engine) => assert_eq!(engine.identity().name, "onnxruntime-cuda"),
        Err(refused) => {
            println!("hardware absent: {refused}");
            assert!(matches!(refused, EngineError::NoCuda { .. }), "{refused}");
        }
    }
}
