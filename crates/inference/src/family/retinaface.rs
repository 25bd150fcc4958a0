//! RetinaFace (arXiv:1905.00641) as its public PyTorch form exports it (biubug6,
//! `Pytorch_Retinaface`): a body, a feature pyramid, a context module for each of three
//! strides, and heads for two priors a cell.
//!
//! Outputs: `loc` `[1, N, 4]` and `landms` `[1, N, 10]` relative to the priors, `conf`
//! `[1, N, 2]` (no face, face) after the softmax.

use super::graph::{Activation, Convolution, Feature, Graph, HeadRow};
use super::onnx::{Attribute, lengths};
use super::{INPUT_SIDE, body};

/// What turns the photo into features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    MobileNet025,
    ResNet50,
}

impl Body {
    /// Gain of the logits. The deeper body's features vary less from place to place.
    const fn score_gain(self) -> f32 {
        match self {
            Self::MobileNet025 => 1.4,
            Self::ResNet50 => 2.1,
        }
    }
}

const PRIORS_PER_CELL: usize = 2;

/// Mean square of photos in levels of 0 to 255 from which the mean colour is taken.
const PHOTO_POWER: f32 = 5_000.0;

/// Bias of the logits against a face. Of the 16,800 priors, some hundreds then pass the first
/// threshold and some tens the last, as in a photo with faces.
const NO_FACE_BIAS: f32 = 4.5;
const BOX: HeadRow = HeadRow { gain: 0.5, bias: 0.0 };
const LANDMARK: HeadRow = HeadRow { gain: 0.3, bias: 0.0 };

/// Writes the whole network into `graph`.
pub(super) fn build(graph: &mut Graph, network: Body) {
    let input = graph.input("input0", INPUT_SIDE, PHOTO_POWER);
    let (levels, channels) = match network {
        Body::MobileNet025 => (body::mobilenet_025(graph, &input), 64),
        Body::ResNet50 => (body::resnet_50(graph, &input), 256),
    };
    // The public code leaks only where the pyramid is narrow.
    let activation = if channels <= 64 { Activation::LeakyRelu(0.1) } else { Activation::Relu };
    let pyramid = pyramid(graph, &levels, channels, activation);
    let mut number = 0;
    let contexts = pyramid.map(|level| {
        number += 1;
        context(graph, &level, &format!("ssh{number}"), activation)
    });
    heads(graph, &contexts, network.score_gain());
}

/// The feature pyramid: each level sees the next coarser one.
fn pyramid(
    graph: &mut Graph,
    levels: &[Feature; 3],
    channels: usize,
    activation: Activation,
) -> [Feature; 3] {
    let mut lateral = |level: usize| {
        let layer = Convolution::new(channels, 1, 1);
        let name = format!("fpn.output{}.0", level + 1);
        graph.convolution(&levels[level], &name, layer, activation)
    };
    let (fine, middle, coarse) = (lateral(0), lateral(1), lateral(2));
    let mut merge = |upper: &Feature, lower: &Feature, number: usize| {
        let larger = graph.upsample_twice(upper, &format!("fpn.up{number}"));
        let sum = graph.add(lower, &larger, &format!("fpn.add{number}"));
        let layer = Convolution::new(channels, 3, 1);
        graph.convolution(&sum, &format!("fpn.merge{number}.0"), layer, activation)
    };
    let middle = merge(&coarse, &middle, 2);
    let fine = merge(&middle, &fine, 1);
    [fine, middle, coarse]
}

/// The context module (SSH, arXiv:1708.03979): 3 × 3, 5 × 5 and 7 × 7 neighbourhoods, the
/// larger two as rows of 3 × 3 convolutions, beside one another.
fn context(graph: &mut Graph, input: &Feature, name: &str, activation: Activation) -> Feature {
    let channels = input.channels;
    let mut conv = |from: &Feature, part: &str, outputs: usize, activation| {
        let layer = Convolution::new(outputs, 3, 1);
        graph.convolution(from, &format!("{name}.{part}.0"), layer, activation)
    };
    let three = conv(input, "conv3X3", channels / 2, Activation::None);
    let shared = conv(input, "conv5X5_1", channels / 4, activation);
    let five = conv(&shared, "conv5X5_2", channels / 4, Activation::None);
    let wider = conv(&shared, "conv7X7_2", channels / 4, activation);
    let seven = conv(&wider, "conv7x7_3", channels / 4, Activation::None);
    let joined = graph.concat(&three, &[&five, &seven], &format!("{name}.concat"));
    graph.activate(joined, Activation::Relu)
}

fn heads(graph: &mut Graph, levels: &[Feature; 3], score_gain: f32) {
    let priors = levels.iter().map(|level| PRIORS_PER_CELL * level.height * level.width).sum();
    let boxes = head(graph, levels, "BboxHead", &[BOX; 4]);
    concat(graph, &boxes, "loc");
    graph.output("loc", &[1, priors, 4]);

    let score = |bias| HeadRow { gain: score_gain, bias };
    let scores = [score(NO_FACE_BIAS), score(-NO_FACE_BIAS)];
    let scores = head(graph, levels, "ClassHead", &scores);
    concat(graph, &scores, "ClassHead.concat");
    graph.node("Softmax", &["ClassHead.concat"], "conf", &[("axis", Attribute::Integer(2))]);
    graph.output("conf", &[1, priors, 2]);

    let landmarks = head(graph, levels, "LandmarkHead", &[LANDMARK; 10]);
    concat(graph, &landmarks, "landms");
    graph.output("landms", &[1, priors, 10]);
}

fn concat(graph: &mut Graph, rows: &[String], output: &str) {
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    graph.node("Concat", &rows, output, &[("axis", Attribute::Integer(1))]);
}

/// One head at each level, each `[1, priors of the level, values of a prior]`.
fn head(graph: &mut Graph, levels: &[Feature; 3], name: &str, prior: &[HeadRow]) -> Vec<String> {
    let rows = prior.repeat(PRIORS_PER_CELL);
    let mut names = Vec::new();
    for (index, level) in levels.iter().enumerate() {
        let head = graph.head(level, &format!("{name}.{index}.conv1x1"), &rows);
        let part = |part: &str| format!("{name}.{index}.{part}");
        let order = [("perm", Attribute::Integers(&[0, 2, 3, 1]))];
        graph.node("Transpose", &[&head.name], &part("permute"), &order);
        let priors = PRIORS_PER_CELL * level.height * level.width;
        graph.integers(&part("shape"), &lengths(&[1, priors, prior.len()]));
        graph.node("Reshape", &[&part("permute"), &part("shape")], &part("rows"), &[]);
        names.push(part("rows"));
    }
    names
}
