"""The traffic-light classifier: a small convolutional network on 64x64 pictures."""

from torch import nn

from onnx_graph import Graph

# (input channels, output channels, stride) of each 3x3 convolution.
LAYERS = ((3, 16, 2), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 64, 2))


class TrafficLight(nn.Module):
    """Six convolutions, then one over the remaining 4x4 cells: where a lamp is lit matters too."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, stride, 1) for i, o, stride in LAYERS)
        self.drop = nn.Dropout(0.2)
        self.last = nn.Conv2d(LAYERS[-1][1], 4, 4)

    def forward(self, image):
        for conv in self.convs:
            image = nn.functional.relu(conv(image))
        return self.last(self.drop(image)).flatten(1)


def export(net, path):
    """Writes the ONNX file: `image` [N, 3, 64, 64] to `logits` [N, 4]."""
    graph = Graph()
    value = "image"
    for number, conv in enumerate(net.convs):
        value = graph.add("Relu", [graph.conv(value, conv, f"conv{number}")])
    value = graph.conv(value, net.last, "last")
    graph.add("Flatten", [value], "logits", axis=1)
    graph.save(path, "traffic_light", [("image", ["N", 3, 64, 64])], [("logits", ["N", 4])])
