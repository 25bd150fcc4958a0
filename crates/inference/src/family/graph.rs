//! Layers, appended one after the other to a graph.
//!
//! Beside its name and shape, each feature map carries its expected power: the variance of its
//! values (the mean of their squares at the input), without the mean that filters do not see.
//! A convolution divides its weights by the root of it, so that activations stay near 1
//! through any number of layers, as batch normalisation keeps them in training.

use rten_onnx::onnx::GraphProto;

use super::Cost;
use super::onnx::{self, Attribute};
use super::weights::Weights;

/// A tensor `[1, channels, height, width]` inside a graph.
#[derive(Debug, Clone)]
pub(super) struct Feature {
    pub(super) name: String,
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// Expected variance of its values.
    pub(super) power: f32,
}

/// A convolution with a square kernel, padded so that only its stride changes the size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Convolution {
    pub(super) outputs: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    /// Each channel has a filter of its own.
    pub(super) depthwise: bool,
    /// Root mean square of the result.
    pub(super) gain: f32,
}

impl Convolution {
    /// Kernel of odd side, padded by half of it.
    pub(super) const fn new(outputs: usize, kernel: usize, stride: usize) -> Self {
        Self { outputs, kernel, stride, padding: kernel / 2, depthwise: false, gain: 1.0 }
    }

    pub(super) const fn gain(mut self, gain: f32) -> Self {
        self.gain = gain;
        self
    }
}

/// What follows a convolution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Activation {
    None,
    /// x · sigmoid(x).
    Silu,
    Relu,
    /// Relu that keeps this part of negative values.
    LeakyRelu(f32),
}

impl Activation {
    /// Variance of its result for a normally distributed input of variance 1.
    fn power(self) -> f32 {
        // The square of the mean of the positive half of a normal distribution.
        const HALF_MEAN_SQUARED: f32 = 0.159;
        match self {
            Self::None => 1.0,
            // 0.313 by numerical integration; a little more where the input is larger.
            Self::Silu => 0.335,
            Self::Relu => 0.5 - HALF_MEAN_SQUARED,
            Self::LeakyRelu(slope) => {
                let kept = 1.0 - slope;
                f32::midpoint(1.0, slope * slope) - kept * kept * HALF_MEAN_SQUARED
            }
        }
    }
}

/// Gain and bias of one output of a head's convolution.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadRow {
    pub(super) gain: f32,
    pub(super) bias: f32,
}

/// A graph under construction.
pub(super) struct Graph {
    written: GraphProto,
    /// `None` where only the cost is asked for.
    weights: Option<Weights>,
    cost: Cost,
}

impl Graph {
    pub(super) fn seeded(seed: u64) -> Self {
        Self { weights: Some(Weights::new(seed)), ..Self::without_weights() }
    }

    pub(super) fn without_weights() -> Self {
        Self { written: GraphProto::default(), weights: None, cost: Cost::default() }
    }

    pub(super) const fn cost(&self) -> Cost {
        self.cost
    }

    pub(super) fn encode(self, name: &str) -> Vec<u8> {
        onnx::file(name, self.written)
    }

    /// The one input, `[1, 3, side, side]`. `power` is the mean of its squares on photos.
    pub(super) fn input(&mut self, name: &str, side: usize, power: f32) -> Feature {
        self.written.input.push(onnx::port(name, &[1, 3, side, side]));
        Feature { name: name.into(), channels: 3, height: side, width: side, power }
    }

    pub(super) fn output(&mut self, name: &str, shape: &[usize]) {
        self.written.output.push(onnx::port(name, shape));
    }

