"""What surrounds a rendered object: the scene behind it, what hides a part of it, and the camera."""

import io

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

import photos
import rain


def background(rng, pictures, side):
    """A scene of `side` pixels: a crop of a photograph, a made-up picture or a sky."""
    kind = rng.random()
    if kind < 0.55:
        photo = pictures[rng.integers(len(pictures))]
        height, width = photo.shape[:2]
        reach = int(rng.uniform(0.25, 0.95) * min(height, width))
        top, left = rng.integers(0, height - reach + 1), rng.integers(0, width - reach + 1)
        crop = Image.fromarray((photo[top:top + reach, left:left + reach] * 255).astype(np.uint8))
        scene = np.asarray(crop.resize((side, side), Image.BILINEAR), np.float32) / 255
        return photos.retone(rng, scene)
    if kind < 0.75:
        return photos.procedural(rng, side)
    top = np.array([rng.uniform(0.3, 0.8), rng.uniform(0.5, 0.9), rng.uniform(0.7, 1.0)])
    foot = np.clip(top + rng.uniform(-0.3, 0.3, 3), 0, 1)
    mix = np.linspace(0, 1, side)[:, None, None]
    return np.broadcast_to(top * (1 - mix) + foot * mix, (side, side, 3)).astype(np.float32)


def occlude(rng, box, side, share):
    """Mask of a pole, a leaf or an edge that hides `share` of the box (left, top, width, height)."""
    left, top, width, height = box
    mask = Image.new("L", (side, side))
    pen = ImageDraw.Draw(mask)
    if rng.random() < 0.5:  # a straight edge from one of the four sides
        where = rng.integers(4)
        cut = {0: [0, 0, left + width * share, side], 1: [left + width * (1 - share), 0, side, side],
               2: [0, 0, side, top + height * share], 3: [0, top + height * (1 - share), side, side]}[where]
        pen.rectangle(cut, fill=255)
    else:
        for _ in range(3):
            area = width * height * share / 3
            reach = np.sqrt(area) * rng.uniform(0.6, 1.4)
            x, y = left + rng.random() * width, top + rng.random() * height
            pen.ellipse([x - reach / 2, y - area / reach / 2, x + reach / 2, y + area / reach / 2], fill=255)
    return np.asarray(mask, np.float32)[..., None] / 255


def develop(rng, picture, conditions, zoom):
    """The camera: rain, blur, colour cast, exposure, noise and compression.

    `zoom` is the picture's side over that of the model's input, in whose pixels `conditions` count.
    """
    if rng.random() < 0.15:
        look = rain.draw_blend(rng, 0.45, 0.15) | {"strength": rng.uniform(0.1, 0.5)}
        picture = rain.blend(np.clip(picture, 0, 1), rain.streak_map(rng, *picture.shape[:2]), look)
    picture = gaussian_filter(picture, (conditions["blur"] * zoom, conditions["blur"] * zoom, 0))
    tint = rng.normal(0, 1, 3)
    picture = picture * (1 + conditions["cast"] * tint / (np.abs(tint).max() + 1e-6))
    picture = np.clip(picture * rng.uniform(0.75, 1.2) + rng.uniform(0, 0.05), 0, 1) ** rng.uniform(0.75, 1.3)
    picture = np.clip(picture + rng.normal(0, conditions["noise"], picture.shape) * min(zoom, 2), 0, 1)
    if rng.random() < 0.4:
        store = io.BytesIO()
        Image.fromarray((picture * 255).astype(np.uint8)).save(store, "JPEG", quality=int(rng.uniform(45, 95)))
        picture = np.asarray(Image.open(store), np.float32) / 255
    return picture.astype(np.float32)
