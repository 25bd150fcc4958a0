"""The photographs and textures used for training and for evaluation.

Every picture comes inside the scikit-image or scikit-learn package, so that
nothing has to be downloaded. LICENCES repeats what the packages state.
"""

from pathlib import Path

import numpy as np
import skimage.data
import sklearn.datasets
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, rotate

SKIMAGE = Path(skimage.data.__file__).parent
SKLEARN = Path(sklearn.datasets.__file__).parent / "images"

# Held out: no pixel of these is seen in training.
HELD_OUT = ("chelsea", "coffee", "rocket")
TRAINING = (
    "astronaut", "china", "flower", "camera", "hubble",
    "retina", "clock", "brick", "grass", "gravel",
)
# How often each training photograph is drawn: real scenes before textures.
WEIGHTS = (5, 6, 4, 4, 1, 1, 2, 1.5, 1.5, 1.5)

FILES = {
    "astronaut": SKIMAGE / "astronaut.png",
    "rocket": SKIMAGE / "rocket.jpg",
    "chelsea": SKIMAGE / "chelsea.png",
    "coffee": SKIMAGE / "coffee.png",
    "camera": SKIMAGE / "camera.png",
    "hubble": SKIMAGE / "hubble_deep_field.jpg",
    "retina": SKIMAGE / "retina.jpg",
    "clock": SKIMAGE / "clock_motion.png",
    "brick": SKIMAGE / "brick.png",
    "grass": SKIMAGE / "grass.png",
    "gravel": SKIMAGE / "gravel.png",
    "china": SKLEARN / "china.jpg",
    "flower": SKLEARN / "flower.jpg",
}

LICENCES = {
    "astronaut": "public domain (NASA)",
    "rocket": "public domain (SpaceX)",
    "chelsea": "CC0 (Stefan van der Walt)",
    "coffee": "CC0 (Rachel Michetti)",
    "camera": "CC0 (Lav Varshney)",
    "hubble": "public domain (NASA)",
    "retina": "CC0 (Häggström, Mikael)",
    "clock": "public domain (Stefan van der Walt)",
    "brick": "CC0 (CC0Textures)",
    "grass": "CC0 (linolafett)",
    "gravel": "CC0 (CC0Textures)",
    "china": "CC BY 2.0 (danielbuechele)",
    "flower": "CC BY 2.0 (vultilion)",
}


