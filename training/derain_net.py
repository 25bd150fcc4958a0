"""The derain network: eighteen 3x3 convolutions at a half, a quarter and an eighth of the size.

The first convolution (6x6, stride 2) equals a 2x pixel unshuffle followed by a 3x3
one. Most of the depth sits at the small sizes, where it is cheap and where a whole
streak fits under one kernel; the larger sizes keep the photo's detail. The output
is a correction that is added to the photo, so a dry photo needs only zeros.
"""

import re

import onnx
import torch
from torch import nn

from onnx_graph import Graph

CHANNELS = (32, 48, 64)  # multiples of 16 suit the engines' vector width
DEEP_BLOCKS = 4


class Block(nn.Module):
    """Two convolutions whose result is added to the input; starts close to the identity."""

    def __init__(self, channels):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        with torch.no_grad():
            self.second.weight *= 0.2
            self.second.bias.zero_()

    def forward(self, value):
        return value + self.second(torch.relu(self.first(value)))


class Derain(nn.Module):
    def __init__(self):
        super().__init__()
        pairs = list(zip(CHANNELS, CHANNELS[1:]))
        self.head = nn.Conv2d(3, CHANNELS[0], 6, stride=2, padding=2)
        self.enter = nn.ModuleList(Block(wide) for wide, _ in pairs)
        self.down = nn.ModuleList(nn.Conv2d(wide, deep, 2, stride=2) for wide, deep in pairs)
        self.deep = nn.ModuleList(Block(CHANNELS[-1]) for _ in range(DEEP_BLOCKS))
        self.up = nn.ModuleList(nn.Conv2d(deep, wide * 4, 1) for wide, deep in pairs)
        self.leave = nn.ModuleList(Block(wide) for wide, _ in pairs)
        self.tail = nn.Conv2d(CHANNELS[0], 12, 3, padding=1)
        with torch.no_grad():
            self.tail.weight *= 0.05
            self.tail.bias.zero_()

    def residual(self, image):
        """The correction to add to a photo [n, 3, h, w]; h and w are multiples of 8."""
        value, kept = torch.relu(self.head(image)), []
        for enter, down in zip(self.enter, self.down):
            value = enter(value)
            kept.append(value)
            value = down(value)
        for block in self.deep:
            value = block(value)
        for up, leave in zip(reversed(self.up), reversed(self.leave)):
            value = leave(torch.pixel_shuffle(up(value), 2) + kept.pop())
        return torch.pixel_shuffle(self.tail(value), 2)

    def forward(self, image):
        return (image + self.residual(image)).clamp(0, 1)


def _block(graph, value, block, name):
    inner = graph.add("Relu", [graph.conv(value, block.first, f"{name}.first")])
    return graph.add("Add", [value, graph.conv(inner, block.second, f"{name}.second")])


def export(net, path):
    """Writes the ONNX file: `image` [1, 3, H, W] to `clean` of the same shape."""
    graph, kept = Graph(), []
    value = graph.add("Relu", [graph.conv("image", net.head, "head")])
    for number, (enter, down) in enumerate(zip(net.enter, net.down)):
        value = _block(graph, value, enter, f"enter{number}")
        kept.append(value)
        value = graph.conv(value, down, f"down{number}")
    for number, block in enumerate(net.deep):
        value = _block(graph, value, block, f"deep{number}")
    for number in reversed(range(len(net.up))):
        value = graph.conv(value, net.up[number], f"up{number}")
        # CRD is the channel order of torch's pixel_shuffle.
        value = graph.add("DepthToSpace", [value], blocksize=2, mode="CRD")
        value = graph.add("Add", [value, kept.pop()])
        value = _block(graph, value, net.leave[number], f"leave{number}")
    value = graph.add("DepthToSpace", [graph.conv(value, net.tail, "tail")], blocksize=2, mode="CRD")
    value = graph.add("Add", ["image", value])
    low, high = (graph.constant(name, torch.tensor(bound).numpy()) for name, bound in (("low", 0.0), ("high", 1.0)))
    graph.add("Clip", [value, low, high], "clean")
    shape = [1, 3, "H", "W"]
    graph.save(path, "derain", [("image", shape)], [("clean", shape)])


def load(path):
    """Reads the weights of an exported file back into a network, to go on training it."""
    weights = {}
    for tensor in onnx.load(path).graph.initializer:
        name = re.sub(r"^(enter|down|deep|up|leave)(\d)", r"\1.\2", tensor.name)
        weights[name] = torch.tensor(onnx.numpy_helper.to_array(tensor))
    net = Derain()
    net.load_state_dict({name: weights[name] for name in net.state_dict()})
    return net
