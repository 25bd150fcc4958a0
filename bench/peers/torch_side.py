"""PyTorch, eager: MODEL THREADS FILE:TYPE:SHAPE…

The operators of the ONNX file are called one after the other as functions of torch, with the
file's own weights: what a module of the same layers would call. Weights, attributes and all
that follows from them alone are prepared before the first run. Operators that are not here are
an error, never left out.
"""

import sys

import numpy
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

from side_in_python import answer, read


def pads_of(attributes, rank):
    """ONNX lists all begins, then all ends; torch wants (begin, end) from the last axis on."""
    pads = attributes.get("pads", [0] * 2 * rank)
    pairs = [(pads[axis], pads[axis + rank]) for axis in range(rank)]
    return pairs, [length for pair in reversed(pairs) for length in pair]


def convolution(attributes, transposed=False):
    rank = len(attributes["kernel_shape"])
    pairs, flat = pads_of(attributes, rank)
    stride = attributes.get("strides", [1] * rank)
    dilation = attributes.get("dilations", [1] * rank)
    groups = attributes.get("group", 1)
    even = all(begin == end for begin, end in pairs)
    if attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise NotImplementedError("auto_pad")
    if transposed:
        call = (F.conv_transpose1d, F.conv_transpose2d)[rank - 1]
        extra = attributes.get("output_padding", [0] * rank)
        padding = [begin for begin, _ in pairs]
        return lambda x, w, b=None: call(x, w, b, stride, padding, extra, groups, dilation)
    call = (F.conv1d, F.conv2d)[rank - 1]
    if even:
        padding = [begin for begin, _ in pairs]
        return lambda x, w, b=None: call(x, w, b, stride, padding, dilation, groups)
    return lambda x, w, b=None: call(F.pad(x, flat), w, b, stride, 0, dilation, groups)


def max_pool(attributes):
    rank = len(attributes["kernel_shape"])
    pairs, flat = pads_of(attributes, rank)
    call = (F.max_pool1d, F.max_pool2d)[rank - 1]
    kernel, stride = attributes["kernel_shape"], attributes.get("strides", [1] * rank)
    ceil = bool(attributes.get("ceil_mode", 0))
    if all(begin == end for begin, end in pairs):
        return lambda x: call(x, kernel, stride, [begin for begin, _ in pairs], ceil_mode=ceil)
    return lambda x: call(F.pad(x, flat, value=float("-inf")), kernel, stride, ceil_mode=ceil)


def resize(attributes):
    mode = attributes.get("mode", "nearest")

    def call(x, _roi=None, scales=None, sizes=None):
        if sizes is not None:
            size, factor = [int(length) for length in sizes[2:]], None
        else:
            size, factor = None, [float(scale) for scale in scales[2:]]
        if mode == "nearest":
            return F.interpolate(x, size, factor, mode="nearest")
        return F.interpolate(x, size, factor, mode="bilinear", align_corners=False)

    return call


def sliced(x, starts, ends, axes=None, steps=None):
    axes = range(len(starts)) if axes is None else [int(axis) for axis in axes]
    index = [slice(None)] * x.dim()
    for place, axis in enumerate(axes):
        step = 1 if steps is None else int(steps[place])
        index[axis] = slice(int(starts[place]), min(int(ends[place]), 2**31), step)
    return x[tuple(index)]


def split(attributes, count):
    def call(x, sizes=None):
        axis = attributes.get("axis", 0)
        if sizes is None:
            sizes = attributes.get("split")
        if sizes is None:
            return torch.chunk(x, count, axis)
        return torch.split(x, [int(size) for size in sizes], axis)

    return call


def reduce(function):
    def made(attributes):
        keep = bool(attributes.get("keepdims", 1))

        def call(x, axes=None):
            axes = attributes.get("axes") if axes is None else [int(axis) for axis in axes]
            return function(x, axes if axes is not None else list(range(x.dim())), keep)

        return call

    return made


def reshape(x, shape):
    shape = [x.shape[at] if length == 0 else int(length) for at, length in enumerate(shape.tolist())]
    return x.reshape(shape)


def gemm(attributes):
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    a_turned, b_turned = attributes.get("transA", 0), attributes.get("transB", 0)

    def call(a, b, c=None):
        a, b = a.T if a_turned else a, b.T if b_turned else b
        if c is None:
            return alpha * (a @ b)
        return torch.addmm(c, a, b, beta=beta, alpha=alpha)

    return call


