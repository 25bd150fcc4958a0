"""Faces of the 43 signs, upright and seen from the front, in a square of side 2.

The classes and their order are those of the German traffic sign benchmark (Stallkamp et al.,
Neural Networks 32, 2012); shapes and colours follow the German road traffic regulations. Every face is
drawn here from circles, polygons and strokes; none is copied from a picture.
"""

import math

from traffic_sign.pen import Pen, arc_points

LABELS = (
    "speed limit 20", "speed limit 30", "speed limit 50", "speed limit 60", "speed limit 70", "speed limit 80",
    "end of speed limit 80", "speed limit 100", "speed limit 120", "no passing", "no passing for lorries",
    "right of way at the next intersection", "priority road", "yield", "stop", "no vehicles", "no lorries",
    "no entry", "general caution", "dangerous curve to the left", "dangerous curve to the right", "double curve",
    "bumpy road", "slippery road", "road narrows on the right", "road work", "traffic signals", "pedestrians",
    "children crossing", "bicycles crossing", "beware of ice or snow", "wild animals crossing",
    "end of all limits", "turn right ahead", "turn left ahead", "ahead only", "go straight or right",
    "go straight or left", "keep right", "keep left", "roundabout mandatory", "end of no passing",
    "end of no passing for lorries",
)


class Paint:
    """Colours of one sign, a little different for every sign that is drawn."""

    def __init__(self, rng):
        fade = rng.uniform(0, 0.35)  # by sun and age, towards a light grey

        def mix(colour):
            spread = rng.normal(0, 10, 3)
            return tuple(int(min(255, max(0, c * (1 - fade) + 170 * fade + s))) for c, s in zip(colour, spread))

        self.red, self.blue, self.yellow = mix((200, 20, 35)), mix((15, 75, 165)), mix((245, 190, 10))
        self.white, self.black, self.grey = mix((245, 245, 245)), mix((15, 15, 18)), mix((120, 120, 120))
        self.green = mix((10, 140, 70))


def _prohibition(pen, paint, rng):
    pen.disc(0, 0, 0.98, paint.white)
    pen.disc(0, 0, 0.95, paint.red)
    pen.disc(0, 0, rng.uniform(0.72, 0.80), paint.white)


def _speed(text):
    def draw(pen, paint, rng):
        _prohibition(pen, paint, rng)
        _number(pen, text, paint.black, rng)
    return draw


def _number(pen, text, colour, rng):
    if len(text) == 2:
        pen.text(text, 0, rng.uniform(0.72, 0.86), rng.uniform(0.52, 0.60), rng.uniform(0.13, 0.17), colour)
    else:
        pen.text(text, 0, rng.uniform(0.62, 0.74), rng.uniform(0.40, 0.45), rng.uniform(0.11, 0.14), colour)


def _lifted(pen, paint, content=None):
    """White disc with a thin edge, what is lifted in grey, and the dark bands from lower left to upper right."""
    pen.disc(0, 0, 0.97, paint.black)
    pen.disc(0, 0, 0.93, paint.white)
    if content:
        content()
    for place in (-0.16, -0.08, 0.0, 0.08, 0.16):
        reach = math.sqrt(0.93**2 - place**2) * 0.99
        ends = [((place + s * reach) / math.sqrt(2), (place - s * reach) / math.sqrt(2)) for s in (-1, 1)]
        pen.stroke(ends, 0.045, paint.black)


def _car(pen, x, y, size, colour, paint):
    """A car from behind: roof, body, window, wheels."""
    s = size
    pen.polygon([(x - 0.62 * s, y - 0.1 * s), (x - 0.42 * s, y - 0.75 * s), (x + 0.42 * s, y - 0.75 * s),
                 (x + 0.62 * s, y - 0.1 * s)], colour)
    pen.box(x - 0.8 * s, y - 0.15 * s, x + 0.8 * s, y + 0.5 * s, colour)
    pen.polygon([(x - 0.42 * s, y - 0.15 * s), (x - 0.3 * s, y - 0.58 * s), (x + 0.3 * s, y - 0.58 * s),
                 (x + 0.42 * s, y - 0.15 * s)], paint.white)
    pen.box(x - 0.75 * s, y + 0.5 * s, x - 0.42 * s, y + 0.8 * s, colour)
    pen.box(x + 0.42 * s, y + 0.5 * s, x + 0.75 * s, y + 0.8 * s, colour)


