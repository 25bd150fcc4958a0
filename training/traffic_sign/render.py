"""Renders single traffic signs over varied backgrounds, for training and for evaluation.

Each condition (turn, blur, size ...) has a training range and a held-out range that lies
outside it, so that the evaluation asks for more than was practised.
"""

import numpy as np
from PIL import Image, ImageDraw

import photos
from scene import background, develop, occlude
from traffic_sign.signs import LABELS, draw

SIDE = 48  # pixels of the model's input

# name: (training range, held-out range). Units are given beside each.
RANGES = {
    "tilt": ((0.0, 12.0), (12.5, 18.0)),  # degrees in the picture's plane, either way
    "turn": ((0.0, 0.16), (0.17, 0.25)),  # how far corners move by perspective, share of the sign's side
    "blur": ((0.0, 0.9), (0.95, 1.2)),  # Gaussian sigma in pixels of the 48x48 picture
    "noise": ((0.0, 0.04), (0.045, 0.06)),  # standard deviation, full scale 1
    "darkness": ((0.35, 1.0), (0.22, 0.33)),  # brightness after the camera's exposure; 1 is full day
    "fill": ((0.62, 1.0), (0.52, 0.60)),  # the sign's side over the frame's side
    "cast": ((0.0, 0.16), (0.17, 0.24)),  # strength of the colour cast
    "cover": ((0.0, 0.10), (0.11, 0.16)),  # share of the sign hidden
}
SAMPLED_HELD_OUT = 3  # how many conditions of a held-out render leave their range


def held_out_conditions(rng):
    """Names of the conditions that leave their training range in one held-out render."""
    return rng.choice(list(RANGES), SAMPLED_HELD_OUT, replace=False)


def draw_conditions(rng, outside=(), mild=True):
    """Draws every condition, those named in `outside` from their held-out range.

    `mild` makes the lower half of a range the more common one, as it is on the road.
    """
    values = {name: rng.uniform(*spans[0]) for name, spans in RANGES.items()}
    if rng.random() < (0.3 if mild else 0.7):  # dusk and night; else by day
        values["darkness"] = np.exp(rng.uniform(*np.log(RANGES["darkness"][0])))
    else:
        values["darkness"] = rng.uniform(0.5, 1.0)
    for name in ("blur", "noise", "cover", "cast", "turn"):
        values[name] *= rng.random() ** 0.7 if mild else 1.0
    if rng.random() < (0.6 if mild else 0.3):
        values["cover"] = 0.0
    for name in outside:
        values[name] = rng.uniform(*RANGES[name][1])
    values["tilt"] *= rng.choice([-1, 1])
    return values


def _homography(source, target):
    """The eight numbers with which Pillow maps points of the target back to the source."""
    rows, sums = [], []
    for (x, y), (u, v) in zip(target, source):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        sums += [u, v]
    return np.linalg.solve(np.array(rows, float), np.array(sums, float))


def _place(rng, face, side, conditions):
    """Turns, squeezes and positions the face in the frame; RGBA of the frame and the sign's box."""
    reach = conditions["fill"] * side / 2
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)
    corners += rng.uniform(-1, 1, (4, 2)) * conditions["turn"]
    corners *= np.exp(rng.uniform(-0.12, 0.12, 2))  # the product squeezes every crop to a square
    angle = np.radians(conditions["tilt"])
    corners = corners @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * reach
    slack = np.maximum(side / 2 - reach, 0) + side * 0.02
    centre = side / 2 + np.clip(rng.normal(0, 0.05, 2) * side, -slack, slack)
    size = max(8, int(2 * reach))
    small = face.resize((size, size), Image.BOX if face.width >= 2 * size else Image.BILINEAR)
    ends = [(0, 0), (size, 0), (size, size), (0, size)]
    frame = small.transform((side, side), Image.PERSPECTIVE, _homography(ends, corners + centre), Image.BICUBIC)
    low = np.clip((corners + centre).min(0), 0, side)
    high = np.clip((corners + centre).max(0), 0, side)
    return frame, (low[0], low[1], high[0] - low[0], high[1] - low[1])


