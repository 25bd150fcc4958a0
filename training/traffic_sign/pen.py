"""Draws polygons, strokes and stroke-built figures and letters on a square of side 2 around the origin.

x points right and y down, as in pictures. Every colour is (red, green, blue), 0..255.
"""

import math

import numpy as np
from PIL import Image, ImageDraw


def arc_points(x, y, radius, start, end, squash=1.0):
    """Points of an arc; angles in degrees, clockwise from the right."""
    angles = np.radians(np.linspace(start, end, 1 + max(4, int(abs(end - start) / 12))))
    return [(x + radius * math.cos(a), y + radius * squash * math.sin(a)) for a in angles]


# Each character is a list of strokes in a box of width 1 and height 2 around the origin.
CHARACTERS = {
    "0": [arc_points(0, 0, 0.5, 0, 360, 2.0)],
    "1": [[(-0.35, -0.6), (0.1, -1), (0.1, 1)]],
    "2": [arc_points(0, -0.5, 0.48, -170, 30) + [(-0.5, 1), (0.52, 1)]],
    "3": [arc_points(-0.02, -0.5, 0.46, -160, 80), arc_points(-0.02, 0.47, 0.53, -80, 155)],
    "5": [[(0.45, -1), (-0.38, -1), (-0.45, -0.08)] + arc_points(-0.03, 0.4, 0.58, -135, 145)],
    "6": [[(0.38, -0.95), (-0.1, -0.6)] + arc_points(0, 0.42, 0.52, 190, 550)[:-1]],
    "7": [[(-0.5, -1), (0.5, -1), (-0.15, 1)]],
    "8": [arc_points(0, -0.52, 0.42, 0, 360), arc_points(0, 0.45, 0.52, 0, 360)],
    "S": [arc_points(0, -0.5, 0.46, -25, -270) + arc_points(0, 0.48, 0.5, -90, 155)],
    "T": [[(-0.5, -1), (0.5, -1)], [(0, -1), (0, 1)]],
    "O": [arc_points(0, 0, 0.5, 0, 360, 2.0)],
    "P": [[(-0.4, 1), (-0.4, -1), (0.05, -1)] + arc_points(0.05, -0.48, 0.5, -85, 85) + [(-0.4, 0.03)]],
}


class Pen:
    """A transparent canvas; `weight` thickens or thins every stroke."""

    def __init__(self, side, weight=1.0):
        self.side, self.weight = side, weight
        self.image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self.image)

    def _place(self, points):
        return [((x + 1) * self.side / 2, (y + 1) * self.side / 2) for x, y in points]

    def polygon(self, points, colour):
        self._draw.polygon(self._place(points), fill=tuple(colour) + (255,))

    def disc(self, x, y, radius, colour):
        self._draw.ellipse(self._place([(x - radius, y - radius), (x + radius, y + radius)]), fill=tuple(colour) + (255,))

    def box(self, left, top, right, bottom, colour):
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def stroke(self, points, width, colour):
        """A line through the points, with round ends and joints."""
        width = width * self.weight
        self._draw.line(self._place(points), fill=tuple(colour) + (255,), width=max(1, round(width * self.side / 2)))
        for x, y in points:
            self.disc(x, y, width / 2, colour)

    def arrow(self, points, width, colour, head=2.6):
        """A stroke whose last point is the tip of an arrow head, `head` times as wide as the stroke."""
        (x0, y0), (x, y) = points[-2:]
        length = math.hypot(x - x0, y - y0)
        along, reach = ((x - x0) / length, (y - y0) / length), width * head / 2
        back = (x - along[0] * reach * 1.3, y - along[1] * reach * 1.3)
        self.stroke([*points[:-1], back], width, colour)
        self.polygon([(x, y), (back[0] - along[1] * reach, back[1] + along[0] * reach),
                      (back[0] + along[1] * reach, back[1] - along[0] * reach)], colour)

    def text(self, text, y, height, width, thickness, colour):
        """Characters side by side around x = 0; `width` is that of one character with its gap."""
        for place, character in enumerate(text):
            centre = (place - (len(text) - 1) / 2) * width
            reach = width - thickness * 1.5
            for stroke in CHARACTERS[character]:
                self.stroke([(centre + px * reach, y + py * height / 2) for px, py in stroke], thickness, colour)