def _lorry_back(pen, x, y, size, colour, _paint):
    """A lorry from behind: a tall box on wheels."""
    s = size
    pen.box(x - 0.7 * s, y - 1.25 * s, x + 0.7 * s, y + 0.45 * s, colour)
    pen.box(x - 0.62 * s, y + 0.45 * s, x - 0.28 * s, y + 0.8 * s, colour)
    pen.box(x + 0.28 * s, y + 0.45 * s, x + 0.62 * s, y + 0.8 * s, colour)


def _passing(left, right_colour, left_colour):
    def draw(pen, paint, rng):
        size = rng.uniform(0.33, 0.38)
        left(pen, -0.34, 0.08, size, getattr(paint, left_colour), paint)
        _car(pen, 0.36, 0.08, size, getattr(paint, right_colour), paint)
    return draw


def _no_passing(left):
    def draw(pen, paint, rng):
        _prohibition(pen, paint, rng)
        _passing(left, "black", "red")(pen, paint, rng)
    return draw


def _end_of_no_passing(left):
    def draw(pen, paint, rng):
        _lifted(pen, paint, lambda: _passing(left, "grey", "grey")(pen, paint, rng))
    return draw


def _no_lorries(pen, paint, rng):
    _prohibition(pen, paint, rng)
    pen.box(-0.58, -0.36, 0.22, 0.2, paint.black)
    pen.polygon([(0.26, -0.16), (0.44, -0.16), (0.58, 0.04), (0.58, 0.2), (0.26, 0.2)], paint.black)
    pen.box(-0.58, 0.16, 0.58, 0.24, paint.black)
    for x in (-0.36, 0.40):
        pen.disc(x, 0.27, 0.13, paint.black)


def _no_entry(pen, paint, rng):
    pen.disc(0, 0, 0.98, paint.white)
    pen.disc(0, 0, 0.95, paint.red)
    tall = rng.uniform(0.15, 0.2)
    pen.box(-0.72, -tall, 0.72, tall, paint.white)


def _diamond(pen, paint, rng):
    def corners(reach):
        return [(0, -reach), (reach, 0), (0, reach), (-reach, 0)]
    pen.polygon(corners(0.99), paint.grey)
    pen.polygon(corners(0.95), paint.white)
    pen.polygon(corners(rng.uniform(0.6, 0.72)), paint.yellow)


def _yield(pen, paint, rng):
    inner = rng.uniform(0.5, 0.62)
    pen.polygon([(-0.98, -0.78), (0.98, -0.78), (0, 0.92)], paint.red)
    pen.polygon([(x * inner, -0.21 + y * inner) for x, y in ((-0.98, -0.57), (0.98, -0.57), (0, 1.13))], paint.white)


def _stop(pen, paint, rng):
    def corners(reach):
        return [(reach * math.cos(a), reach * math.sin(a)) for a in (math.pi / 8 + k * math.pi / 4 for k in range(8))]
    pen.polygon(corners(1.0), paint.white)
    pen.polygon(corners(0.95), paint.red)
    pen.text("STOP", 0, rng.uniform(0.55, 0.68), rng.uniform(0.36, 0.41), rng.uniform(0.09, 0.12), paint.white)


def _warning(content):
    def draw(pen, paint, rng):
        inner = rng.uniform(0.70, 0.78)
        pen.polygon([(-0.98, 0.78), (0.98, 0.78), (0, -0.92)], paint.red)
        pen.polygon([(x * inner, 0.21 + y * inner) for x, y in ((-0.98, 0.57), (0.98, 0.57), (0, -1.13))], paint.white)
        content(pen, paint)
    return draw


def _crossing(pen, paint):
    pen.arrow([(0, 0.60), (0, -0.42)], 0.17, paint.black, 2.2)
    pen.box(-0.3, 0.16, 0.3, 0.28, paint.black)


def _exclamation(pen, paint):
    pen.polygon([(-0.12, -0.4), (0.12, -0.4), (0.06, 0.28), (-0.06, 0.28)], paint.black)
    pen.disc(0, 0.47, 0.11, paint.black)


def _curve(side):
    def draw(pen, paint):
        path = [(0.22, 0.6), (0.22, 0.3), (0.12, 0.14), (-0.05, 0.02), (-0.1, -0.12), (-0.28, -0.24)]
        pen.arrow([(-side * x, y) for x, y in path], 0.15, paint.black, 2.4)
    return draw


