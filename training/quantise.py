"""Writes int8 variants of ONNX models: QuantizeLinear/DequantizeLinear pairs around the operators that gain by it.

    python quantise.py                                   # the models that ship, calibrated on training data
    python quantise.py yolov5s.onnx --inputs photos/ --prepare letterbox --out yolov5s-int8.onnx
    python quantise.py retinaface.onnx --inputs photos/ --prepare bgr-mean --out retinaface-int8.onnx

Weights become int8 with a scale for each output channel, activations uint8 with the least and greatest
value of the calibration as their range (Jacob et al. 2018). What stands behind the last convolutions (a
residual added to the photo, boxes in pixels) needs finer steps than 1/256 of its range and always stays 32-bit;
nodes named by --float do too.
"""

import argparse
import re
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from PIL import Image

import photos
import rain
import traffic_light_train
from engine import MODELS
from traffic_sign.render import build_set

# Operators with a quantised kernel that is worth it.
OPERATORS = ("Conv", "Gemm", "MatMul", "Relu", "LeakyRelu", "Add", "MaxPool", "GlobalAveragePool", "Concat", "Resize",
             "Sigmoid", "Mul", "DepthToSpace")
WEIGHTED = ("Conv", "Gemm", "MatMul")
# The convolution that gives the residual: in 8 bits it would show as steps of a whole grey level.
DERAIN_FLOAT = "conv_42"


class Tensors(CalibrationDataReader):
    """Gives prepared tensors one after the other, as the quantiser asks for them."""

    def __init__(self, name, tensors):
        self.name, self.tensors = name, iter(tensors)

    def get_next(self):
        tensor = next(self.tensors, None)
        return None if tensor is None else {self.name: tensor}


def planes(picture):
    """[1, 3, h, w] of a picture [h, w, 3] in 0..1 or in bytes as floats."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)


def rainy_patches(seed=3, count=40, side=192):
    """Training photographs under training rain, every fourth one dry."""
    rng = np.random.default_rng(seed)
    pictures = [photos.load(name) for name in photos.TRAINING]
    shares = np.array(photos.WEIGHTS) / sum(photos.WEIGHTS)
    for place in range(count):
        patch = photos.augmented_patch(rng, pictures[rng.choice(len(pictures), p=shares)], side, 0.0)
        if place % 4:
            patch = rain.blend(patch, rain.streak_map(rng, side, side), rain.draw_blend(rng))
        yield planes(patch)


def light_renders():
    images, _ = traffic_light_train.build_set(12, 200)
    yield from (image[None].numpy().astype(np.float32) / 255 for image in images)


def sign_renders():
    images, _ = build_set(18, 430, photos.TRAINING)
    yield from (planes(image / 255) for image in images)


def read_folder(folder, prepare, side):
    """The photos of a folder as the product's applications would give them to the model."""
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in (".jpg", ".jpeg", ".png", ".webp"):
            continue
        picture = Image.open(file).convert("RGB")
        if prepare == "squeeze":
            yield planes(np.asarray(picture.resize((side, side), Image.BILINEAR)) / 255)
            continue
        scale = side / max(picture.size)
        size = [max(1, round(length * scale)) for length in picture.size]
        frame = Image.new("RGB", (side, side), (114, 114, 114) if prepare == "letterbox" else (123, 117, 104))
        corner = [(side - length) // 2 for length in size] if prepare == "letterbox" else (0, 0)
        frame.paste(picture.resize(size, Image.BILINEAR), tuple(corner))
        pixels = np.asarray(frame, np.float32)
        yield planes(pixels / 255 if prepare == "letterbox" else pixels[..., ::-1] - np.float32([104, 117, 123]))


def behind_the_weights(graph):
    """Names of the nodes from which no operator with weights is reached any more."""
    leads_on, behind = set(), []
    for node in reversed(graph.node):  # in the order of computing, last first
        if node.op_type in WEIGHTED or leads_on.intersection(node.output):
            leads_on.update(node.input)
        else:
            behind.append(node.name)
    return behind


def quantise(source, target, tensors, keep_float=None, operators=OPERATORS):
    """Calibrates on the tensors and writes the variant, the same bytes from run to run."""
    model = onnx.load(source)
    (name,) = [value.name for value in model.graph.input
               if value.name not in {weight.name for weight in model.graph.initializer}]
    excluded = [node.name for node in model.graph.node if keep_float and re.fullmatch(keep_float, node.name)]
    if keep_float and not excluded:
        raise SystemExit(f"no node of {source} is called {keep_float}")
    excluded += behind_the_weights(model.graph)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "int8.onnx"
        quantize_static(
            source, written, Tensors(name, tensors), quant_format=QuantFormat.QDQ, per_channel=True,
            op_types_to_quantize=list(operators), nodes_to_exclude=excluded,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )
        result = onnx.load(written)
    onnx.checker.check_model(result, full_check=True)
    target.write_bytes(result.SerializeToString(deterministic=True))
    print(f"{target}: {target.stat().st_size} bytes, {source.stat().st_size} before; {len(excluded)} nodes stay float")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--inputs", type=Path, help="folder of photos to calibrate on")
    parser.add_argument("--prepare", choices=("squeeze", "letterbox", "bgr-mean"), default="squeeze")
    parser.add_argument("--side", type=int, default=640, help="pixels of the model's square input")
    parser.add_argument("--float", help="regular expression of node names that stay 32-bit")
    parser.add_argument("--operators", nargs="+", default=OPERATORS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    onnxruntime.set_default_logger_severity(3)
    if options.model is None:
        quantise(MODELS / "derain.onnx", MODELS / "derain-int8.onnx", rainy_patches(), DERAIN_FLOAT)
        quantise(MODELS / "traffic-light.onnx", MODELS / "traffic-light-int8.onnx", light_renders())
        quantise(MODELS / "traffic-sign.onnx", MODELS / "traffic-sign-int8.onnx", sign_renders())
        return
    if options.inputs is None:
        parser.error("a model of your own needs --inputs, a folder of photos to calibrate on")
    target = options.out or options.model.with_name(f"{options.model.stem}-int8.onnx")
    tensors = read_folder(options.inputs, options.prepare, options.side)
    quantise(options.model, target, tensors, options.float, options.operators)


if __name__ == "__main__":
    main()
