"""RetinaFace in PyTorch, written from its paper and the description of its public PyTorch form.

Independent of the Rust code that writes the same network. Bodies are of any width, so that a small
one can be exported for tests.
"""

import torch
from torch import nn


def conv_bn(inputs, outputs, kernel, stride, slope, groups=1):
    """Convolution, batch normalisation and a leaky rectifier; none where `slope` is None."""
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([] if slope is None else [nn.LeakyReLU(slope)]))


def conv_dw(inputs, outputs, stride):
    return nn.Sequential(
        *conv_bn(inputs, inputs, 3, stride, 0.1, groups=inputs),
        *conv_bn(inputs, outputs, 1, 1, 0.1),
    )


class MobileNet(nn.Module):
    """`width` is the number of channels behind the stem: 8 for MobileNet-0.25."""

    def __init__(self, width=8):
        super().__init__()
        w = [width << shift for shift in range(6)]
        self.stage1 = nn.Sequential(
            conv_bn(3, w[0], 3, 2, 0.1), conv_dw(w[0], w[1], 1), conv_dw(w[1], w[2], 2),
            conv_dw(w[2], w[2], 1), conv_dw(w[2], w[3], 2), conv_dw(w[3], w[3], 1),
        )
        self.stage2 = nn.Sequential(
            conv_dw(w[3], w[4], 2), *(conv_dw(w[4], w[4], 1) for _ in range(5)))
        self.stage3 = nn.Sequential(conv_dw(w[4], w[5], 2), conv_dw(w[5], w[5], 1))
        self.channels = w[3:6]

    def forward(self, x):
        first = self.stage1(x)
        second = self.stage2(first)
        return first, second, self.stage3(second)


class ResNetBlock(nn.Module):
    def __init__(self, inputs, channels, stride):
        super().__init__()
        outputs = 4 * channels
        self.conv1, self.bn1 = nn.Conv2d(inputs, channels, 1, bias=False), nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3, self.bn3 = nn.Conv2d(channels, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        self.downsample = None
        if inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = 64
        for stage, blocks in enumerate([3, 4, 6, 3]):
            channels = 64 << stage
            layer = []
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                layer.append(ResNetBlock(inputs, channels, stride))
                inputs = 4 * channels
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layer))
        self.channels = [512, 1024, 2048]

    def forward(self, x):
        x = self.layer1(self.maxpool(torch.relu(self.bn1(self.conv1(x)))))
        second = self.layer2(x)
        third = self.layer3(second)
        return second, third, self.layer4(third)


class Fpn(nn.Module):
    def __init__(self, inputs, outputs, slope):
        super().__init__()
        self.output1, self.output2, self.output3 = (conv_bn(c, outputs, 1, 1, slope) for c in inputs)
        self.merge1, self.merge2 = (conv_bn(outputs, outputs, 3, 1, slope) for _ in range(2))

    def forward(self, levels):
        fine, middle, coarse = self.output1(levels[0]), self.output2(levels[1]), self.output3(levels[2])
        up = nn.functional.interpolate(coarse, size=middle.shape[2:], mode="nearest")
        middle = self.merge2(middle + up)
        up = nn.functional.interpolate(middle, size=fine.shape[2:], mode="nearest")
        return self.merge1(fine + up), middle, coarse


class Ssh(nn.Module):
    def __init__(self, channels, slope):
        super().__init__()
        half, quarter = channels // 2, channels // 4
        self.conv3X3 = conv_bn(channels, half, 3, 1, None)
        self.conv5X5_1 = conv_bn(channels, quarter, 3, 1, slope)
        self.conv5X5_2 = conv_bn(quarter, quarter, 3, 1, None)
        self.conv7X7_2 = conv_bn(quarter, quarter, 3, 1, slope)
        self.conv7x7_3 = conv_bn(quarter, quarter, 3, 1, None)

    def forward(self, x):
        shared = self.conv5X5_1(x)
        parts = self.conv3X3(x), self.conv5X5_2(shared), self.conv7x7_3(self.conv7X7_2(shared))
        return torch.relu(torch.cat(parts, 1))


class Head(nn.Module):
    def __init__(self, channels, values):
        super().__init__()
        self.values = values
        self.conv1x1 = nn.Conv2d(channels, 2 * values, 1)

    def forward(self, x):
        x = self.conv1x1(x).permute(0, 2, 3, 1).contiguous()
        return x.view(x.shape[0], -1, self.values)


class RetinaFace(nn.Module):
    def __init__(self, body, channels):
        super().__init__()
        slope = 0.1 if channels <= 64 else 0.0
        self.body, self.fpn = body, Fpn(body.channels, channels, slope)
        self.ssh1, self.ssh2, self.ssh3 = (Ssh(channels, slope) for _ in range(3))
        for name, values in [("ClassHead", 2), ("BboxHead", 4), ("LandmarkHead", 10)]:
            setattr(self, name, nn.ModuleList(Head(channels, values) for _ in range(3)))

    def forward(self, x):
        levels = self.fpn(self.body(x))
        levels = [ssh(level) for ssh, level in zip((self.ssh1, self.ssh2, self.ssh3), levels)]

        def read(heads):
            return torch.cat([head(level) for head, level in zip(heads, levels)], 1)

        return read(self.BboxHead), read(self.ClassHead).softmax(-1), read(self.LandmarkHead)