def unsqueeze(attributes):
    def call(x, axes=None):
        axes = attributes["axes"] if axes is None else axes.tolist()
        for axis in sorted(axis if axis >= 0 else axis + x.dim() + len(axes) for axis in axes):
            x = x.unsqueeze(axis)
        return x

    return call


def squeeze(attributes):
    def call(x, axes=None):
        axes = attributes.get("axes") if axes is None else axes.tolist()
        return x.squeeze() if axes is None else x.squeeze(tuple(axes))

    return call


def depth_to_space(attributes):
    size, mode = attributes["blocksize"], attributes.get("mode", "DCR")

    def call(x):
        if mode == "CRD":
            return F.pixel_shuffle(x, size)
        batch, depth, height, width = x.shape
        x = x.reshape(batch, size, size, depth // size**2, height, width)
        return x.permute(0, 3, 4, 1, 5, 2).reshape(batch, depth // size**2, height * size, width * size)

    return call


def space_to_depth(attributes):
    size = attributes["blocksize"]

    def call(x):
        batch, depth, height, width = x.shape
        x = x.reshape(batch, depth, height // size, size, width // size, size)
        return x.permute(0, 3, 5, 1, 2, 4).reshape(batch, depth * size**2, height // size, width // size)

    return call


def clip(attributes):
    def call(x, low=None, high=None):
        low = attributes.get("min") if low is None else low.item()
        high = attributes.get("max") if high is None else high.item()
        return torch.clamp(x, low, high)

    return call


def layer_norm(attributes):
    epsilon = attributes.get("epsilon", 1e-5)
    return lambda x, scale, bias=None: F.layer_norm(x, scale.shape, scale, bias, epsilon)


def batch_norm(attributes):
    epsilon = attributes.get("epsilon", 1e-5)
    return lambda x, scale, bias, mean, variance: F.batch_norm(
        x, mean, variance, scale, bias, eps=epsilon
    )


def cast(attributes):
    kind = getattr(torch, numpy.dtype(onnx.helper.tensor_dtype_to_np_dtype(attributes["to"])).name)
    return lambda x: x.to(kind)


def pad(attributes):
    mode = attributes.get("mode", "constant")

    def call(x, pads, value=None, axes=None):
        if axes is not None:
            raise NotImplementedError("Pad with axes")
        _, flat = pads_of({"pads": [int(length) for length in pads]}, x.dim())
        if mode == "constant":
            return F.pad(x, flat, value=0.0 if value is None else value.item())
        return F.pad(x, flat[:4], mode=mode)

    return call


def plain(function):
    return lambda attributes: function


OPERATORS = {
    "Abs": plain(torch.abs),
    "Add": plain(torch.add),
    "BatchNormalization": batch_norm,
    "Cast": cast,
    "Clip": clip,
    "Concat": lambda a: lambda *parts: torch.cat(parts, a["axis"]),
    "Conv": convolution,
    "ConvTranspose": lambda a: convolution(a, transposed=True),
    "DepthToSpace": depth_to_space,
    "Div": plain(lambda a, b: torch.div(a, b, rounding_mode=None if a.is_floating_point() else "trunc")),
    "Erf": plain(torch.erf),
    "Exp": plain(torch.exp),
    "Flatten": lambda a: lambda x: x.flatten(a.get("axis", 1)),
    "Gather": lambda a: lambda x, index: torch.index_select(
        x, a.get("axis", 0), index.reshape(-1)
    ).reshape(*x.shape[: a.get("axis", 0)], *index.shape, *x.shape[a.get("axis", 0) + 1 :]),
    "Gelu": lambda a: lambda x: F.gelu(x, approximate=a.get("approximate", "none")),
    "Gemm": gemm,
    "GlobalAveragePool": plain(lambda x: x.mean(dim=tuple(range(2, x.dim())), keepdim=True)),
    "HardSigmoid": plain(F.hardsigmoid),
    "HardSwish": plain(F.hardswish),
    "Identity": plain(lambda x: x),
    "LayerNormalization": layer_norm,
    "LeakyRelu": lambda a: lambda x: F.leaky_relu(x, a.get("alpha", 0.01)),
    "Log": plain(torch.log),
    "LogSoftmax": lambda a: lambda x: F.log_softmax(x, a.get("axis", -1)),
    "MatMul": plain(torch.matmul),
    "Max": plain(torch.maximum),
    "MaxPool": max_pool,
    "Min": plain(torch.minimum),
    "Mul": plain(torch.mul),
    "Neg": plain(torch.neg),
    "PRelu": plain(lambda x, slope: torch.where(x >= 0, x, x * slope)),
    "Pad": pad,
    "Pow": plain(torch.pow),
    "ReduceMax": reduce(lambda x, axes, keep: torch.amax(x, axes, keep)),
    "ReduceMean": reduce(lambda x, axes, keep: torch.mean(x, axes, keep)),
    "ReduceSum": reduce(lambda x, axes, keep: torch.sum(x, axes, keep)),
    "Relu": plain(torch.relu),
    "Reshape": plain(reshape),
    "Resize": resize,
    "Shape": plain(lambda x: torch.tensor(x.shape)),
    "Sigmoid": plain(torch.sigmoid),
    "Slice": plain(sliced),
    "Softmax": lambda a: lambda x: F.softmax(x, a.get("axis", -1)),
    "SpaceToDepth": space_to_depth,
    "Sqrt": plain(torch.sqrt),
    "Squeeze": squeeze,
    "Sub": plain(torch.sub),
    "Tanh": plain(torch.tanh),
    "Transpose": lambda a: lambda x: x.permute(a["perm"]) if "perm" in a else x.T,
    "Unsqueeze": unsqueeze,
}


def silu_pairs(graph):
    """`x · Sigmoid(x)` is one call in torch, as every YOLO is written: pairs of node indices."""
    users = {}
    for node in graph.node:
        for name in node.input:
            users[name] = users.get(name, 0) + 1
    sigmoids = {node.output[0]: node for node in graph.node if node.op_type == "Sigmoid"}
    pairs = {}
    for node in graph.node:
        for gate, value in (node.input[:2], reversed(node.input[:2])) if node.op_type == "Mul" else ():
            if gate in sigmoids and sigmoids[gate].input[0] == value and users[gate] == 1:
                pairs[node.output[0]] = (gate, value)
    return pairs


def attributes_of(node):
    made = {}
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        made[attribute.name] = value.decode() if isinstance(value, bytes) else value
    return made


class Network:
    """The graph as a list of calls, with everything constant computed already."""

    def __init__(self, model: onnx.ModelProto):
        graph = model.graph
        self.constants = {
            weight.name: torch.from_numpy(numpy_helper.to_array(weight).copy())
            for weight in graph.initializer
        }
        self.inputs = [port.name for port in graph.input if port.name not in self.constants]
        self.outputs = [port.name for port in graph.output]
        self.steps = []
        pairs = silu_pairs(graph)
        swallowed = {gate for gate, _ in pairs.values()}
        for node in graph.node:
            if node.op_type == "Sigmoid" and node.output[0] in swallowed:
                continue
            if node.op_type == "Constant":
                value = numpy_helper.to_array(node.attribute[0].t)
                self.constants[node.output[0]] = torch.from_numpy(value.copy())
                continue
            if node.output[0] in pairs:
                call, names = F.silu, [pairs[node.output[0]][1]]
            elif node.op_type == "Split":
                call, names = split(attributes_of(node), len(node.output)), list(node.input)
            elif node.op_type in OPERATORS:
                call, names = OPERATORS[node.op_type](attributes_of(node)), list(node.input)
            else:
                raise NotImplementedError(f"operator {node.op_type} (node {node.name})")
            if all(not name or name in self.constants for name in names):
                found = call(*[self.constants.get(name) for name in names])
                found = found if isinstance(found, (tuple, list)) else [found]
                self.constants.update(zip(node.output, found))
            else:
                self.steps.append((call, names, list(node.output)))

    def __call__(self, *inputs):
        values = dict(zip(self.inputs, inputs))
        constants = self.constants
        for call, names, outputs in self.steps:
            arguments = [values[name] if name in values else constants.get(name) for name in names]
            found = call(*arguments)
            if isinstance(found, (tuple, list)):
                values.update(zip(outputs, found))
            else:
                values[outputs[0]] = found
        return [values[name] if name in values else constants[name] for name in self.outputs]


def main() -> None:
    model, threads, *inputs = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.set_grad_enabled(False)
    network = Network(onnx.load(model))
    tensors = [torch.from_numpy(read(value)) for value in inputs]
    answer(
        f"torch {torch.__version__}",
        lambda: network(*tensors),
        lambda outputs: [output.numpy() for output in outputs],
    )


if __name__ == "__main__":
    main()
