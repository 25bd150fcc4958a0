//! YOLOv5, releases 6 and 7: a CSP body with a 6 × 6 stem and SPPF, a PAN neck, three heads.
//!
//! Layers and numbers are those of `models/yolov5n.yaml` and `yolov5s.yaml` of the public
//! repository (ultralytics/yolov5, v7.0), batch normalisation folded as its export folds it.
//! Names of weights are those of the folded PyTorch module, so that a state dictionary and
//! this graph can be held against one another.

use super::graph::{Activation, Convolution, Feature, Graph, HeadRow};
use super::onnx::Attribute;
use super::{Form, INPUT_SIDE};

/// What distinguishes the sizes of the family.
pub(super) struct Size {
    /// Channels behind the stem: 64 times the width multiple.
    stem: usize,
    /// Bottlenecks in the four stages of the body: 3, 6, 9, 3 times the depth multiple.
    depths: [usize; 4],
    /// Bias of objectness: few of the 25,200 anchors hold an object. Chosen by what is left of
    /// the sample photos' boxes with the seeds that ship.
    objectness_bias: f32,
}

/// Width multiple 0.25, depth multiple 0.33.
pub(super) const NANO: Size = Size { stem: 16, depths: [1, 2, 3, 1], objectness_bias: -9.0 };
/// Width multiple 0.50, depth multiple 0.33.
pub(super) const SMALL: Size = Size { stem: 32, depths: [1, 2, 3, 1], objectness_bias: -7.75 };

const CLASSES: usize = 80;
const ANCHORS_PER_CELL: usize = 3;
/// x, y, width, height, objectness, and the classes.
const VALUES: usize = 5 + CLASSES;

/// Width and height of the anchors in pixels, by stride 8, 16, 32 (the yaml files' `anchors`).
const ANCHORS: [[f32; 6]; 3] = [
    [10.0, 13.0, 16.0, 30.0, 33.0, 23.0],
    [30.0, 61.0, 62.0, 45.0, 59.0, 119.0],
    [116.0, 90.0, 156.0, 198.0, 373.0, 326.0],
];
const STRIDES: [usize; 3] = [8, 16, 32];

/// Mean square of the pixels of photos, from 0 to 1.
const PHOTO_POWER: f32 = 0.25;

/// Boxes stay near their anchors.
const BOX: HeadRow = HeadRow { gain: 0.5, bias: 0.0 };
/// Of the scores: they differ enough from place to place for some to pass.
const SCORE_GAIN: f32 = 4.5;
/// Most of the 80 classes are improbable at any place.
const CLASS: HeadRow = HeadRow { gain: SCORE_GAIN, bias: -3.0 };

/// Writes the whole network into `graph`.
pub(super) fn build(graph: &mut Graph, size: &Size, form: Form) {
    let input = graph.input("images", INPUT_SIDE, PHOTO_POWER);
    let levels = features(graph, &input, size);
    match form {
        Form::Exported => decoded(graph, &levels, size),
        Form::RawHeads => {
            for (level, feature) in levels.iter().enumerate() {
                let head = head(graph, level, feature, size.objectness_bias);
                let name = output_name(level);
                graph.node("Identity", &[&head.name], &name, &[]);
                graph.output(&name, &[1, head.channels, head.height, head.width]);
            }
        }
        Form::RawAnchors => {
            for (level, feature) in levels.iter().enumerate() {
                let name = output_name(level);
                let head = head(graph, level, feature, size.objectness_bias);
                by_anchor(graph, level, &head, &name);
                graph.output(&name, &[1, ANCHORS_PER_CELL, head.height, head.width, VALUES]);
            }
        }
    }
}

fn output_name(level: usize) -> String {
    format!("output{level}")
}

