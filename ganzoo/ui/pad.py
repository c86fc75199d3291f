"""A square to draw in: white strokes on black, by mouse, pen or finger. Its value is a PNG as a data URL."""

from __future__ import annotations

import base64
import binascii
import io
import re

import gradio as gr
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from ..images import from_pil

CANVAS = 280  # pixels of the square
MOST = 400_000  # characters of a value
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

# The strokes live on a canvas of the script's own, since the shown one may be rendered anew with a new value.
SCRIPT = """
const ink = document.createElement('canvas');
ink.width = ink.height = 280;
const pen = ink.getContext('2d');
pen.lineWidth = 24; pen.lineCap = pen.lineJoin = 'round'; pen.strokeStyle = '#fff';
const shown = () => element.querySelector('canvas');
const paint = () => { const c = shown(); if (!c) return;
  const g = c.getContext('2d'); g.fillStyle = '#000'; g.fillRect(0, 0, 280, 280); g.drawImage(ink, 0, 0); };
const keep = () => { const c = shown(); props.value = c.toDataURL('image/png'); trigger('change'); };
const at = (e) => { const b = shown().getBoundingClientRect();
  return [(e.clientX - b.left) * 280 / b.width, (e.clientY - b.top) * 280 / b.height]; };
let last = null;
element.addEventListener('pointerdown', (e) => {
  if (e.target !== shown()) return;
  e.preventDefault(); shown().setPointerCapture(e.pointerId); last = at(e);
  pen.beginPath(); pen.moveTo(...last); pen.lineTo(last[0] + 0.1, last[1]); pen.stroke(); paint();
});
element.addEventListener('pointermove', (e) => {
  if (!last) return;
  const now = at(e); pen.beginPath(); pen.moveTo(...last); pen.lineTo(...now); pen.stroke(); last = now; paint();
});
const up = () => { if (last) { last = null; keep(); } };
element.addEventListener('pointerup', up);
element.addEventListener('pointercancel', up);
element.addEventListener('click', (e) => {
  if (!e.target.closest('.pad-clear')) return;
  pen.clearRect(0, 0, 280, 280); paint(); props.value = ''; trigger('change');
});
watch('value', () => requestAnimationFrame(paint));
paint();
"""


def pad(elem_id: str) -> gr.HTML:
    """The component; it changes at the end of each stroke."""
    return gr.HTML("", html_template=TEMPLATE, css_template=STYLE, js_on_load=SCRIPT, elem_id=elem_id)


def opened(value: object) -> Image.Image:
    """The pad's value, from a browser that may send anything -> grey picture of CANVAS pixels. ValueError otherwise."""
    if not value:
        raise ValueError(NOTHING)
    form = re.fullmatch(r"data:image/png;base64,([A-Za-z0-9+/=]+)", value) if isinstance(value, str) else None
    if not form or len(str(value)) > MOST:
        raise ValueError(f"drawing: not a PNG of {CANVAS} pixels as a data URL")
    try:
        with Image.open(io.BytesIO(base64.b64decode(form[1])), formats=["PNG"]) as picture:
            if picture.size != (CANVAS, CANVAS):
                raise ValueError(f"drawing: {picture.width} x {picture.height} pixels; give {CANVAS} x {CANVAS}")
            return picture.convert("L")
    except (UnidentifiedImageError, OSError, SyntaxError, binascii.Error):
        raise ValueError("drawing: not a readable PNG") from None


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
