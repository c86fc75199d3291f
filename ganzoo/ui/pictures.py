"""Pictures for the screen: a grid enlarged by whole factors, the component that shows it, and the line under it."""

from __future__ import annotations

import html
from typing import Any

import gradio as gr
from PIL import Image
from torch import Tensor

from ..images import columns_for, grid
from ..inputs import SEEDS

WIDTH = 1120  # pixels that a grid is enlarged to at most, by whole factors: more than the screen shows, so it stays crisp
LARGE, ENOUGH = 128, 512  # pictures of so many pixels are enlarged to that only
SHEET = 1600  # pixels that a table is enlarged to at most, by whole factors


def enlarge(images: Tensor, clear_rest: bool = False) -> Image.Image:
    """A grid for the screen: pixels stay pixels. clear_rest: where its last row is not full, the page is seen through it."""
    side = images.shape[-1]
    scale = max(1, (WIDTH if side < LARGE else ENOUGH) // (columns_for(len(images)) * side))
    gap, columns = max(1, scale // 2), columns_for(len(images))
    drawn = grid(images, scale=scale, gap=gap, paper=48)
    if not (last := len(images) % columns) or not clear_rest:
        return drawn
    cell = side * scale + gap
    drawn.putalpha(255)
    drawn.paste(0, (last * cell - gap, drawn.height - cell, drawn.width, drawn.height))  # with the gap around it
    return drawn


def sheet(images: Tensor, columns: int) -> Image.Image:
    """A table for the screen."""
    scale = max(1, SHEET // (columns * images.shape[-1]))
    return grid(images, columns=columns, scale=scale, gap=max(1, scale // 2), paper=48)


def picture(image: Image.Image | None, elem_id: str, alt: str, visible: bool = True) -> gr.Image:
    """A drawing, lossless, to look at and to keep."""
    return gr.Image(
        image,
        show_label=False,
        format="png",
        type="pil",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id=elem_id,
        elem_classes="picture",
        alt_text=alt,
        visible=visible,
    )


def caption(info: dict[str, Any]) -> str:
    """What was drawn, from which seeds and with which weights, in a line of Markdown."""
    n, seed = info["n"], info["seed"]
    seeds = f"seed {seed}" if n == 1 else f"seeds {seed} to {seed + n - 1}"
    if (over := seed + n - SEEDS) > 0 and n > 1:  # after the last seed comes the first
        seeds = f"seeds {seed} to {SEEDS - 1}, then 0" + (f" to {over - 1}" if over > 1 else "")
    short = f" · short of GPU memory: drawn {info['at_once']} at a time" if "at_once" in info else ""
    return f"{seeds} · `{info['checkpoint']}` · weights {info['revision']}, {info['source']}" + short


def marked(info: dict[str, Any]) -> str:
    """The same in the page, where the script finds the checkpoint and its revision."""
    checkpoint, revision = (html.escape(info[key]) for key in ("checkpoint", "revision"))
    shown = f"data-seed='{info['seed']}' data-n='{info['n']}'"
    return f"<span data-checkpoint='{checkpoint}' data-revision='{revision}' {shown}></span>{caption(info)}"
