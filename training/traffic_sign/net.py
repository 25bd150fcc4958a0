"""The traffic-sign classifier: a small convolutional network on 48x48 pictures."""

import onnx
import torch
from torch import nn

from onnx_graph import Graph
from traffic_sign.render import SIDE
from traffic_sign.signs import LABELS

# (input channels, output channels, stride) of each 3x3 convolution; 48 -> 24 -> 12 -> 6 -> 3 pixels.
LAYERS = ((3, 24, 2), (24, 32, 1), (32, 64, 2), (64, 64, 1), (64, 96, 2), (96, 128, 1), (128, 160, 2))


class TrafficSign(nn.Module):
    """Seven convolutions, then one over the remaining 3x3 cells: where a stroke lies matters."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, stride, 1, bias=False) for i, o, stride in LAYERS)
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for _, o, _ in LAYERS)
        self.drop = nn.Dropout(0.2)
        self.last = nn.Conv2d(LAYERS[-1][1], len(LABELS), 3)

    def forward(self, image):
        for conv, norm in zip(self.convs, self.norms):
            image = nn.functional.relu(norm(conv(image)))
        return self.last(self.drop(image)).flatten(1)


def _folded(conv, norm):
    """A convolution that does what `conv` and its batch normalisation do together."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    whole = nn.Conv2d(conv.in_channels, conv.out_channels, 3, conv.stride, conv.padding)
    whole.weight.data = conv.weight * scale[:, None, None, None]
    whole.bias.data = norm.bias - norm.running_mean * scale
    return whole


def export(net, path):
    """Writes the ONNX file: `image` [N, 3, 48, 48] to `logits` [N, 43]."""
    graph = Graph()
    value = "image"
    with torch.no_grad():
        for number, (conv, norm) in enumerate(zip(net.convs, net.norms)):
            value = graph.add("Relu", [graph.conv(value, _folded(conv, norm), f"conv{number}")])
        value = graph.conv(value, net.last, "last")
    graph.add("Flatten", [value], "logits", axis=1)
    graph.save(path, "traffic_sign", [("image", ["N", 3, SIDE, SIDE])], [("logits", ["N", len(LABELS)])])


def load(path):
    """Reads an exported file back, to go on training it: each normalisation only adds its convolution's bias."""
    weights = {tensor.name: torch.tensor(onnx.numpy_helper.to_array(tensor)) for tensor in onnx.load(path).graph.initializer}
    net = TrafficSign()
    with torch.no_grad():
        for number, (conv, norm) in enumerate(zip(net.convs, net.norms)):
            conv.weight.copy_(weights[f"conv{number}.weight"])
            norm.bias.copy_(weights[f"conv{number}.bias"])
            norm.running_var.fill_(1 - norm.eps)
        net.last.weight.copy_(weights["last.weight"])
        net.last.bias.copy_(weights["last.bias"])
    return net
