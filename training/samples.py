"""Writes the sample inputs in examples/inputs/ and the golden tensors in models/golden/.

    python samples.py
"""

import numpy as np
from PIL import Image

import photos
from derain_evaluate import UNSEEN, held_out_rain
from engine import MODELS, ROOT, open_model
from metrics import to_bytes
from onnx_graph import Graph
from traffic_light_render import render
from traffic_sign.render import render as render_sign
from traffic_sign.signs import LABELS

INPUTS = ROOT / "examples" / "inputs"
# photo, rain, seed, file. Only `china` was also a training photograph.
RAINY = (
    ("coffee", "blurred_noise", 2, "coffee.jpg"),
    ("rocket", UNSEEN, 6, "rocket.jpg"),
    ("chelsea", "particles", 5, "chelsea.webp"),
    ("china", "segments", 1, "china.jpg"),
)
# class, (width, height), file
LIGHTS = (
    (0, (96, 200), "red-1.png"), (0, (300, 300), "red-2.jpg"),
    (1, (120, 220), "yellow-1.jpg"), (1, (80, 80), "yellow-2.png"),
    (2, (140, 260), "green-1.jpg"), (2, (180, 160), "green-2.png"),
    (3, (110, 240), "off-1.png"), (3, (256, 256), "off-2.jpg"),
)
# class, (width, height), kind of file
SIGNS = (
    ("speed limit 50", (160, 160), "jpg"), ("no entry", (96, 110), "png"), ("priority road", (240, 220), "jpg"),
    ("yield", (72, 72), "png"), ("stop", (300, 300), "jpg"), ("road work", (140, 120), "png"),
    ("bicycles crossing", (200, 200), "jpg"), ("keep right", (64, 64), "png"),
)


def save(picture, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(picture)
    image.save(path) if path.suffix == ".png" else image.save(path, quality=90)


def write_inputs():
    for name, kind, seed, file in RAINY:
        rng = np.random.default_rng(seed)
        save(to_bytes(held_out_rain(rng, photos.load(name), kind)), INPUTS / "derain" / file)
    rng = np.random.default_rng(31)
    pictures = [photos.load(name) for name in photos.HELD_OUT]
    for label, size, file in LIGHTS:
        picture = to_bytes(render(rng, label, False, pictures, side=max(size)))
        image = Image.fromarray(picture).resize(size, Image.BILINEAR)
        save(np.asarray(image), INPUTS / "traffic-light" / file)
    rng = np.random.default_rng(61)
    for label, size, kind in SIGNS:
        picture = to_bytes(render_sign(rng, LABELS.index(label), (), pictures, side=max(size)))
        left, top = (max(size) - size[0]) // 2, (max(size) - size[1]) // 2
        file = f"{label.replace(' ', '-')}.{kind}"
        save(picture[top:top + size[1], left:left + size[0]], INPUTS / "traffic-sign" / file)


def write_golden():
    """One input and its output for each model, as raw little-endian float32."""
    golden = MODELS / "golden"
    golden.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(41)
    crop = photos.load("coffee")[100:132, 200:248]
    rainy = held_out_rain(rng, crop, "segments")
    light = render(rng, 2, False, [photos.load("rocket")], side=64)
    sign = render_sign(rng, LABELS.index("slippery road"), (), [photos.load("rocket")], side=48)
    for name, output, picture in (
        ("derain", "clean", rainy), ("traffic-light", "logits", light), ("traffic-sign", "logits", sign),
    ):
        image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], "<f4")
        result = open_model(MODELS / f"{name}.onnx").run([output], {"image": image})[0]
        image.tofile(golden / f"{name}.input.f32")
        result.astype("<f4").tofile(golden / f"{name}.output.f32")
        print(name, image.shape, "->", result.shape)


def write_foreign_classifier():
    """A classifier as a user may bring one: other names, 32x32, two classes, the softmax inside."""
    graph = Graph()
    means = graph.add("Flatten", [graph.add("GlobalAveragePool", ["data"])], axis=1)
    pick = graph.constant("pick", np.float32([[1, 0], [0, 0], [0, 1]]))
    graph.add("Softmax", [graph.add("MatMul", [means, pick])], "prob", axis=1)
    graph.save(MODELS / "golden" / "red-or-blue.onnx", "red_or_blue", [("data", [1, 3, 32, 32])], [("prob", [1, 2])])


if __name__ == "__main__":
    write_inputs()
    write_golden()
    write_foreign_classifier()