/// Body and neck; the numbers in the names are those of the yaml file's layers.
fn features(graph: &mut Graph, input: &Feature, size: &Size) -> [Feature; 3] {
    let width = size.stem;
    let stem = Convolution { padding: 2, ..Convolution::new(width, 6, 2) };
    let mut feature = graph.convolution(input, "model.0.conv", stem, Activation::Silu);
    let mut stages = Vec::new();
    for (stage, depth) in size.depths.into_iter().enumerate() {
        let channels = width << (stage + 1);
        let number = 2 * stage + 1;
        feature = conv(graph, &feature, &format!("model.{number}"), channels, 3, 2);
        let name = format!("model.{}", number + 1);
        feature = csp(graph, &feature, &name, channels, depth, true);
        stages.push(feature.clone());
    }
    let pooled = sppf(graph, &feature, "model.9", 16 * width);

    let top = conv(graph, &pooled, "model.10", 8 * width, 1, 1);
    let joined = up_and_join(graph, &top, &stages[2], 11);
    let middle = csp(graph, &joined, "model.13", 8 * width, size.depths[0], false);
    let narrowed = conv(graph, &middle, "model.14", 4 * width, 1, 1);
    let joined = up_and_join(graph, &narrowed, &stages[1], 15);
    let small = csp(graph, &joined, "model.17", 4 * width, size.depths[0], false);

    let down = conv(graph, &small, "model.18", 4 * width, 3, 2);
    let joined = graph.concat(&down, &[&narrowed], "model.19");
    let medium = csp(graph, &joined, "model.20", 8 * width, size.depths[0], false);
    let down = conv(graph, &medium, "model.21", 8 * width, 3, 2);
    let joined = graph.concat(&down, &[&top], "model.22");
    let large = csp(graph, &joined, "model.23", 16 * width, size.depths[0], false);
    [small, medium, large]
}

fn conv(
    graph: &mut Graph,
    input: &Feature,
    name: &str,
    channels: usize,
    kernel: usize,
    stride: usize,
) -> Feature {
    let layer = Convolution::new(channels, kernel, stride);
    graph.convolution(input, &format!("{name}.conv"), layer, Activation::Silu)
}

fn up_and_join(graph: &mut Graph, input: &Feature, with: &Feature, number: usize) -> Feature {
    let larger = graph.upsample_twice(input, &format!("model.{number}"));
    graph.concat(&larger, &[with], &format!("model.{}", number + 1))
}

/// A cross-stage partial block with three convolutions (`C3`): one half of the channels
/// passes through `depth` bottlenecks, the other does not.
fn csp(
    graph: &mut Graph,
    input: &Feature,
    name: &str,
    channels: usize,
    depth: usize,
    shortcut: bool,
) -> Feature {
    let half = channels / 2;
    let mut inner = conv(graph, input, &format!("{name}.cv1"), half, 1, 1);
    for index in 0..depth {
        let block = format!("{name}.m.{index}");
        let narrow = conv(graph, &inner, &format!("{block}.cv1"), half, 1, 1);
        let out = conv(graph, &narrow, &format!("{block}.cv2"), half, 3, 1);
        inner = if shortcut { graph.add(&inner, &out, &format!("{block}.add")) } else { out };
    }
    let outer = conv(graph, input, &format!("{name}.cv2"), half, 1, 1);
    let joined = graph.concat(&inner, &[&outer], &format!("{name}.concat"));
    conv(graph, &joined, &format!("{name}.cv3"), channels, 1, 1)
}

/// Spatial pyramid pooling, the fast form: three 5 × 5 poolings in a row.
fn sppf(graph: &mut Graph, input: &Feature, name: &str, channels: usize) -> Feature {
    let first = conv(graph, input, &format!("{name}.cv1"), channels / 2, 1, 1);
    let pooled = graph.max_pool(&first, &format!("{name}.m.0"), 5, 1);
    let twice = graph.max_pool(&pooled, &format!("{name}.m.1"), 5, 1);
    let thrice = graph.max_pool(&twice, &format!("{name}.m.2"), 5, 1);
    let joined = graph.concat(&first, &[&pooled, &twice, &thrice], &format!("{name}.concat"));
    conv(graph, &joined, &format!("{name}.cv2"), channels, 1, 1)
}

fn head(graph: &mut Graph, level: usize, feature: &Feature, objectness_bias: f32) -> Feature {
    let mut rows = Vec::with_capacity(ANCHORS_PER_CELL * VALUES);
    for _ in 0..ANCHORS_PER_CELL {
        rows.extend([BOX; 4]);
        rows.push(HeadRow { gain: SCORE_GAIN, bias: objectness_bias });
        rows.extend([CLASS; CLASSES]);
    }
    graph.head(feature, &format!("model.24.m.{level}"), &rows)
}

