"""Renders single traffic lights over varied backgrounds, for training and for evaluation.

Each condition (tilt, blur, darkness ...) has a training range and a held-out range
that lies outside it, so that the evaluation asks for more than was practised.
"""

import colorsys

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from scene import background, develop, occlude

CLASSES = ("red", "yellow", "green", "off")

# name: (training range, held-out range). Units are given beside each.
RANGES = {
    "tilt": ((0.0, 12.0), (12.5, 18.0)),  # degrees, either way
    "blur": ((0.0, 1.5), (1.6, 2.2)),  # Gaussian sigma in pixels of the 64x64 picture
    "noise": ((0.0, 0.05), (0.055, 0.085)),  # standard deviation, full scale 1
    "darkness": ((0.10, 1.0), (0.05, 0.09)),  # ambient light; 1 is full day
    "fill": ((0.55, 0.95), (0.42, 0.53)),  # longer housing side over the frame's side
    "cast": ((0.0, 0.16), (0.17, 0.24)),  # strength of the colour cast
    "cover": ((0.0, 0.20), (0.21, 0.30)),  # share of the housing hidden
    "glare": ((0.0, 0.8), (0.85, 1.1)),  # strength of the halo around the lit lamp
}
SAMPLED_HELD_OUT = 3  # how many conditions of a held-out render leave their range

HUES = {"red": (-0.03, 0.025), "yellow": (0.095, 0.15), "green": (0.35, 0.47)}
LAMPS = ("red", "yellow", "green")


def draw_conditions(rng, held_out):
    """Draws every condition; for a held-out render three of them lie outside training."""
    values = {name: rng.uniform(*spans[0]) for name, spans in RANGES.items()}
    if rng.random() < 0.45:  # by night; else by day
        values["darkness"] = np.exp(rng.uniform(*np.log(RANGES["darkness"][0])))
    else:
        values["darkness"] = rng.uniform(0.5, 1.0)
    for name in ("blur", "noise", "cover", "cast"):
        values[name] *= rng.random() ** 0.7  # mild conditions are the common ones
    if rng.random() < 0.5:
        values["cover"] = 0.0
    if held_out:
        for name in rng.choice(list(RANGES), SAMPLED_HELD_OUT, replace=False):
            values[name] = rng.uniform(*RANGES[name][1])
    values["tilt"] *= rng.choice([-1, 1])
    return values


def _colour(rng, lamp, lit):
    hue = rng.uniform(*HUES[lamp]) % 1.0
    if lit:
        return np.array(colorsys.hsv_to_rgb(hue, rng.uniform(0.8, 1.0), rng.uniform(0.85, 1.0)))
    return np.array(colorsys.hsv_to_rgb(hue, rng.uniform(0.2, 0.8), rng.uniform(0.05, 0.30)))


