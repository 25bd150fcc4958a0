"""Holds the seeded models that the product writes against these PyTorch networks.

    python compare_families.py FILE...     # as `cargo run --example write_family` wrote them

Each file is checked with onnx.checker, its weights are put into the PyTorch network by name (batch
normalisation made to do nothing), and both are run on the same photo: PyTorch on its own layers,
onnxruntime on the file. A layer that is missing, doubled or wired otherwise shows.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from PIL import Image

from retinaface import MobileNet, ResNet50, RetinaFace
from yolov5 import Yolov5

PHOTO = Path(__file__).parents[2] / "examples/inputs/object-detection/astronaut.jpg"


def network(name, outputs):
    if name.startswith("yolov5"):
        form = "exported" if len(outputs) == 1 else {4: "raw-heads", 5: "raw-anchors"}[outputs[0]]
        return Yolov5({"yolov5n": 16, "yolov5s": 32}[name], form=form)
    if name == "retinaface-mobilenet0.25":
        return RetinaFace(MobileNet(), 64)
    return RetinaFace(ResNet50(), 256)


def put(module, weights):
    """Sets all weights; every one of the file has to find its layer."""
    unused = set(weights)
    modules = dict(module.named_modules())
    for name, layer in modules.items():
        if isinstance(layer, torch.nn.Conv2d):
            layer.weight.data = torch.from_numpy(weights[f"{name}.weight"].copy())
            unused.remove(f"{name}.weight")
            bias = torch.from_numpy(weights[f"{name}.bias"].copy())
            unused.remove(f"{name}.bias")
            if layer.bias is not None:
                layer.bias.data = bias
                continue
            norm = modules[normalisation(name, modules)]
            norm.weight.data, norm.bias.data = torch.ones_like(bias), bias
            norm.running_mean, norm.running_var = torch.zeros_like(bias), torch.ones_like(bias) - norm.eps
    left = [name for name in unused if name.endswith((".weight", ".bias"))]
    assert not left, left


def normalisation(name, modules):
    """The batch normalisation behind a convolution, by the naming habits of the two networks."""
    parent, last = name.rsplit(".", 1)
    candidates = [f"{parent}.bn"] if last == "conv" else []
    if last.startswith("conv"):
        candidates.append(f"{parent}.bn{last[4:]}")
    if last.isdigit():
        candidates.append(f"{parent}.{int(last) + 1}")
    return next(candidate for candidate in candidates if candidate in modules)


def inputs(name, side):
    photo = np.asarray(Image.open(PHOTO).convert("RGB").resize((side, side)), np.float32)
    if name.startswith("yolov5"):
        photo = photo / 255
    else:
        photo = photo[:, :, ::-1] - np.array([104, 117, 123], np.float32)
    return np.ascontiguousarray(photo.transpose(2, 0, 1)[None])


def main():
    torch.set_num_threads(1)
    for path in sys.argv[1:]:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        name = model.graph.name
        shapes = [len(output.type.tensor_type.shape.dim) for output in model.graph.output]
        module = network(name, shapes).eval()
        put(module, {w.name: numpy_helper.to_array(w) for w in model.graph.initializer})
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options)
        x = inputs(name, session.get_inputs()[0].shape[2])
        found = session.run(None, {session.get_inputs()[0].name: x})
        with torch.no_grad():
            expected = module(torch.from_numpy(x))
        expected = [expected] if isinstance(expected, torch.Tensor) else expected
        assert len(found) == len(expected), (len(found), len(expected))
        for output, ours, theirs in zip(session.get_outputs(), found, expected):
            theirs = theirs.numpy()
            assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
            relative = np.abs(ours - theirs).max() / (theirs.max() - theirs.min())
            print(f"{name} {output.name} {ours.shape}: {relative:.2e} of the range")
            assert relative <= 1e-4, path


main()