def _pole(rng, scene, box):
    """A post below the sign, sometimes with a plate on it."""
    left, top, width, height = box
    side = scene.shape[0]
    image = Image.fromarray((np.clip(scene, 0, 1) * 255).astype(np.uint8))
    pen, x = ImageDraw.Draw(image), left + width * rng.uniform(0.42, 0.58)
    grey = tuple(int(c) for c in np.clip(rng.uniform(60, 190) + rng.normal(0, 8, 3), 0, 255))
    pen.rectangle([x - side * 0.025, top + height * 0.7, x + side * 0.025, side], fill=grey)
    if rng.random() < 0.3 and top + height * 1.02 < side:
        pen.rectangle([left + width * 0.1, top + height * 1.02, left + width * 0.9, side], fill=(235, 235, 235))
        for row in np.arange(top + height * 1.08, side, side * 0.06):
            pen.line([left + width * 0.2, row, left + width * 0.8, row], fill=(40, 40, 40), width=2)
    return np.asarray(image, np.float32) / 255


def _shade(rng, picture):
    """A straight shadow, or a slope of light across the frame."""
    side = picture.shape[0]
    rows, columns = np.mgrid[:side, :side] / side - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    across = rows * np.sin(angle) + columns * np.cos(angle) + rng.uniform(-0.3, 0.3)
    sharp = rng.uniform(1, 30) if rng.random() < 0.5 else 1
    mask = 1 / (1 + np.exp(-across * 4 * sharp))
    return picture * (1 - rng.uniform(0.1, 0.5) * mask[..., None])


def render(rng, label, outside, pictures, side=96, mild=True):
    """Renders one sign as float32 [side, side, 3] in 0..1; conditions named in `outside` leave their range."""
    conditions = draw_conditions(rng, outside, mild)
    frame, box = _place(rng, draw(rng, label, max(144, side)), side, conditions)
    face = np.asarray(frame, np.float32) / 255
    alpha = np.clip(face[..., 3:], 0, 1)
    scene = background(rng, pictures, side)
    if rng.random() < 0.5:
        scene = _pole(rng, scene, box)
    picture = scene * (1 - alpha) + face[..., :3] * alpha
    if rng.random() < 0.4:
        picture = _shade(rng, picture)
    if rng.random() < 0.1:  # a reflecting sign at night: brighter than its scene
        picture = picture * (1 + alpha * rng.uniform(0.1, 0.6))
    if conditions["cover"] > 0:
        mask = occlude(rng, box, side, conditions["cover"])
        picture = picture * (1 - mask) + rng.uniform(0.02, 0.6, 3) * mask
    if rng.random() < 0.15:  # haze
        mist = rng.uniform(0.05, 0.35)
        picture = picture * (1 - mist) + rng.uniform(0.5, 0.85) * mist
    return develop(rng, picture * conditions["darkness"] * rng.uniform(0.9, 1.1), conditions, side / SIDE)


def small(picture, side=SIDE):
    """Reduces a render to the model's input size, as bytes."""
    image = Image.fromarray(np.round(picture * 255).astype(np.uint8))
    return np.asarray(image.resize((side, side), Image.BILINEAR))


def build_set(seed, count, names, outside=lambda rng: (), shuffled=False, mild=True):
    """`count` renders before the named photographs, as uint8 [n, 48, 48, 3] with their labels.

    `outside` names the conditions of each render that leave their training range.
    """
    rng = np.random.default_rng(seed)
    pictures = [photos.load(name) for name in names]
    labels = np.arange(count) % len(LABELS)
    labels = rng.permutation(labels) if shuffled else labels
    images = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for place, label in enumerate(labels):
        images[place] = small(render(rng, label, outside(rng), pictures, mild=mild))
    return images, labels
