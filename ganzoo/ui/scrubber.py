"""A row of pictures under a slider: the browser holds all of them, so that dragging costs no round trip."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import gradio as gr
from PIL import Image
from torch import Tensor

from ..images import gif, grid, png

GIF_SIDE = 140  # pixels that a kept GIF is enlarged to, by a whole factor

TEMPLATE = """
<figure class="scrub" data-i="${value.start}" data-n="${value.captions.length}">
  <div class="scrub-picture" role="img" aria-label="${value.alt}"
    style="background-image:url(${value.src});background-size:${value.captions.length * 100}% 100%;aspect-ratio:${value.aspect};
    background-position:${value.captions.length > 1 ? value.start * 100 / (value.captions.length - 1) : 0}% 0"></div>
  <div class="scrub-row">
    <button type="button" class="scrub-play" aria-label="Play">&#9654;</button>
    <input type="range" min="0" max="${value.captions.length - 1}" value="${value.start}" aria-label="${value.label}">
  </div>
  <figcaption aria-live="polite">${value.captions[value.start]}</figcaption>
  ${value.keep ? `<a class="scrub-keep" download="${value.keep}" href="${value.gif}">Keep this walk as a looping GIF</a>` : ''}
</figure>
"""

STYLE = """
.scrub { margin: 0; display: flex; flex-direction: column; gap: 10px; align-items: stretch; }
.scrub-picture { width: 100%; max-width: 340px; margin: 0 auto; image-rendering: pixelated; border-radius: 6px;
  background-color: #111; background-repeat: no-repeat; }
.scrub-row { display: flex; gap: 10px; align-items: center; }
.scrub-row input { flex: 1; min-width: 0; height: 28px; accent-color: var(--color-accent); cursor: grab; }
.scrub-play { width: 40px; height: 40px; flex: none; border-radius: 50%; border: 1px solid var(--border-color-primary);
  background: var(--button-secondary-background-fill); color: var(--body-text-color); cursor: pointer; font-size: 14px; }
.scrub-play:hover { border-color: var(--color-accent); }
.scrub-keep { text-align: center; font-size: 14px; color: var(--link-text-color); }
.scrub figcaption { text-align: center; color: var(--body-text-color-subdued); font-size: 14px; min-height: 20px; }
"""

# Events are caught on the root, which stays when a new value is rendered.
SCRIPT = """
let timer = null;
const part = (s) => element.querySelector(s);
const show = (i) => {
  const n = props.value.captions.length;
  part('.scrub-picture').style.backgroundPosition = (n > 1 ? i * 100 / (n - 1) : 0) + '% 0';
  part('input').value = i;
  part('figcaption').textContent = props.value.captions[i];
};
const stop = () => { clearInterval(timer); timer = null;
  const b = part('.scrub-play'); if (b) { b.innerHTML = '&#9654;'; b.setAttribute('aria-label', 'Play'); } };
// What is shown is part of the page's address, unless it is where the pictures start by themselves.
const tell = (i) => {
  const { key, rest } = props.value, tab = element.closest('[id^="tab-"]')?.id.slice(4);
  if (tab && key) window.zoo?.frame(tab, key, i === rest ? '' : String(i));
};
element.addEventListener('input', (e) => {
  if (e.target.type === 'range') { stop(); show(+e.target.value); tell(+e.target.value); }
});
element.addEventListener('click', (e) => {
  if (!e.target.closest('.scrub-play')) return;
  if (timer) return stop();
  const b = part('.scrub-play'); b.innerHTML = '&#10074;&#10074;'; b.setAttribute('aria-label', 'Pause');
  let way = 1;
  timer = setInterval(() => {
    if (!element.isConnected || !part('input')) return stop();
    const n = props.value.captions.length, i = +part('input').value;
    if (props.value.keep && (i + way >= n || i + way < 0)) way = -way;
    show((i + way) % n);
  }, props.value.delay);
});
watch('value', () => { stop(); tell(props.value.start); });
element.dataset.ready = '';
"""


def scrubber(value: dict[str, Any], elem_id: str) -> gr.HTML:
    """The component, showing what `frames` made."""
    return gr.HTML(value, html_template=TEMPLATE, css_template=STYLE, js_on_load=SCRIPT, elem_id=elem_id)


def frames(
    pictures: Sequence[Tensor],
    captions: list[str],
    label: str,
    alt: str,
    start: int = 0,
    delay: int = 60,
    keep: str = "",
    key: str = "",
    at: int | None = None,
) -> dict[str, Any]:
    """Frames, each uint8 (k, C, S, S) shown as a grid, with a caption each -> the scrubber's value; lossless.

    With a file name to keep it under, the frames also come as a looping GIF, there and back. It starts at a frame, or, as a
    link says by its key, at another one.
    """
    tiles = [grid(p) for p in pictures]
    strip = Image.new(tiles[0].mode, (tiles[0].width * len(tiles), tiles[0].height))
    for i, tile in enumerate(tiles):
        strip.paste(tile, (i * tile.width, 0))
    gif_src = ""
    if keep:
        scale = max(1, GIF_SIDE // tiles[0].width)
        there = [t.resize((t.width * scale, t.height * scale), Image.Resampling.NEAREST) for t in tiles[::2]]
        gif_src = data_url("gif", gif(there + there[-2:0:-1], 2 * delay / 1000))
    return {
        "src": data_url("png", png(strip)),
        "gif": gif_src,
        "keep": keep,
        "captions": captions,
        "label": label,
        "alt": alt,
        "start": start if at is None else min(at, len(tiles) - 1),
        "rest": start,
        "key": key,
        "aspect": f"{tiles[0].width} / {tiles[0].height}",
        "delay": delay,
    }


def data_url(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
