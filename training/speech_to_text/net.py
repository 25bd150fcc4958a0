"""The network: log-mel bands in, a character for each 20 ms out, by convolutions over time alone."""

import sys
from pathlib import Path

import numpy as np
from torch import nn

import features

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from engine import MODELS, ROOT, open_model  # noqa: E402, F401
from onnx_graph import Graph  # noqa: E402

BLANK = "_"
LABELS = (BLANK, " ", "'") + tuple("abcdefghijklmnopqrstuvwxyz")
CHANNELS, WIDTH = 96, 7
DILATIONS = (1, 2, 1, 3, 1, 2)  # of the residual layers, in frames of 20 ms
SAMPLES_A_FRAME = features.HOP * 2


def reach_samples():
    """How far from a frame's middle the audio can still change it, in samples."""
    frames = 2 + 2 * sum(dilation * (WIDTH // 2) for dilation in DILATIONS)  # of 10 ms
    return frames * features.HOP + features.WINDOW // 2


class Speech(nn.Module):
    """One strided convolution, residual convolutions, one by one to characters."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv1d(features.BANDS, CHANNELS, 5, 2, 2, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm1d(CHANNELS) for _ in range(len(DILATIONS) + 1))
        self.layers = nn.ModuleList(
            nn.Conv1d(CHANNELS, CHANNELS, WIDTH, 1, dilation * (WIDTH // 2), dilation, bias=False)
            for dilation in DILATIONS)
        self.drop = nn.Dropout(0.1)
        self.last = nn.Conv1d(CHANNELS, len(LABELS), 1)

    def forward(self, bands):
        """`bands` [n, BANDS, frames of 10 ms] to logits [n, labels, frames of 20 ms]."""
        value = nn.functional.relu(self.norms[0](self.stem(bands)))
        for layer, norm in zip(self.layers, list(self.norms)[1:]):
            value = value + self.drop(nn.functional.relu(norm(layer(value))))
        return self.last(self.drop(value))


def folded(conv, norm):
    """Weight and bias of a convolution with its batch normalisation folded in."""
    scale = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach()
    weight = conv.weight.detach() * scale[:, None, None]
    bias = norm.bias.detach() - norm.running_mean * scale
    return weight.float().numpy(), bias.float().numpy()


def add_conv(graph, source, name, weight, bias, stride=1, pad=0, dilation=1):
    names = [source, graph.constant(f"{name}.weight", weight)]
    if bias is not None:
        names.append(graph.constant(f"{name}.bias", bias))
    return graph.add("Conv", names, kernel_shape=[weight.shape[2]], strides=[stride],
                     pads=[pad, pad], dilations=[dilation])


def add_front_end(graph, source):
    """Raw audio [n, samples] to scaled log-mel bands [n, BANDS, frames of 10 ms]."""
    axis = graph.constant("channel_axis", np.array([1], np.int64))
    value = graph.add("Unsqueeze", [source, axis])
    value = add_conv(graph, value, "transform", features.transform_weights(), None,
                     features.HOP, features.PAD)
    value = graph.add("Mul", [value, value])
    bands = features.band_weights()
    # The same triangles weigh the squares of the cosines and of the sines.
    value = add_conv(graph, value, "bands", np.concatenate([bands, bands], 1)[:, :, None],
                     np.full(len(bands), features.FLOOR, np.float32))
    value = graph.add("Log", [value])
    shift = graph.constant("centre", np.array(-features.CENTRE, np.float32))
    scale = graph.constant("scale", np.array(1 / features.SPREAD, np.float32))
    return graph.add("Mul", [graph.add("Add", [value, shift]), scale])


def export(net, path):
    """Writes the ONNX file: `audio` [N, samples] to `log_probabilities` [N, frames, labels]."""
    graph = Graph()
    value = add_front_end(graph, "audio")
    norms = list(net.norms)
    value = add_conv(graph, value, "stem", *folded(net.stem, norms[0]), stride=2, pad=2)
    value = graph.add("Relu", [value])
    for number, (layer, norm) in enumerate(zip(net.layers, norms[1:])):
        step = add_conv(graph, value, f"layer{number}", *folded(layer, norm),
                        pad=layer.padding[0], dilation=layer.dilation[0])
        value = graph.add("Add", [value, graph.add("Relu", [step])])
    value = add_conv(graph, value, "last", net.last.weight.detach().numpy(), net.last.bias.detach().numpy())
    value = graph.add("Transpose", [value], perm=[0, 2, 1])
    graph.add("LogSoftmax", [value], "log_probabilities", axis=2)
    graph.save(path, "speech_to_text", [("audio", ["N", "samples"])],
               [("log_probabilities", ["N", "frames", len(LABELS)])])


if __name__ == "__main__":
    net = Speech().eval()
    print(sum(value.numel() for value in net.parameters()), "parameters; reach", reach_samples())
    export(net, Path(sys.argv[1]))