    /// Any operator with one output, whose name is also the node's.
    pub(super) fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, Attribute<'_>)],
    ) {
        self.nodes(operator, inputs, &[output], attributes);
    }

    pub(super) fn nodes(
        &mut self,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) {
        self.written.node.push(onnx::node(operator, inputs, outputs, attributes));
    }

    pub(super) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.written.initializer.push(onnx::float_tensor(name, shape, values));
    }

    pub(super) fn integers(&mut self, name: &str, values: &[i64]) {
        self.written.initializer.push(onnx::integer_tensor(name, values));
    }

    /// A convolution with what batch normalisation leaves of itself when folded: a bias.
    pub(super) fn convolution(
        &mut self,
        input: &Feature,
        name: &str,
        layer: Convolution,
        activation: Activation,
    ) -> Feature {
        // Small biases of both signs, as folded normalisation leaves them.
        let filters = Filters { rows: None, bias_scale: 0.5 };
        let convolved = self.convolve(input, name, layer, &filters);
        self.activate(convolved, activation)
    }

    /// A head's 1 × 1 convolution: each output has a gain and a bias of its own.
    pub(super) fn head(&mut self, input: &Feature, name: &str, rows: &[HeadRow]) -> Feature {
        let filters = Filters { rows: Some(rows), bias_scale: 0.0 };
        self.convolve(input, name, Convolution::new(rows.len(), 1, 1), &filters)
    }

    fn convolve(
        &mut self,
        input: &Feature,
        name: &str,
        layer: Convolution,
        filters: &Filters<'_>,
    ) -> Feature {
        let groups = if layer.depthwise { input.channels } else { 1 };
        let shape = [layer.outputs, input.channels / groups, layer.kernel, layer.kernel];
        let filter_length = shape[1] * layer.kernel * layer.kernel;
        let size = |side: usize| (side + 2 * layer.padding - layer.kernel) / layer.stride + 1;
        let (height, width) = (size(input.height), size(input.width));
        self.count(layer.outputs, filter_length, height * width);

        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        if let Some(weights) = &mut self.weights {
            let (values, biases) = filters.draw(weights, input, layer, filter_length);
            self.floats(&weight, &shape, &values);
            self.floats(&bias, &[layer.outputs], &biases);
        }
        let (kernel, stride, padding) = (
            onnx::lengths(&[layer.kernel; 2]),
            onnx::lengths(&[layer.stride; 2]),
            onnx::lengths(&[layer.padding; 4]),
        );
        let attributes = [
            ("dilations", Attribute::Integers(&[1, 1])),
            ("group", Attribute::Integer(onnx::lengths(&[groups])[0])),
            ("kernel_shape", Attribute::Integers(&kernel)),
            ("pads", Attribute::Integers(&padding)),
            ("strides", Attribute::Integers(&stride)),
        ];
        self.node("Conv", &[&input.name, &weight, &bias], name, &attributes);
        // The variance of numbers spread evenly over [-s, s] is s²/3.
        let power = layer.gain * layer.gain + filters.bias_scale * filters.bias_scale / 3.0;
        Feature { name: name.into(), channels: layer.outputs, height, width, power }
    }

    fn count(&mut self, outputs: usize, filter_length: usize, positions: usize) {
        self.cost.parameters += (outputs * filter_length + outputs) as u64;
        self.cost.multiply_accumulates += (outputs * filter_length * positions) as u64;
    }

    pub(super) fn activate(&mut self, input: Feature, activation: Activation) -> Feature {
        let power = input.power * activation.power();
        let name = match activation {
            Activation::None => return input,
            Activation::Silu => {
                let gate = format!("{}.sigmoid", input.name);
                self.node("Sigmoid", &[&input.name], &gate, &[]);
                let name = format!("{}.silu", input.name);
                self.node("Mul", &[&input.name, &gate], &name, &[]);
                name
            }
            Activation::Relu => {
                let name = format!("{}.relu", input.name);
                self.node("Relu", &[&input.name], &name, &[]);
                name
            }
            Activation::LeakyRelu(slope) => {
                let name = format!("{}.leaky_relu", input.name);
                let attributes = [("alpha", Attribute::Float(slope))];
                self.node("LeakyRelu", &[&input.name], &name, &attributes);
                name
            }
        };
        Feature { name, power, ..input }
    }

    /// The largest of each `kernel` × `kernel` neighbourhood.
    pub(super) fn max_pool(
        &mut self,
        input: &Feature,
        name: &str,
        kernel: usize,
        stride: usize,
    ) -> Feature {
        let padding = kernel / 2;
        let size = |side: usize| (side + 2 * padding - kernel) / stride + 1;
        let (kernels, strides, pads) = (
            onnx::lengths(&[kernel; 2]),
            onnx::lengths(&[stride; 2]),
            onnx::lengths(&[padding; 4]),
        );
        let attributes = [
            ("kernel_shape", Attribute::Integers(&kernels)),
            ("pads", Attribute::Integers(&pads)),
            ("strides", Attribute::Integers(&strides)),
        ];
        self.node("MaxPool", &[&input.name], name, &attributes);
        let (height, width) = (size(input.height), size(input.width));
        // Seen on the sample photos: the largest of like neighbours varies somewhat more.
        let power = input.power * 1.6;
        Feature { name: name.into(), height, width, power, ..*input }
    }

    /// Each value four times: twice the height and width, as `nearest` does it in PyTorch.
    pub(super) fn upsample_twice(&mut self, input: &Feature, name: &str) -> Feature {
        let scales = format!("{name}.scales");
        self.floats(&scales, &[4], &[1.0, 1.0, 2.0, 2.0]);
        let attributes = [
            ("coordinate_transformation_mode", Attribute::Text("asymmetric")),
            ("mode", Attribute::Text("nearest")),
            ("nearest_mode", Attribute::Text("floor")),
        ];
        self.node("Resize", &[&input.name, "", &scales], name, &attributes);
        let (height, width) = (2 * input.height, 2 * input.width);
        Feature { name: name.into(), height, width, ..*input }
    }

    /// Feature maps of one size behind one another.
    pub(super) fn concat(&mut self, first: &Feature, others: &[&Feature], name: &str) -> Feature {
        let parts: Vec<&Feature> = std::iter::once(first).chain(others.iter().copied()).collect();
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        self.node("Concat", &names, name, &[("axis", Attribute::Integer(1))]);
        let channels = parts.iter().map(|part| part.channels).sum();
        let squares: f32 = parts.iter().map(|part| part.power * part.channels as f32).sum();
        Feature { name: name.into(), channels, power: squares / channels as f32, ..*first }
    }

    /// The sum of two feature maps of one shape.
    pub(super) fn add(&mut self, first: &Feature, second: &Feature, name: &str) -> Feature {
        self.node("Add", &[&first.name, &second.name], name, &[]);
        Feature { name: name.into(), power: first.power + second.power, ..*first }
    }
}

/// How the filters of one convolution are drawn.
struct Filters<'a> {
    rows: Option<&'a [HeadRow]>,
    bias_scale: f32,
}

impl Filters<'_> {
    fn draw(
        &self,
        weights: &mut Weights,
        input: &Feature,
        layer: Convolution,
        filter_length: usize,
    ) -> (Vec<f32>, Vec<f32>) {
        // Neither single channels nor the three of a photo may be centred: what would be left
        // of a smooth surface is nearly nothing.
        let centred = !layer.depthwise && input.channels > 3;
        let mut values = Vec::with_capacity(layer.outputs * filter_length);
        let mut biases = Vec::with_capacity(layer.outputs);
        for output in 0..layer.outputs {
            let row = self.rows.map(|rows| rows[output]);
            let gain = row.map_or(layer.gain, |row| row.gain);
            // A sum over independent inputs has the power of one times the filter's norm.
            values.extend(weights.filter(filter_length, gain / input.power.sqrt(), centred));
            let bias = weights.symmetric() * self.bias_scale;
            biases.push(row.map_or(bias, |row| row.bias));
        }
        (values, biases)
    }
}