def _double_curve(pen, paint):
    pen.arrow([(0.12, 0.62), (0.12, 0.44), (-0.18, 0.24), (-0.18, 0.14), (0.14, -0.06), (0.14, -0.14), (-0.03, -0.36)],
              0.14, paint.black, 2.3)


def _bumps(pen, paint):
    hill = arc_points(-0.28, 0.5, 0.26, 180, 360, 1.1) + arc_points(0.28, 0.5, 0.26, 180, 360, 1.1)
    pen.polygon([(-0.66, 0.5), *hill, (0.66, 0.5), (0.66, 0.62), (-0.66, 0.62)], paint.black)


def _slippery(pen, paint):
    _car(pen, 0.06, -0.02, 0.29, paint.black, paint)
    for x in (-0.2, 0.2):
        pen.stroke([(x + 0.1, 0.28), (x - 0.08, 0.38), (x + 0.1, 0.5), (x - 0.08, 0.62)], 0.075, paint.black)


def _narrow_right(pen, paint):
    pen.stroke([(-0.2, 0.6), (-0.2, -0.28)], 0.11, paint.black)
    pen.stroke([(0.34, 0.6), (0.34, 0.36), (0.08, 0.08), (0.08, -0.28)], 0.11, paint.black)


def _worker(pen, paint):
    pen.disc(-0.02, -0.34, 0.1, paint.black)
    pen.stroke([(-0.06, -0.18), (-0.2, 0.2)], 0.16, paint.black)
    pen.stroke([(-0.2, 0.2), (-0.02, 0.36), (-0.06, 0.62)], 0.11, paint.black)
    pen.stroke([(-0.22, 0.2), (-0.36, 0.62)], 0.11, paint.black)
    pen.stroke([(-0.04, -0.14), (0.14, 0.1)], 0.09, paint.black)
    pen.stroke([(-0.12, 0.02), (0.36, 0.42)], 0.05, paint.black)
    pen.polygon([(0.22, 0.64), (0.44, 0.34), (0.7, 0.64)], paint.black)


def _signals(pen, paint):
    pen.box(-0.17, -0.42, 0.17, 0.62, paint.black)
    for y, colour in ((-0.25, paint.red), (0.1, paint.yellow), (0.44, paint.green)):
        pen.disc(0, y, 0.15, colour)


def _person(pen, x, y, size, colour, stride=0.5):
    """A walking figure of height 2 x size around (x, y)."""
    s = size
    pen.disc(x, y - 0.8 * s, 0.2 * s, colour)
    pen.stroke([(x, y - 0.45 * s), (x - 0.05 * s, y + 0.1 * s)], 0.34 * s, colour)
    for side in (-1, 1):
        pen.stroke([(x - 0.05 * s, y + 0.1 * s), (x + side * stride * s, y + 0.95 * s)], 0.2 * s, colour)
        pen.stroke([(x, y - 0.45 * s), (x + side * 0.5 * s, y + 0.02 * s)], 0.14 * s, colour)


def _pedestrian(pen, paint):
    for x in (-0.62, -0.31, 0.0, 0.31):
        pen.polygon([(x + 0.07, 0.42), (x + 0.23, 0.42), (x + 0.24, 0.64), (x + 0.02, 0.64)], paint.black)
    _person(pen, 0, 0.06, 0.44, paint.black)


def _children(pen, paint):
    _person(pen, -0.22, 0.18, 0.44, paint.black, 0.62)
    _person(pen, 0.24, 0.28, 0.34, paint.black, 0.62)
    pen.stroke([(-0.02, 0.1), (0.1, 0.22)], 0.07, paint.black)


def _bicycle(pen, paint):
    for x in (-0.32, 0.32):
        pen.stroke(arc_points(x, 0.38, 0.21, 0, 360), 0.06, paint.black)
    pen.stroke([(-0.32, 0.38), (-0.14, 0.04), (0.2, 0.04), (0.02, 0.38), (-0.32, 0.38)], 0.06, paint.black)
    pen.stroke([(0.02, 0.38), (-0.16, -0.02)], 0.06, paint.black)
    pen.stroke([(0.32, 0.38), (0.18, -0.1), (0.3, -0.14)], 0.06, paint.black)
    pen.stroke([(-0.25, -0.04), (-0.07, -0.04)], 0.07, paint.black)


