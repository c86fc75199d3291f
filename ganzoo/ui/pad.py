"""A square to draw in: white strokes on black, by mouse, pen or finger. Its value is the strokes in letters, as in a link: two
of base64url's 64 letters a point (x, then y), a ~ between strokes."""

from __future__ import annotations

import gradio as gr
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..images import from_pil
from .permalink import BETWEEN, INK, LONGEST, strokes

CANVAS = 280  # pixels of the square
PEN = 24  # pixels that a stroke is wide
CELL = CANVAS / len(INK)  # pixels from a point to the next that can be told
BOX = 20 / 28  # of the side that MNIST's digits are fitted into, centred by their mass (LeCun et al. 1998)
NOTHING = "nothing is drawn yet: draw something with the mouse or a finger"

TEMPLATE = f"""
<div class="pad">
  <canvas width="{CANVAS}" height="{CANVAS}" role="img" aria-label="Draw here"></canvas>
  <button type="button" class="pad-clear">Clear</button>
</div>
"""

STYLE = f"""
.pad {{ display: flex; flex-direction: column; gap: 8px; align-items: center; }}
.pad canvas {{ width: 100%; max-width: {CANVAS}px; aspect-ratio: 1; border-radius: 6px; background: #000; cursor: crosshair;
  touch-action: none; border: 1px solid var(--border-color-primary); }}
.pad-clear {{ min-height: 36px; padding: 0 18px; border-radius: 8px; border: 1px solid var(--border-color-primary);
  background: var(--button-secondary-background-fill); color: var(--body-text-color); cursor: pointer; font-size: 14px; }}
"""

# Points nearer than two cells to the last are left out; a drawing too long for a link loses every other point.
SCRIPT = (
    f"""
const INK = '{INK}', CELL = {CELL}, SIDE = {CANVAS}, PEN = {PEN}, MOST = {LONGEST}, BETWEEN = '{BETWEEN}';
"""
    + """
let strokes = [], drawing = false;
const written = () => strokes.map((s) => s.map(([x, y]) => INK[x] + INK[y]).join('')).join(BETWEEN);
const read = (text) => !text ? [] : text.split(BETWEEN).map(
  (part) => part.match(/../g).map(([x, y]) => [INK.indexOf(x), INK.indexOf(y)]));
const shown = () => element.querySelector('canvas');
const paint = () => {
  const pen = shown()?.getContext('2d');
  if (!pen) return;
  pen.fillStyle = '#000'; pen.fillRect(0, 0, SIDE, SIDE);
  pen.lineWidth = PEN; pen.lineCap = pen.lineJoin = 'round'; pen.strokeStyle = '#fff';
  for (const stroke of strokes) {
    const [first, ...others] = stroke.map(([x, y]) => [(x + 0.5) * CELL, (y + 0.5) * CELL]);
    pen.beginPath(); pen.moveTo(...first); pen.lineTo(first[0] + 0.1, first[1]);
    others.forEach((to) => pen.lineTo(...to));
    pen.stroke();
  }
};
const keep = () => {
  while (written().length > MOST) {
    const thinner = strokes.map((s) => s.filter((_, i) => i % 2 === 0 || i === s.length - 1));
    if (thinner.flat().length === strokes.flat().length) strokes.pop(); else strokes = thinner;
  }
  paint(); props.value = written(); trigger('change');
};
const at = (e) => {
  const box = shown().getBoundingClientRect(), cell = (v) => Math.min(Math.max(Math.floor(v * INK.length), 0), INK.length - 1);
  return [cell((e.clientX - box.left) / box.width), cell((e.clientY - box.top) / box.height)];
};
element.addEventListener('pointerdown', (e) => {
  if (e.target !== shown()) return;
  e.preventDefault(); shown().setPointerCapture(e.pointerId);
  drawing = true; strokes.push([at(e)]); paint();
});
element.addEventListener('pointermove', (e) => {
  if (!drawing) return;
  const stroke = strokes.at(-1), [x, y] = stroke.at(-1), [u, v] = at(e);
  if (Math.hypot(u - x, v - y) >= 2) { stroke.push([u, v]); paint(); }
});
const up = () => { if (drawing) { drawing = false; keep(); } };
element.addEventListener('pointerup', up);
element.addEventListener('pointercancel', up);
element.addEventListener('click', (e) => { if (e.target.closest('.pad-clear')) { strokes = []; keep(); } });
watch('value', () => {
  if (!drawing && props.value !== written()) strokes = read(props.value);
  requestAnimationFrame(paint);
});
strokes = read(props.value);
paint();
"""
)


def pad(elem_id: str) -> gr.HTML:
    """The component; it changes at the end of each stroke."""
    return gr.HTML("", html_template=TEMPLATE, css_template=STYLE, js_on_load=SCRIPT, elem_id=elem_id)


def inked(value: object) -> Image.Image:
    """The pad's value, from a browser that may send anything -> grey picture of CANVAS pixels. ValueError otherwise."""
    if not value:
        raise ValueError(NOTHING)
    large = 2 * CANVAS  # halved at the end, which smooths the edges
    picture = Image.new("L", (large, large))
    pen = ImageDraw.Draw(picture)
    for stroke in strokes(value):
        points = [((x + 0.5) * 2 * CELL, (y + 0.5) * 2 * CELL) for x, y in stroke]
        pen.line(points, 255, 2 * PEN)
        for x, y in points:
            pen.ellipse((x - PEN, y - PEN, x + PEN, y + PEN), 255)
    return picture.reduce(2)


def fit(strokes: Image.Image, side: int, channels: int) -> Tensor:
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
