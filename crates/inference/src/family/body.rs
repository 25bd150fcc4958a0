//! The two bodies of RetinaFace: what turns a photo into feature maps of strides 8, 16, 32.

use super::graph::{Activation, Convolution, Feature, Graph};

/// MobileNet v1 at a quarter of its width (arXiv:1704.04861), with the leaky rectifiers of
/// the public PyTorch RetinaFace: 64, 128 and 256 channels.
pub(super) fn mobilenet_025(graph: &mut Graph, input: &Feature) -> [Feature; 3] {
    const LEAKY: Activation = Activation::LeakyRelu(0.1);
    let stem = Convolution::new(8, 3, 2);
    let mut feature = graph.convolution(input, "body.stage1.0.0", stem, LEAKY);
    // Channels and strides of the depthwise blocks in each stage.
    let stages: [&[(usize, usize)]; 3] = [
        &[(16, 1), (32, 2), (32, 1), (64, 2), (64, 1)],
        &[(128, 2), (128, 1), (128, 1), (128, 1), (128, 1), (128, 1)],
        &[(256, 2), (256, 1)],
    ];
    let mut stage_ends = stages.into_iter().enumerate().map(|(stage, blocks)| {
        // The first stage's block 0 is the stem.
        let first = usize::from(stage == 0);
        for (index, (channels, stride)) in blocks.iter().enumerate() {
            let name = format!("body.stage{}.{}", stage + 1, first + index);
            let depthwise =
                Convolution { depthwise: true, ..Convolution::new(feature.channels, 3, *stride) };
            let filtered = graph.convolution(&feature, &format!("{name}.0"), depthwise, LEAKY);
            let mix = Convolution::new(*channels, 1, 1);
            feature = graph.convolution(&filtered, &format!("{name}.3"), mix, LEAKY);
        }
        feature.clone()
    });
    std::array::from_fn(|_| stage_ends.next().expect("there are three stages"))
}

/// ResNet-50 (arXiv:1512.03385) with the stride in the 3 × 3 convolution, as torchvision has
/// it: 512, 1,024 and 2,048 channels.
pub(super) fn resnet_50(graph: &mut Graph, input: &Feature) -> [Feature; 3] {
    let stem = Convolution::new(64, 7, 2);
    let stem = graph.convolution(input, "body.conv1", stem, Activation::Relu);
    let mut feature = graph.max_pool(&stem, "body.maxpool", 3, 2);
    let mut ends = Vec::new();
    for (stage, blocks) in [3, 4, 6, 3].into_iter().enumerate() {
        let channels = 64 << stage;
        for block in 0..blocks {
            let name = format!("body.layer{}.{block}", stage + 1);
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            feature = bottleneck(graph, &feature, &name, channels, stride);
        }
        ends.push(feature.clone());
    }
    let mut ends = ends.into_iter().skip(1);
    std::array::from_fn(|_| ends.next().expect("there are four stages"))
}

/// 1 × 1, 3 × 3, 1 × 1 to four times the channels, beside the input itself.
fn bottleneck(
    graph: &mut Graph,
    input: &Feature,
    name: &str,
    channels: usize,
    stride: usize,
) -> Feature {
    let relu = Activation::Relu;
    let layer = Convolution::new(channels, 1, 1);
    let narrow = graph.convolution(input, &format!("{name}.conv1"), layer, relu);
    let layer = Convolution::new(channels, 3, stride);
    let filtered = graph.convolution(&narrow, &format!("{name}.conv2"), layer, relu);
    // A branch weaker than what it is added to keeps sixteen sums from growing.
    let layer = Convolution::new(4 * channels, 1, 1).gain(0.5);
    let wide = graph.convolution(&filtered, &format!("{name}.conv3"), layer, Activation::None);
    let beside = if input.channels == 4 * channels {
        input.clone()
    } else {
        let layer = Convolution::new(4 * channels, 1, stride);
        graph.convolution(input, &format!("{name}.downsample.0"), layer, Activation::None)
    };
    let sum = graph.add(&wide, &beside, &format!("{name}.add"));
    // What is added to was rectified already, so most of the sum is positive and stays.
    let power = 0.6 * sum.power;
    Feature { power, ..graph.activate(sum, relu) }
}