/// `[1, 255, h, w]` to `[1, 3, h, w, 85]`.
fn by_anchor(graph: &mut Graph, level: usize, head: &Feature, output: &str) {
    let shape = [1, ANCHORS_PER_CELL, VALUES, head.height, head.width];
    let (shape_name, folded) =
        (format!("model.24.shape.{level}"), format!("model.24.reshape.{level}"));
    graph.integers(&shape_name, &super::onnx::lengths(&shape));
    graph.node("Reshape", &[&head.name, &shape_name], &folded, &[]);
    let order = [("perm", Attribute::Integers(&[0, 1, 3, 4, 2]))];
    graph.node("Transpose", &[&folded], output, &order);
}

/// The decoding of the public export (`Detect.forward` when exporting), all levels behind one
/// another: centre = (2σ − 0.5 + cell) · stride, size = (2σ)² · anchor, scores = σ.
fn decoded(graph: &mut Graph, levels: &[Feature; 3], size: &Size) {
    graph.floats("model.24.two", &[], &[2.0]);
    graph.integers("model.24.parts", &[2, 2, 1 + CLASSES as i64]);
    let mut boxes = 0;
    let mut rows = Vec::new();
    for (level, feature) in levels.iter().enumerate() {
        boxes += ANCHORS_PER_CELL * feature.height * feature.width;
        rows.push(decoded_level(graph, level, feature, size));
    }
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    graph.node("Concat", &rows, &output_name(0), &[("axis", Attribute::Integer(1))]);
    graph.output(&output_name(0), &[1, boxes, VALUES]);
}

fn decoded_level(graph: &mut Graph, level: usize, feature: &Feature, size: &Size) -> String {
    let name = |part: &str| format!("model.24.{part}.{level}");
    let head = head(graph, level, feature, size.objectness_bias);
    by_anchor(graph, level, &head, &name("logits"));
    graph.node("Sigmoid", &[&name("logits")], &name("sigmoid"), &[]);
    let parts = [&*name("centre"), &*name("size"), &*name("scores")];
    let last_axis = ("axis", Attribute::Integer(4));
    graph.nodes("Split", &[&name("sigmoid"), "model.24.parts"], &parts, &[last_axis]);

    let (height, width) = (head.height, head.width);
    let cells = (0..height * width).flat_map(|cell| [cell % width, cell / width]);
    let cells: Vec<f32> = cells.map(|cell| cell as f32 - 0.5).collect();
    graph.floats(&name("cells"), &[1, 1, height, width, 2], &cells);
    graph.floats(&name("stride"), &[], &[STRIDES[level] as f32]);
    graph.floats(&name("anchors"), &[1, ANCHORS_PER_CELL, 1, 1, 2], &ANCHORS[level]);

    graph.node("Mul", &[parts[0], "model.24.two"], &name("centre_twice"), &[]);
    graph.node("Add", &[&name("centre_twice"), &name("cells")], &name("centre_cell"), &[]);
    graph.node("Mul", &[&name("centre_cell"), &name("stride")], &name("centre_pixel"), &[]);
    graph.node("Mul", &[parts[1], "model.24.two"], &name("size_twice"), &[]);
    graph.node("Pow", &[&name("size_twice"), "model.24.two"], &name("size_square"), &[]);
    graph.node("Mul", &[&name("size_square"), &name("anchors")], &name("size_pixel"), &[]);
    let joined = [&*name("centre_pixel"), &*name("size_pixel"), parts[2]];
    let last_axis = ("axis", Attribute::Integer(4));
    graph.node("Concat", &joined, &name("boxes"), &[last_axis]);

    let shape = [1, ANCHORS_PER_CELL * height * width, VALUES];
    graph.integers(&name("rows_shape"), &super::onnx::lengths(&shape));
    graph.node("Reshape", &[&name("boxes"), &name("rows_shape")], &name("rows"), &[]);
    name("rows")
}
