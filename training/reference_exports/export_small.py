"""Exports small networks of both families from PyTorch, with the results to expect from them.

    python export_small.py [FOLDER]     # crates/inference/tests/exports unless told

The networks have the published layout at a fraction of the width and weights from a seed; the
export is PyTorch's own (`torch.onnx.export`, the TorchScript form that the public repositories call,
operator set 12). Boxes are worked out here, from PyTorch's outputs, with code that shares nothing
with the product's. A test then has the product find the same boxes in the same photo.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from retinaface import MobileNet, RetinaFace
from yolov5 import Yolov5

ROOT = Path(__file__).parents[2]
SIDE, CLASSES = 128, 3
FORMS = ["exported", "raw-heads", "raw-anchors"]


def photo():
    """As wide as the frame, not as high: nothing has to be scaled, something has to be padded."""
    whole = Image.open(ROOT / "examples/inputs/object-detection/astronaut.jpg").convert("RGB")
    return np.asarray(whole.crop((100, 20, 356, 212)).resize((SIDE, 96), Image.LANCZOS))


def settle(network, batch):
    """Normalisation as after training: the statistics of what comes in."""
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None
            torch.nn.init.uniform_(layer.weight, 0.7, 1.3)
            torch.nn.init.uniform_(layer.bias, -0.3, 0.3)
    network.train()
    with torch.no_grad():
        network(batch)
    network.eval()


def overlap(a, b):
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(wide, 0) * max(high, 0)
    total = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / total if total > 0 else 0.0


def suppressed(found, limit):
    """`found`: (score, class, box, rest), any order."""
    kept = []
    for one in sorted(found, key=lambda one: -one[0]):
        if all(one[1] != other[1] or overlap(one[2], other[2]) <= limit for other in kept):
            kept.append(one)
    return kept


def clipped(box, top, height):
    """From the frame to the photo, which has its scale."""
    left, upper, right, lower = box[0], box[1] - top, box[2], box[3] - top
    return [float(np.clip(left, 0, SIDE)), float(np.clip(upper, 0, height)),
            float(np.clip(right, 0, SIDE)), float(np.clip(lower, 0, height))]


def inside(box):
    """What lies in the padding alone is no part of the photo."""
    return box[2] > box[0] and box[3] > box[1]


def yolov5(folder, pixels):
    height = pixels.shape[0]
    top = (SIDE - height) // 2
    frame = np.full((SIDE, SIDE, 3), 114, np.float32)
    frame[top:top + height] = pixels
    x = torch.from_numpy(np.ascontiguousarray(frame.transpose(2, 0, 1)[None]) / 255)

    torch.manual_seed(4)
    networks = {form: Yolov5(2, classes=CLASSES, form=form) for form in FORMS}
    first = networks["exported"]
    settle(first, x)
    for head in first.model[24].m:
        rows = head.weight.data.view(3, 5 + CLASSES, -1)
        rows[:, 4:] *= 6
        bias = head.bias.data.view(3, 5 + CLASSES)
        bias[:, 4], bias[:, 5:] = -5.0, 0.0
    for form, network in networks.items():
        network.load_state_dict(first.state_dict())
        network.eval()
        names = ["output0"] if form == "exported" else ["output0", "output1", "output2"]
        torch.onnx.export(network, (x,), str(folder / f"yolov5-{form}.onnx"), dynamo=False,
                          opset_version=12, input_names=["images"], output_names=names)
    with torch.no_grad():
        rows = first(x)[0].numpy().astype(np.float64)
    found = []
    for row in rows:
        best = int(row[5:].argmax())
        score = row[4] * row[5 + best]
        if score > 0.25:
            x, y, w, h = row[:4]
            found.append((score, best, [x - w / 2, y - h / 2, x + w / 2, y + h / 2], None))
    kept = suppressed(found, 0.45)
    print("yolov5:", len(found), "candidates,", len(kept), "kept, scores",
          [round(float(one[0]), 3) for one in kept])
    results = [{"score": score, "class": which, "box": clipped(box, top, height)}
               for score, which, box, _ in kept]
    return [one for one in results if inside(one["box"])]


def retinaface(folder, pixels):
    height = pixels.shape[0]
    frame = np.zeros((SIDE, SIDE, 3), np.float32)
    frame[:height] = pixels[:, :, ::-1] - np.array([104, 117, 123], np.float32)
    x = torch.from_numpy(np.ascontiguousarray(frame.transpose(2, 0, 1)[None]))

    torch.manual_seed(6)
    network = RetinaFace(MobileNet(2), 16)
    settle(network, x)
    for head in network.ClassHead:
        head.conv1x1.weight.data *= 6
        head.conv1x1.bias.data = torch.tensor([2.45, -2.45, 2.45, -2.45])
    network.eval()
    # Only the first output gets a name and the others numbers, as in the public export.
    torch.onnx.export(network, (x,), str(folder / "retinaface.onnx"), dynamo=False,
                      opset_version=12, input_names=["input0"], output_names=["output0"])
    with torch.no_grad():
        boxes, scores, landmarks = (y[0].numpy().astype(np.float64) for y in network(x))
    priors = []
    for stride, sides in [(8, [16, 32]), (16, [64, 128]), (32, [256, 512])]:
        cells = SIDE // stride
        for row in range(cells):
            for column in range(cells):
                priors += [((column + 0.5) * stride, (row + 0.5) * stride, side) for side in sides]
    found = []
    for (cx, cy, side), box, score, points in zip(priors, boxes, scores[:, 1], landmarks):
        if score > 0.02:
            x, y = cx + box[0] * 0.1 * side, cy + box[1] * 0.1 * side
            w, h = side * np.exp(box[2] * 0.2), side * np.exp(box[3] * 0.2)
            marks = [[cx + points[2 * i] * 0.1 * side, cy + points[2 * i + 1] * 0.1 * side]
                     for i in range(5)]
            found.append((score, 0, [x - w / 2, y - h / 2, x + w / 2, y + h / 2], marks))
    kept = [one for one in suppressed(found, 0.4) if one[0] > 0.6]
    print("retinaface:", len(found), "candidates,", len(kept), "kept, scores",
          [round(float(one[0]), 3) for one in kept])
    results = [{"score": score, "box": clipped(box, 0, height), "landmarks": marks}
               for score, _, box, marks in kept]
    return [one for one in results if inside(one["box"])]


def main():
    torch.set_num_threads(1)
    default = ROOT / "crates/inference/tests/exports"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    folder.mkdir(parents=True, exist_ok=True)
    pixels = photo()
    Image.fromarray(pixels).save(folder / "photo.png", optimize=True)
    expected = {"yolov5": yolov5(folder, pixels), "retinaface": retinaface(folder, pixels)}
    # One result a line.
    lines = [f'"{name}": [\n' + ",\n".join(json.dumps(one) for one in found) + "\n]"
             for name, found in expected.items()]
    (folder / "expected.json").write_text("{" + ",\n".join(lines) + "}\n")


main()
