"""Rain generators used in training: each returns a streak map [height, width] in 0..1.

The product will meet rain made by programs nobody here has seen, so the mixture
is broad on purpose: four constructions, one or two layers each, and three ways
to blend. `rain_unseen.py` holds a fifth construction that training never uses.
"""

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve

# Held-out parameter bands, used by the evaluation only (see `derain_evaluate.py`):
# angle in degrees from the vertical and streak length in pixels.
HELD_OUT_ANGLE = (22.0, 27.0)
HELD_OUT_LENGTH = (34.0, 40.0)


def draw_angle(rng, spread=20):
    """Angle of a layer, outside the band that is kept for the evaluation."""
    while True:
        angle = rng.normal(0, spread)
        if abs(angle) < 55 and not HELD_OUT_ANGLE[0] < abs(angle) < HELD_OUT_ANGLE[1]:
            return angle


def draw_length(rng):
    """Length of a layer's streaks, outside the band that is kept for the evaluation."""
    while True:
        length = np.exp(rng.uniform(np.log(6), np.log(80)))
        if not HELD_OUT_LENGTH[0] < length < HELD_OUT_LENGTH[1]:
            return length


def segments(rng, height, width, angle, length, density, bend=0.0):
    """Line segments, mostly drawn large and reduced; `bend` curves each one."""
    zoom = rng.choice([1, 3], p=[0.25, 0.75])  # 1 leaves the jagged edges of a simple program
    image = Image.new("L", (width * zoom, height * zoom))
    draw = ImageDraw.Draw(image)
    thick = rng.uniform(0.6, 3.2)
    jitter = rng.choice([0.0, 1.5, 5.0])
    count = int(density * height * width / (length * thick)) + 1
    for _ in range(count):
        x, y = rng.uniform(-20, width + 20), rng.uniform(-length, height + 4)
        turn = np.radians(angle + rng.normal(0, jitter))
        reach = length * rng.uniform(0.5, 1.3)
        steps = np.linspace(0, 1, 2 if bend == 0 else 6)
        turns = turn + bend * steps
        points = np.stack([x + reach * steps * np.sin(turns), y + reach * steps * np.cos(turns)], 1) * zoom
        stroke = max(1, round(thick * zoom * rng.uniform(0.6, 1.4)))
        draw.line([tuple(p) for p in points], fill=int(rng.uniform(90, 255)), width=stroke)
    layer = np.asarray(image.resize((width, height), Image.BOX), np.float32) / 255
    return gaussian_filter(layer, rng.uniform(0.0, 0.7))


def curved(rng, height, width, angle, length, density):
    """Segments that bend, as in gusts or with a rolling shutter."""
    return segments(rng, height, width, angle, length, density, bend=rng.uniform(-0.5, 0.5))


def blurred_noise(rng, height, width, angle, length, density):
    """Thresholded noise, softened and smeared along the angle: the photo editor's recipe."""
    pad = int(length) + 4
    noise = rng.random((height + 2 * pad, width + 2 * pad))
    sources = np.where(noise > 1 - density / length * rng.uniform(0.5, 1.0), rng.uniform(0.4, 1, noise.shape), 0)
    sources = gaussian_filter(sources, rng.uniform(0.3, 1.0))
    side = int(length) | 1
    kernel = Image.new("L", (side * 3, side * 3))
    reach = np.array([np.sin(np.radians(angle)), np.cos(np.radians(angle))]) * side * 1.5
    middle = np.array([side * 1.5, side * 1.5])
    ImageDraw.Draw(kernel).line([tuple(middle - reach), tuple(middle + reach)], fill=255, width=3)
    kernel = np.asarray(kernel.resize((side, side), Image.BOX), np.float32)
    layer = fftconvolve(sources, kernel / kernel.sum(), "same")[pad:-pad, pad:-pad]
    peak = np.percentile(layer, 99.5) + 1e-6
    return np.clip(layer / peak * rng.uniform(0.7, 1.3), 0, 1)


