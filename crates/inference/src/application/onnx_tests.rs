use proptest::prelude::*;

use super::*;

fn port(name: &str, element: &'static str, shape: &[&str]) -> Port {
    let extent =
        |axis: &&str| axis.parse().map_or_else(|_| Extent::Free((*axis).to_owned()), Extent::Fixed);
    Port {
        name: name.into(),
        element: Some(element),
        shape: Some(shape.iter().map(extent).collect()),
    }
}

fn model(inputs: OnnxInputs, ports: &[Port]) -> OnnxModel {
    let mut model = OnnxModel::new(inputs);
    model.fit(ports, &[port("y", "f32", &["1"])]).expect("fits");
    model
}

fn axes(given: &[(&str, u64)]) -> OnnxInputs {
    let axes = given.iter().map(|(name, length)| ((*name).to_owned(), *length)).collect();
    OnnxInputs { axes, seed: 7, ..OnnxInputs::default() }
}

fn random() -> Input {
    Input::new("random", RANDOM_INPUT.to_vec())
}

/// A `.npy` of the values 0, 1, 2, … as `numpy.save` writes it.
fn npy(element: &str, shape: &[usize]) -> Input {
    let axes: String = shape.iter().map(|axis| format!("{axis}, ")).collect();
    let text = format!("{{'descr': '{element}', 'fortran_order': False, 'shape': ({axes}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(text.len()).expect("short").to_le_bytes());
    bytes.extend(text.as_bytes());
    for value in 0..shape.iter().product::<usize>() {
        match element {
            "<f4" => bytes.extend((value as f32).to_le_bytes()),
            "<i8" => bytes.extend((value as i64).to_le_bytes()),
            other => panic!("{other}"),
        }
    }
    Input::new("in.npy", bytes)
}

fn refusal(model: &mut OnnxModel, input: &Input) -> String {
    model.begin(input).expect_err("refused").to_string()
}

#[test]
fn values_are_drawn_in_the_declared_shape_and_the_same_again() {
    let ports = [port("image", "f32", &["batch", "3", "4"]), port("ids", "i32", &["2"])];
    let drawn = |seed| {
        let mut model = model(OnnxInputs { seed, ..axes(&[("batch", 2)]) }, &ports);
        model.begin(&random()).expect("drawn");
        let views = model.prepare();
        assert_eq!((views[0].shape, views[1].shape), ([2, 3, 4].as_slice(), [2].as_slice()));
        views[0].as_f32().expect("floats").to_vec()
    };
    assert!(drawn(1).iter().all(|value| (0.0..1.0).contains(value)));
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn what_is_missing_or_unknown_is_named() {
    let ports = [port("image", "f32", &["batch", "3"])];
    let refused = refusal(&mut model(axes(&[]), &ports), &random());
    assert!(refused.contains("axis `batch` of the model's input `image` f32 [batch, 3]"));
    assert!(refused.contains("axes = { batch = 1 }"), "{refused}");
    let mut wrong = OnnxModel::new(axes(&[("bach", 1)]));
    let misfit = wrong.fit(&ports, &[]).expect_err("no such axis");
    assert_eq!(misfit.expected, "an open axis `bach`, as `axes` names it,");
    let drawn = FixedTensor::Drawn { element: None, shape: None, low: None, high: None };
    let fixed = [("imgae".to_owned(), drawn)].into();
    let mut wrong = OnnxModel::new(OnnxInputs { fixed, ..OnnxInputs::default() });
    assert!(wrong.fit(&ports, &[]).expect_err("no such input").expected.contains("imgae"));
}

#[test]
fn arrays_of_another_rank_type_or_length_are_refused() {
    let ports = [port("x", "f32", &["n", "3"])];
    let mut one = model(axes(&[]), &ports);
    one.begin(&npy("<f4", &[5, 3])).expect("an open axis takes any length");
    assert_eq!(one.prepare()[0].shape, [5, 3]);
    assert!(refusal(&mut one, &npy("<f4", &[3])).contains("rank 1"));
    assert!(refusal(&mut one, &npy("<f4", &[5, 4])).contains("axis 1"));
    assert!(refusal(&mut one, &npy("<i8", &[5, 3])).contains("i64 values"));
    let mut given = model(axes(&[("n", 2)]), &ports);
    assert!(refusal(&mut given, &npy("<f4", &[5, 3])).contains("axis 0"));
    let mut half = model(axes(&[]), &[port("x", "f16", &["3"])]);
    assert!(refusal(&mut half, &random()).contains("`x` is f16"));
    let mut two = model(axes(&[("n", 1)]), &[ports[0].clone(), port("z", "f32", &["1"])]);
    assert!(refusal(&mut two, &npy("<f4", &[1, 3])).contains("has 2 inputs"));
}

#[test]
fn a_named_tensor_leaves_the_other_input_to_the_file() {
    let ports = [port("x", "f32", &["3"]), port("scale", "f32", &["1"])];
    let tensor = Tensor::f32(vec![1], vec![0.5]);
    let fixed = FixedTensor::Given { tensor: tensor.clone(), file: "scale.npy".into() };
    let fixed = [("scale".to_owned(), fixed)].into();
    let mut model = model(OnnxInputs { fixed, ..OnnxInputs::default() }, &ports);
    model.begin(&npy("<f4", &[3])).expect("both are there");
    let views = model.prepare();
    assert_eq!(views[0].as_f32(), Some([0.0, 1.0, 2.0].as_slice()));
    assert_eq!(views[1], tensor.view());
}

#[test]
fn whole_numbers_go_to_an_engine_of_32_bits_where_they_fit() {
    let mut model = model(axes(&[]), &[port("ids", "i32", &["n"])]);
    model.begin(&npy("<i8", &[4])).expect("they fit");
    assert_eq!(model.prepare()[0].values.element().as_str(), "i32");
    let large = Tensor { shape: vec![1], values: Values::I64(vec![1 << 40]) };
    assert!(of_type(&port("ids", "i32", &["n"]), large, "x").is_err());
}

proptest! {
    #[test]
    fn drawn_values_keep_their_range(
        low in -100.0_f64..100.0,
        width in 1.0_f64..50.0,
        element in prop::sample::select(TensorElement::ALL.to_vec()),
    ) {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        match draw(&mut random, element, 50, (Some(low), Some(low + width))) {
            Values::F64(values) => {
                prop_assert!(values.iter().all(|value| (low..=low + width).contains(value)));
            }
            Values::I64(values) => {
                prop_assert!(values.iter().all(|v| (low.floor()..low + width).contains(&(*v as f64))));
            }
            other => prop_assert_eq!(other.view().count(), 50),
        }
    }

    #[test]
    fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut model = model(axes(&[("n", 2)]), &[port("x", "f32", &["n", "3"])]);
        let _ = model.begin(&Input::new("any", bytes));
    }
}