def load(name):
    """Returns a photograph as float32 [height, width, 3] in 0..1."""
    picture = Image.open(FILES[name]).convert("RGB")
    if max(picture.size) > 1000:  # the fundus photo: far larger than the rest
        picture = picture.resize((700, 700 * picture.height // picture.width), Image.LANCZOS)
    return np.asarray(picture, np.float32) / 255


def _field(rng, size, scale):
    """Smooth random field in 0..1, made by enlarging coarse noise."""
    cells = max(2, int(size / scale))
    noise = Image.fromarray(rng.integers(0, 256, (cells, cells), np.uint8))
    return np.asarray(noise.resize((size, size), Image.BICUBIC), np.float32) / 255


def procedural(rng, size):
    """A made-up picture: gradient, fractal, shapes, stripes, print-like marks, grain or dead leaves."""
    kind = rng.integers(8)
    if kind >= 6:
        return _dead_leaves(rng, size)
    low, high = rng.random(3), rng.random(3)
    mix = _field(rng, size, rng.uniform(size / 3, size))
    if kind == 1:
        mix = sum(_field(rng, size, size / 2**k) * 0.6**k for k in range(1, 6)) / 1.2
    if kind == 3:
        angle, period = rng.uniform(0, np.pi), rng.uniform(4, 40)
        rows, columns = np.mgrid[:size, :size]
        wave = np.sin((rows * np.sin(angle) + columns * np.cos(angle)) * 2 * np.pi / period)
        mix = 0.6 * mix + 0.4 * np.clip(wave * rng.uniform(1, 6), -1, 1)
    if kind == 5:
        mix = 0.5 * mix + 0.5 * grain(rng, size)
    picture = low + (high - low) * np.clip(mix, 0, 1)[..., None]
    if kind in (2, 4):
        picture = _marks(rng, picture, glyphs=kind == 4)
    return np.clip(picture, 0, 1).astype(np.float32)


def grain(rng, size):
    """Oriented noise like fur, wood or grass: thin and long as rain is, yet part of the scene."""
    noise = rng.normal(0, 1, (size * 3 // 2, size * 3 // 2))
    noise = gaussian_filter(noise, (rng.uniform(2, 14), rng.uniform(0.4, 1.6)))
    noise = rotate(noise, rng.uniform(0, 180), reshape=False, order=1, mode="reflect")
    start = size // 4
    noise = noise[start:start + size, start:start + size]
    return 0.5 + noise / (noise.std() + 1e-6) * rng.uniform(0.08, 0.25)


def _dead_leaves(rng, size):
    """Overlapping shapes of all sizes: edges and contrasts much as in photographs, endlessly new."""
    picture = np.full((size, size, 3), rng.random(3), np.float32)
    palette = np.clip(rng.random((6, 3)) * rng.uniform(0.4, 1.0) + rng.normal(0, 0.1, (6, 3)), 0, 1)
    texture = grain(rng, size)[..., None] - 0.5
    for _ in range(rng.integers(60, 160)):
        reach = min(size * 0.6, 1.5 / rng.uniform(0.03, 1.0) ** 1.2)
        mask = Image.new("L", (size, size))
        x, y = rng.uniform(0, size, 2)
        corners = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 12)))
        far = reach * rng.uniform(0.6, 1.3, len(corners))
        points = np.stack([x + far * np.cos(corners), y + far * np.sin(corners)], 1)
        ImageDraw.Draw(mask).polygon([tuple(p) for p in points], fill=255)
        inside = np.asarray(mask) > 0
        colour = np.clip(palette[rng.integers(6)] + rng.normal(0, 0.06, 3), 0, 1)
        picture[inside] = (colour + texture * rng.uniform(0, 0.8))[inside]
    soft = rng.uniform(0.3, 0.9)
    return np.clip(gaussian_filter(picture, (soft, soft, 0)), 0, 1).astype(np.float32)


def _marks(rng, picture, glyphs):
    """Draws ellipses, boxes and triangles (large), or rows of small strokes like print."""
    size = picture.shape[0]
    image = Image.fromarray((picture * 255).astype(np.uint8)).resize((2 * size, 2 * size))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(15, 80) if glyphs else rng.integers(3, 12)):
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        x, y = rng.uniform(0, 2 * size, 2)
        w, h = rng.uniform(4, 24, 2) if glyphs else rng.uniform(10, size, 2)
        shape = rng.integers(3)
        if shape == 0:
            draw.ellipse([x, y, x + w, y + h], fill=None if glyphs else colour, outline=colour, width=2)
        elif shape == 1:
            draw.rectangle([x, y, x + w, y + h], fill=colour)
        else:
            draw.polygon([(x, y), (x + w, y + h / 3), (x + w / 3, y + h)], fill=colour)
    return np.asarray(image.resize((size, size), Image.BOX), np.float32) / 255


def augmented_patch(rng, photo, size, lift):
    """A random crop of a photograph: scaled, rotated, flipped, re-toned, sometimes re-compressed."""
    height, width = photo.shape[:2]
    scale = np.exp(rng.uniform(np.log(0.45), np.log(1.4)))
    side = min(int(size / scale * 1.15), height, width)
    top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    image = Image.fromarray((photo[top:top + side, left:left + side] * 255).astype(np.uint8))
    if rng.random() < 0.4:
        image = image.rotate(rng.uniform(-8, 8), Image.BICUBIC)
    margin = side * 0.065  # cuts the corners that the rotation left empty
    image = image.resize((size, size), Image.LANCZOS, box=(margin, margin, side - margin, side - margin))
    if rng.random() < 0.5:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    patch = np.asarray(image, np.float32) / 255
    if rng.random() < 0.5:  # other colours and another way up, so that no photograph is learnt by heart
        patch = np.rot90(patch[..., rng.permutation(3)], rng.integers(4))
    return retone(rng, patch, lift)


def retone(rng, patch, lift=0.02):
    """Gamma, contrast, brightness and colour changes, as between cameras and hours of the day.

    `lift` bounds how far black is raised: the less it is, the better a veil can be recognised.
    """
    if np.ptp(patch, axis=2).max() < 0.02:  # grey picture: give it a tint
        patch = patch * rng.uniform(0.65, 1.0, 3)
    patch = np.clip(patch, 0, 1) ** rng.uniform(0.65, 1.6)
    patch = patch * rng.uniform(0.6, 1.15) + rng.uniform(-0.04, lift)
    grey = patch.mean(axis=2, keepdims=True)
    patch = grey + (patch - grey) * rng.uniform(0.3, 1.3)
    return np.clip(patch * rng.uniform(0.92, 1.08, 3), 0, 1).astype(np.float32)
