"""YOLOv5 (releases 6 and 7) in PyTorch, written from its published description.

Independent of the Rust code that writes the same network: layers are PyTorch's own, with batch
normalisation, and the export is PyTorch's. Module names are those of the public repository, so that
weights can be exchanged by name.
"""

import torch
from torch import nn

ANCHORS = [
    [10, 13, 16, 30, 33, 23],
    [30, 61, 62, 45, 59, 119],
    [116, 90, 156, 198, 373, 326],
]
STRIDES = [8, 16, 32]


class Conv(nn.Module):
    def __init__(self, inputs, outputs, kernel=1, stride=1, padding=None):
        super().__init__()
        padding = kernel // 2 if padding is None else padding
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03)

    def forward(self, x):
        return nn.functional.silu(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def __init__(self, channels, shortcut):
        super().__init__()
        self.cv1, self.cv2 = Conv(channels, channels), Conv(channels, channels, 3)
        self.shortcut = shortcut

    def forward(self, x):
        y = self.cv2(self.cv1(x))
        return x + y if self.shortcut else y


class C3(nn.Module):
    def __init__(self, inputs, outputs, depth=1, shortcut=True):
        super().__init__()
        half = outputs // 2
        self.cv1, self.cv2 = Conv(inputs, half), Conv(inputs, half)
        self.cv3 = Conv(2 * half, outputs)
        self.m = nn.Sequential(*(Bottleneck(half, shortcut) for _ in range(depth)))

    def forward(self, x):
        return self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1))


class Sppf(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.cv1, self.cv2 = Conv(channels, channels // 2), Conv(2 * channels, channels)
        self.m = nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        parts = [self.cv1(x)]
        for _ in range(3):
            parts.append(self.m(parts[-1]))
        return self.cv2(torch.cat(parts, 1))


class Detect(nn.Module):
    def __init__(self, classes, channels, form):
        super().__init__()
        self.values, self.form = classes + 5, form
        self.m = nn.ModuleList(nn.Conv2d(c, 3 * self.values, 1) for c in channels)
        self.register_buffer("anchors", torch.tensor(ANCHORS, dtype=torch.float32).view(3, 3, 2))

    def forward(self, features):
        outputs = []
        for level, feature in enumerate(features):
            x = self.m[level](feature)
            if self.form == "raw-heads":
                outputs.append(x)
                continue
            batch, _, height, width = x.shape
            x = x.view(batch, 3, self.values, height, width).permute(0, 1, 3, 4, 2).contiguous()
            if self.form == "raw-anchors":
                outputs.append(x)
                continue
            rows, columns = torch.arange(height), torch.arange(width)
            grid_y, grid_x = torch.meshgrid(rows, columns, indexing="ij")
            grid = torch.stack((grid_x, grid_y), 2).expand(1, 3, height, width, 2).float() - 0.5
            size = self.anchors[level].view(1, 3, 1, 1, 2).expand(1, 3, height, width, 2)
            centre, extent, scores = x.sigmoid().split((2, 2, self.values - 4), 4)
            centre = (centre * 2 + grid) * STRIDES[level]
            extent = (extent * 2) ** 2 * size
            x = torch.cat((centre, extent, scores), 4)
            outputs.append(x.view(batch, 3 * height * width, self.values))
        return torch.cat(outputs, 1) if self.form == "exported" else tuple(outputs)


class Yolov5(nn.Module):
    """`width` is the number of channels behind the stem: 16 for n, 32 for s."""

    def __init__(self, width, depths=(1, 2, 3, 1), classes=80, form="exported"):
        super().__init__()
        w = [width << shift for shift in range(5)]
        head = depths[0]
        self.model = nn.ModuleList([
            Conv(3, w[0], 6, 2, 2),
            Conv(w[0], w[1], 3, 2), C3(w[1], w[1], depths[0]),
            Conv(w[1], w[2], 3, 2), C3(w[2], w[2], depths[1]),
            Conv(w[2], w[3], 3, 2), C3(w[3], w[3], depths[2]),
            Conv(w[3], w[4], 3, 2), C3(w[4], w[4], depths[3]),
            Sppf(w[4]),
            Conv(w[4], w[3]), nn.Upsample(scale_factor=2), nn.Identity(),
            C3(w[4], w[3], head, False),
            Conv(w[3], w[2]), nn.Upsample(scale_factor=2), nn.Identity(),
            C3(w[3], w[2], head, False),
            Conv(w[2], w[2], 3, 2), nn.Identity(), C3(w[3], w[3], head, False),
            Conv(w[3], w[3], 3, 2), nn.Identity(), C3(w[4], w[4], head, False),
            Detect(classes, [w[2], w[3], w[4]], form),
        ])

    def forward(self, x):
        m, kept = self.model, {}
        for index in range(11):
            x = kept[index] = m[index](x)
        x = m[13](torch.cat((m[11](x), kept[6]), 1))
        middle = m[14](x)
        small = m[17](torch.cat((m[15](middle), kept[4]), 1))
        medium = m[20](torch.cat((m[18](small), middle), 1))
        large = m[23](torch.cat((m[21](medium), kept[10]), 1))
        return m[24]([small, medium, large])
