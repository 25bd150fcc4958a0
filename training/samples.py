"""Writes the sample inputs in examples/inputs/ and the golden tensors in models/golden/.

    python samples.py
"""

import numpy as np
from PIL import Image

import photos
from derain_evaluate import UNSEEN, held_out_rain
from engine import MODELS, ROOT, open_model
from metrics import to_bytes
from traffic_light_render import render

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


def write_golden():
    """One input and its output for each model, as raw little-endian float32."""
    golden = MODELS / "golden"
    golden.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(41)
    crop = photos.load("coffee")[100:132, 200:248]
    rainy = held_out_rain(rng, crop, "segments")
    light = render(rng, 2, False, [photos.load("rocket")], side=64)
    for name, output, picture in (("derain", "clean", rainy), ("traffic-light", "logits", light)):
        image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], "<f4")
        result = open_model(MODELS / f"{name}.onnx").run([output], {"image": image})[0]
        image.tofile(golden / f"{name}.input.f32")
        result.astype("<f4").tofile(golden / f"{name}.output.f32")
        print(name, image.shape, "->", result.shape)


if __name__ == "__main__":
    write_inputs()
    write_golden()