def particles(rng, height, width, angle, length, density):
    """Soft elongated drops with a Gaussian profile across and a tapered one along."""
    layer = np.zeros((height, width), np.float32)
    wide = rng.uniform(0.45, 1.9)
    jitter = rng.choice([0.5, 3.0, 7.0])
    taper = rng.choice([2, 4, 8])
    for _ in range(int(density * height * width / (length * wide * 2)) + 1):
        x, y = rng.uniform(-10, width + 10), rng.uniform(-10, height + 10)
        turn = np.radians(angle + rng.normal(0, jitter))
        half, across = length * rng.uniform(0.3, 0.7), wide * rng.uniform(0.6, 1.5)
        reach_x = abs(np.sin(turn)) * half + 3 * across + 1
        reach_y = abs(np.cos(turn)) * half + 3 * across + 1
        left, right = max(0, int(x - reach_x)), min(width, int(x + reach_x) + 1)
        top, bottom = max(0, int(y - reach_y)), min(height, int(y + reach_y) + 1)
        if left >= right or top >= bottom:
            continue
        dx = np.arange(left, right)[None, :] - x
        dy = np.arange(top, bottom)[:, None] - y
        along = (dx * np.sin(turn) + dy * np.cos(turn)) / half
        aside = (dx * np.cos(turn) - dy * np.sin(turn)) / across
        drop = np.exp(-0.5 * aside**2) * np.exp(-np.abs(along) ** taper)
        area = layer[top:bottom, left:right]
        np.maximum(area, drop * rng.uniform(0.35, 1.0), out=area)
    return layer


GENERATORS = {
    "segments": segments,
    "curved": curved,
    "blurred_noise": blurred_noise,
    "particles": particles,
}


def streak_map(rng, height, width):
    """One training rain: one to three layers of one or more constructions."""
    total = np.zeros((height, width), np.float32)
    angle = draw_angle(rng)
    for depth in range(rng.choice([1, 2, 3], p=[0.55, 0.35, 0.1])):
        maker = GENERATORS[rng.choice(list(GENERATORS))]
        density = np.exp(rng.uniform(np.log(0.02), np.log(0.4))) * 0.6**depth
        tilt = angle + (rng.normal(0, 4) if depth else 0.0)
        if HELD_OUT_ANGLE[0] < abs(tilt) < HELD_OUT_ANGLE[1]:
            tilt = angle
        layer = maker(rng, height, width, tilt, draw_length(rng), density)
        total = total + layer * rng.uniform(0.5, 1.0) * (1 - total)
    return np.clip(total, 0, 1).astype(np.float32)


def single_layer(rng, height, width):
    """One layer of plain rain, of light to heavy density: what most programs draw.

    Bent streaks come most often, and slanted ones more often than in `streak_map`: they are the hardest to find.
    """
    names, chances = list(GENERATORS), (0.2, 0.4, 0.2, 0.2)
    maker = GENERATORS[rng.choice(names, p=chances)]
    angle, length = draw_angle(rng, spread=23), draw_length(rng)
    while not 12 < length < 70:
        length = draw_length(rng)
    layer = maker(rng, height, width, angle, length, rng.uniform(0.06, 0.4))
    return np.clip(layer, 0, 1).astype(np.float32)


def draw_blend(rng, veil_share=0.25, veil_most=0.12):
    """How a streak map meets the photo: mode, strength, streak colour and veil (haze)."""
    shade = rng.uniform(0.6, 1.0)
    blue = rng.uniform(0, 0.08) if rng.random() < 0.4 else 0.0
    hazy = rng.random() < veil_share
    return {
        "mode": int(rng.integers(3)),
        "strength": rng.uniform(0.35, 1.0),
        "colour": np.array([shade - blue, shade - blue / 2, min(1.0, shade + blue / 2)], np.float32),
        "veil": rng.uniform(0.0, veil_most) if hazy else 0.0,
        "air": rng.uniform(0.6, 0.95),
    }


def blend(photo, streaks, look):
    """Lays a streak map over a photo [h, w, 3]; modes: 0 opacity, 1 addition, 2 screen."""
    veiled = photo * (1 - look["veil"]) + look["air"] * look["veil"]
    cover = streaks[..., None] * look["strength"]
    if look["mode"] == 0:
        rainy = veiled * (1 - cover) + look["colour"] * cover
    elif look["mode"] == 1:
        rainy = veiled + look["colour"] * cover * 0.7
    else:
        rainy = 1 - (1 - veiled) * (1 - look["colour"] * cover)
    return np.clip(rainy, 0, 1).astype(np.float32)