def _housing(rng, lit, size):
    """Draws an upright housing: ambient-lit paint (RGBA) and its own light (RGB), size x 3 size."""
    width, height = size, int(size * rng.uniform(2.3, 2.9))
    body = rng.choice([0.03, 0.08, 0.16]) + rng.uniform(0, 0.06)
    tint = np.array([1, 1, 1]) * body
    if rng.random() < 0.25:
        tint = np.array([[0.75, 0.55, 0.08], [0.1, 0.22, 0.14]][rng.integers(2)]) * rng.uniform(0.6, 1.1)
    paint = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    light = Image.new("RGB", (width, height))
    pen, lamp_pen = ImageDraw.Draw(paint), ImageDraw.Draw(light)
    edge = (235, 235, 235, 255) if rng.random() < 0.25 else tuple((tint * 200).astype(int)) + (255,)
    pen.rounded_rectangle([0, 0, width - 1, height - 1], size * rng.uniform(0.02, 0.35),
                          fill=tuple((tint * 255).astype(int)) + (255,), outline=edge, width=max(1, size // 25))
    radius = size * rng.uniform(0.30, 0.40)
    pattern = rng.random() < 0.3  # light-emitting diodes show as dots when near
    for place, lamp in enumerate(LAMPS):
        x, y = width / 2, height * (0.19 + 0.31 * place)
        box = [x - radius, y - radius, x + radius, y + radius]
        lens = tuple((_colour(rng, lamp, False) * 255).astype(int))
        pen.ellipse(box, fill=lens + (255,))
        if rng.random() < 0.4:  # the sky mirrored in the glass
            pen.ellipse([x - radius * 0.6, y - radius * 0.7, x - radius * 0.1, y - radius * 0.4],
                        fill=tuple(min(255, c + 50) for c in lens) + (255,))
        if lamp == lit:
            _glow(rng, lamp_pen, x, y, radius * 0.95, lamp, pattern)
        if rng.random() < 0.6:
            pen.arc([box[0] - 2, box[1] - 2, box[2] + 2, box[3] + 2], 180, 360,
                    fill=tuple((tint * 130).astype(int)) + (255,), width=max(2, int(radius * 0.25)))
    return paint, light


def _glow(rng, pen, x, y, radius, lamp, pattern):
    colour = _colour(rng, lamp, True)
    core = rng.uniform(0.0, 0.75)  # an over-exposed lamp is white in the middle
    for part in np.linspace(1, 0.1, 10):
        mix = core * (1 - part) ** 0.7
        shade = tuple(int(c) for c in (colour * (1 - mix) + mix) * 255)
        pen.ellipse([x - radius * part, y - radius * part, x + radius * part, y + radius * part], fill=shade)
    if pattern:
        step = radius / rng.uniform(3, 5)
        for row in np.arange(-radius, radius, step):
            pen.line([x - radius, y + row, x + radius, y + row], fill=(0, 0, 0), width=max(1, int(step * 0.2)))
            pen.line([x + row, y - radius, x + row, y + radius], fill=(0, 0, 0), width=max(1, int(step * 0.2)))


def _place(rng, paint, light, side, conditions):
    """Turns, sizes and positions the housing in the frame."""
    if rng.random() < 0.3:  # horizontal housing: red at the left
        paint, light = paint.rotate(90, expand=True), light.rotate(90, expand=True)
    paint = paint.rotate(conditions["tilt"], Image.BICUBIC, expand=True)
    light = light.rotate(conditions["tilt"], Image.BICUBIC, expand=True)
    scale = conditions["fill"] * side / max(paint.size)
    # The app squeezes every picture to a square, so wide and tall crops get distorted.
    stretch = np.exp(rng.uniform(-0.1, 0.65)) if paint.height > paint.width else np.exp(rng.uniform(-0.65, 0.1))
    width = int(min(paint.width * scale * stretch, side * 0.95)) + 1
    height = int(min(paint.height * scale / min(stretch, 1.0), side * 0.95)) + 1
    left = int(np.clip((side - width) / 2 + rng.normal(0, 0.08) * side, 0, side - width))
    top = int(np.clip((side - height) / 2 + rng.normal(0, 0.08) * side, 0, side - height))
    paint_frame, light_frame = Image.new("RGBA", (side, side)), Image.new("RGB", (side, side))
    paint_frame.paste(paint.resize((width, height), Image.BILINEAR), (left, top))
    light_frame.paste(light.resize((width, height), Image.BILINEAR), (left, top))
    return paint_frame, light_frame, (left, top, width, height)


def _hidden(mask, light):
    """Share of the lit lamp's light that a mask takes away."""
    glow = light.max(axis=2, keepdims=True)
    return float((glow * mask).sum() / (glow.sum() + 1e-6))


def render(rng, label, held_out, pictures, side=128):
    """Renders one light as float32 [side, side, 3] in 0..1."""
    conditions = draw_conditions(rng, held_out)
    paint, light = _housing(rng, CLASSES[label], int(side * 0.47))
    paint, light, box = _place(rng, paint, light, side, conditions)
    paint = np.asarray(paint, np.float32) / 255
    light = np.asarray(light, np.float32) / 255
    cover, colour, alpha = np.zeros((side, side, 1), np.float32), rng.uniform(0.02, 0.5, 3), paint[..., 3:]
    if conditions["cover"] > 0:
        mask = occlude(rng, box, side, conditions["cover"])
        # With more than half of the lamp gone the label would no longer be fair.
        cover = mask if _hidden(mask, light) < 0.5 else cover
    scene = background(rng, pictures, side) * (1 - alpha) + paint[..., :3] * alpha
    scene = scene * (1 - cover) + colour * cover
    light = light * (1 - cover)
    power = rng.uniform(0.95, 1.35)
    ambient = conditions["darkness"]
    glow = light.max(axis=2, keepdims=True)
    picture = scene * ambient * (1 - glow) + light * power
    halo = gaussian_filter(light, (side * 0.05, side * 0.05, 0)) + 0.5 * gaussian_filter(light, (side * 0.12, side * 0.12, 0))
    picture = picture + halo * conditions["glare"] * (1.3 - ambient)
    return develop(rng, picture, conditions, side / 64)


def small(picture, side=64):
    """Reduces a render to the model's input size, as bytes."""
    image = Image.fromarray(np.round(picture * 255).astype(np.uint8))
    return np.asarray(image.resize((side, side), Image.BILINEAR))
