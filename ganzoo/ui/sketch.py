"""A drawing for a model to go by: a pad's strokes as black lines on white, the same pixels on any machine, and in the site's
sketch.js. Double precision is rounded alike everywhere; how a library draws a wide line differs from version to version."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy
from PIL import Image

from ..inputs import Picture
from .fields import INK, LONGEST, SEPARATOR, SKETCH, strokes

CANVAS = 280  # pixels of the square that is drawn in
CELL = CANVAS / len(INK)  # pixels from a point to the next that can be told
PEN = 24  # pixels that a stroke is wide
LINE = 8  # and one of a sketch: about what an outline is wide
EDGE = 1 / 8  # of a pixel of the picture: so much farther than half a line's width from its middle, a pixel is black


def takes_drawings(x: Picture) -> bool:
    """Whether what it takes can be drawn with a black pen."""
    return x.channels == 1


def settings(is_sketch: bool) -> dict[str, Any]:
    """What pad.js and the site's sketch.js are to know. is_sketch: thin black lines on white, and more of them; else white ones
    on black."""
    found: dict[str, Any] = {"ink": INK, "cell": CELL, "side": CANVAS, "separator": SEPARATOR}
    if is_sketch:
        return found | {"pen": LINE, "edge": EDGE, "longest": SKETCH, "paper": "#fff", "stroke": "#000"}
    return found | {"pen": PEN, "longest": LONGEST, "paper": "#000", "stroke": "#fff"}


def sketched(value: object, side: int) -> Image.Image:
    """The value of a pad for sketches -> black lines on white, grey, side x side, without a shade, as outlines are. ValueError
    if it is none."""
    pixel = CANVAS / side
    middles = (numpy.arange(side) + 0.5) * pixel
    reach = LINE / 2 + EDGE * pixel
    black = numpy.zeros((side, side), bool)
    for stroke in strokes(value, SKETCH):
        points = [((x + 0.5) * CELL, (y + 0.5) * CELL) for x, y in stroke]
        for (ax, ay), (bx, by) in pairwise([points[0], *points]):  # a single point is a line, too
            x, y, dx, dy = middles[None] - ax, middles[:, None] - ay, bx - ax, by - ay
            t = numpy.clip((x * dx + y * dy) / (dx * dx + dy * dy or 1), 0, 1)  # how far along the line is next to a pixel
            black |= (x - t * dx) ** 2 + (y - t * dy) ** 2 <= reach * reach
    return Image.fromarray(numpy.where(black, 0, 255).astype(numpy.uint8))
