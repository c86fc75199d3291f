"""A square to draw in, by mouse, pen or finger: white strokes on black, or thin black ones on white. Its value is the strokes
in letters, as in a link: two of base64url's 64 letters a point (x, then y), a ~ between strokes."""

from __future__ import annotations

import html
import json
from string import Template

import gradio as gr
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..images import from_pil
from .assets import read
from .fields import LONGEST, strokes
from .sketch import CANVAS, CELL, PEN, settings

BOX = 20 / 28  # of the side that MNIST's digits are fitted into, centred by their mass (LeCun et al. 1998)
NOTHING = "nothing is drawn yet: draw something with the mouse or a finger"

TEMPLATE, STYLE, SCRIPT = (read(f"pad.{kind}") for kind in ("html", "css", "js"))


def pad(elem_id: str, is_sketch: bool = False) -> gr.HTML:
    """The component; it changes at the end of each stroke. is_sketch: for a drawing for a model to go by."""
    told = html.escape(json.dumps(settings(is_sketch)))
    template = Template(TEMPLATE).substitute(side=CANVAS, settings=told)
    return gr.HTML("", html_template=template, css_template=STYLE, js_on_load=SCRIPT, elem_id=elem_id)


def inked(value: object) -> Image.Image:
    """The pad's value, from a browser that may send anything -> white strokes on black, grey, CANVAS pixels. ValueError
    otherwise."""
    if not value:
        raise ValueError(NOTHING)
    large = 2 * CANVAS  # halved at the end, which smooths the edges
    picture = Image.new("L", (large, large))
    pen = ImageDraw.Draw(picture)
    for stroke in strokes(value, LONGEST):
        points = [((x + 0.5) * 2 * CELL, (y + 0.5) * 2 * CELL) for x, y in stroke]
        pen.line(points, 255, 2 * PEN)
        for x, y in points:
            pen.ellipse((x - PEN, y - PEN, x + PEN, y + PEN), 255)
    return picture.reduce(2)


def like_mnist(strokes: Image.Image, side: int, channels: int) -> Tensor:
    """White strokes on black, grey -> uint8 (C, side, side), placed as MNIST places its digits: fitted into 20 of 28
    pixels and centred by mass. ValueError if nothing was drawn."""
    box = strokes.point(lambda v: 255 if v > 40 else 0).getbbox()
    if box is None:
        raise ValueError(NOTHING)
    cut = strokes.crop(box)
    scale = BOX * side / max(cut.size)
    small = cut.resize((max(1, round(cut.width * scale)), max(1, round(cut.height * scale))), Image.Resampling.BOX)
    mass = from_pil(small)[0].float()
    x = float((mass.sum(0) * torch.arange(small.width)).sum() / mass.sum().clamp_min(1))
    y = float((mass.sum(1) * torch.arange(small.height)).sum() / mass.sum().clamp_min(1))
    left, top = round((side - 1) / 2 - x), round((side - 1) / 2 - y)
    placed = Image.new("L", (side, side), 0)
    placed.paste(small, (min(max(left, 0), side - small.width), min(max(top, 0), side - small.height)))
    return from_pil(placed).expand(channels, -1, -1).contiguous()
