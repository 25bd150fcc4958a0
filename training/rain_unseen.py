"""A rain generator that training never uses, built another way than those in `rain.py`.

Drops live in a box of space before a pinhole camera: each has a depth, a size and
a fall speed, and is projected at many instants of one exposure. Near drops are
wide, long and out of focus; far ones are thin and fade in the haze. A falling
drop oscillates, so its streak beats in brightness, and it lets part of the
blurred scene through instead of a fixed colour.
"""

import numpy as np
from scipy.ndimage import gaussian_filter


def perspective_drops(rng, photo, drops=10000, wind=None, exposure=None, haze=None):
    """Returns the photo [h, w, 3] seen through simulated rain."""
    height, width = photo.shape[:2]
    wind = rng.uniform(-0.45, 0.45) if wind is None else wind
    exposure = rng.uniform(0.010, 0.025) if exposure is None else exposure
    haze = rng.uniform(0.0, 0.08) if haze is None else haze
    focal = 1.1 * max(height, width)
    count = int(drops * height * width / (384 * 384))
    depth = (rng.random(count) * 0.97 + 0.03) ** 0.5 * 12 + 0.9
    size = rng.uniform(0.8, 3.0, count) ** 1.2 / 1000
    speed = 9.65 - 10.3 * np.exp(-600 * size)
    screen_x, screen_y = rng.uniform(-0.1, 1.1, count) * width, rng.uniform(-0.1, 1.1, count) * height
    beat, phase = rng.uniform(0.0, 0.6, count), rng.uniform(0, 2 * np.pi, count)
    reach = focal * np.abs(speed) * exposure / depth
    breadth = focal * size * 2 / depth
    sharp, soft = np.zeros((height, width)), np.zeros((height, width))
    for k in range(count):
        steps = max(2, int(reach[k] * 2))
        time = np.linspace(0, 1, steps)
        x = screen_x[k] + wind * reach[k] * time
        y = screen_y[k] + reach[k] * time
        light = (1 - beat[k] * np.sin(2 * np.pi * time * 2.5 + phase[k]) ** 2) * min(1.0, breadth[k] * 0.9)
        _splat(soft if depth[k] < 3.0 else sharp, x, y, light, max(1, round(breadth[k])))
    cover = 1 - (1 - np.clip(gaussian_filter(sharp, 0.45), 0, 0.9)) * (1 - np.clip(gaussian_filter(soft, 1.1), 0, 0.9))
    behind = np.stack([gaussian_filter(photo[..., c], 14) for c in range(3)], axis=2)
    drop_colour = np.clip(0.35 * behind + 0.62, 0, 1)
    veiled = photo * (1 - haze) + haze * 0.85
    return np.clip(veiled + (drop_colour - veiled) * cover[..., None] * 0.95, 0, 1).astype(np.float32)


def _splat(plane, x, y, light, breadth):
    """Adds one drop's path to a plane with bilinear weights, `breadth` pixels across."""
    height, width = plane.shape
    for offset in range(breadth):
        across = x + offset - (breadth - 1) / 2
        column, row = np.floor(across).astype(int), np.floor(y).astype(int)
        part = across - column
        for shift, weight in ((0, 1 - part), (1, part)):
            inside = (column + shift >= 0) & (column + shift < width) & (row >= 0) & (row < height)
            np.maximum.at(plane, (row[inside], column[inside] + shift), (light * weight)[inside])