def _snow(pen, paint):
    for angle in range(0, 180, 60):
        a = math.radians(angle + 90)
        x, y = 0.42 * math.cos(a), 0.42 * math.sin(a)
        pen.stroke([(-x, 0.18 - y), (x, 0.18 + y)], 0.075, paint.black)
        for end in (-1, 1):
            for turn in (-0.9, 0.9):
                root = (end * x * 0.62, 0.18 + end * y * 0.62)
                tip = (root[0] + end * 0.2 * math.cos(a + turn), root[1] + end * 0.2 * math.sin(a + turn))
                pen.stroke([root, tip], 0.055, paint.black)


def _deer(pen, paint):
    pen.polygon([(-0.46, 0.3), (-0.4, 0.12), (0.12, -0.04), (0.24, 0.1), (0.14, 0.22), (-0.3, 0.4)], paint.black)
    pen.stroke([(0.14, 0.04), (0.26, -0.2)], 0.12, paint.black)
    pen.stroke([(0.24, -0.2), (0.4, -0.14)], 0.1, paint.black)
    pen.stroke([(0.22, -0.24), (0.14, -0.44), (0.2, -0.52)], 0.045, paint.black)
    pen.stroke([(0.16, -0.36), (0.04, -0.42)], 0.045, paint.black)
    pen.stroke([(0.14, 0.16), (0.42, 0.2), (0.5, 0.08)], 0.07, paint.black)
    pen.stroke([(0.1, 0.18), (0.36, 0.36)], 0.07, paint.black)
    pen.stroke([(-0.4, 0.3), (-0.5, 0.46), (-0.66, 0.52)], 0.075, paint.black)
    pen.stroke([(-0.3, 0.36), (-0.34, 0.52), (-0.48, 0.62)], 0.075, paint.black)


def _mandatory(*paths):
    def draw(pen, paint, _rng):
        pen.disc(0, 0, 0.98, paint.white)
        pen.disc(0, 0, 0.93, paint.blue)
        for path in paths:
            pen.arrow(path, 0.21, paint.white, 2.5)
    return draw


def _mirror(path):
    return [(-x, y) for x, y in path]


_AHEAD = [(0, 0.62), (0, -0.66)]
_TURN_RIGHT = [(-0.22, 0.6), (-0.22, 0.16), (-0.16, 0.02), (-0.02, -0.04), (0.64, -0.04)]
_BRANCH_RIGHT = [(-0.14, 0.3), (-0.08, 0.14), (0.06, 0.08), (0.62, 0.08)]
_STRAIGHT_LEFT_OF_IT = [(-0.14, 0.66), (-0.14, -0.68)]
_KEEP_RIGHT = [(-0.44, -0.44), (0.5, 0.5)]


def _roundabout(pen, paint, _rng):
    pen.disc(0, 0, 0.98, paint.white)
    pen.disc(0, 0, 0.93, paint.blue)
    for start in (-80, 40, 160):
        pen.arrow(arc_points(0, 0, 0.52, start + 85, start), 0.15, paint.white, 2.6)


FACES = (
    _speed("20"), _speed("30"), _speed("50"), _speed("60"), _speed("70"), _speed("80"),
    lambda pen, paint, rng: _lifted(pen, paint, lambda: _number(pen, "80", paint.grey, rng)),
    _speed("100"), _speed("120"), _no_passing(_car), _no_passing(_lorry_back),
    _warning(_crossing), _diamond, _yield, _stop, _prohibition, _no_lorries,
    _no_entry, _warning(_exclamation), _warning(_curve(-1)), _warning(_curve(1)), _warning(_double_curve),
    _warning(_bumps), _warning(_slippery), _warning(_narrow_right), _warning(_worker), _warning(_signals),
    _warning(_pedestrian), _warning(_children), _warning(_bicycle), _warning(_snow), _warning(_deer),
    lambda pen, paint, _rng: _lifted(pen, paint),
    _mandatory(_TURN_RIGHT), _mandatory(_mirror(_TURN_RIGHT)), _mandatory(_AHEAD),
    _mandatory(_STRAIGHT_LEFT_OF_IT, _BRANCH_RIGHT), _mandatory(_mirror(_STRAIGHT_LEFT_OF_IT), _mirror(_BRANCH_RIGHT)),
    _mandatory(_KEEP_RIGHT), _mandatory(_mirror(_KEEP_RIGHT)), _roundabout,
    _end_of_no_passing(_car), _end_of_no_passing(_lorry_back),
)


def draw(rng, label, side):
    """The face of one sign as an RGBA picture of `side` pixels, transparent outside its edge."""
    pen = Pen(side, rng.uniform(0.85, 1.15))
    FACES[label](pen, Paint(rng), rng)
    return pen.image
