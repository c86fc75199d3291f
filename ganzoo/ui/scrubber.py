"""A row of pictures under a slider: the browser holds all of them, so that dragging costs no round trip."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from PIL import Image
from torch import Tensor

from ..images import gif, grid, webp
from .assets import read
from .serving import file_data, keep

GIF_SIDE = 140  # pixels that a kept GIF is enlarged to, by a whole factor
NAME = "frames.webp"  # of a strip's file, in a folder that its content names

TEMPLATE, STYLE, SCRIPT = (read(f"scrubber.{kind}") for kind in ("html", "css", "js"))
NOTHING: dict[str, Any] = {  # as long as nothing is drawn
    "src": None,
    "keep": "",
    "captions": [""],
    "label": "",
    "alt": "",
    "start": 0,
    "rest": 0,
    "key": "",
    "aspect": "1 / 1",
    "delay": 60,
    "plays": False,
}


def scrubber(elem_id: str) -> gr.HTML:
    """The component, still empty; `frames` makes its values."""
    return gr.HTML(
        NOTHING, html_template=TEMPLATE, css_template=STYLE, js_on_load=SCRIPT, elem_id=elem_id, server_functions=[looping_gif]
    )


def frames(
    pictures: Sequence[Tensor],
    captions: list[str],
    label: str,
    alt: str,
    start: int = 0,
    delay: int = 60,
    keep_as: str = "",
    key: str = "",
    at: int | None = None,
    plays: bool = False,
    lossless: bool = True,
) -> dict[str, Any]:
    """Frames, each uint8 (k, C, S, S) shown as a grid, with a caption each -> the scrubber's value; side by side.

    With a file name to keep it under, a visitor may ask for the `looping_gif`. It starts at a frame, or, as a link says by its
    key, at another one; it plays by itself where that is asked for and a link names no frame.
    """
    tiles = [grid(p) for p in pictures]
    strip = Image.new(tiles[0].mode, (tiles[0].width * len(tiles), tiles[0].height))
    for i, tile in enumerate(tiles):
        strip.paste(tile, (i * tile.width, 0))
    return {
        "src": file_data(keep(webp(strip, lossless), NAME)),
        "keep": keep_as,
        "captions": captions,
        "label": label,
        "alt": alt,
        "start": start if at is None else min(at, len(tiles) - 1),
        "rest": start,
        "key": key,
        "aspect": f"{tiles[0].width} / {tiles[0].height}",
        "delay": delay,
        "plays": plays and at is None,
    }


def looping_gif(asked: object) -> str:
    """The frames of a strip as a GIF that loops, there and back -> the path of its file; only made when it is asked for.

    asked, by a browser that may send anything: {"strip": the hash in the name of its file, "frames": how many, "delay": ms,
    "name": under which it is kept}.
    """
    given: dict[str, Any] = asked if isinstance(asked, dict) else {}
    strip, count, delay = (given.get(k) for k in ("strip", "frames", "delay"))
    path = Path(get_upload_folder()) / str(strip) / NAME
    if not re.fullmatch("[0-9a-f]{64}", str(strip)) or not path.is_file():
        raise gr.Error("the walk is not kept any more; draw it again", print_exception=False)
    with Image.open(path) as found:
        shown = found.convert("RGB")
    first, *others = shown.split()
    if all(band.tobytes() == first.tobytes() for band in others):
        shown = first  # grey, of which a GIF has all shades
    if not (isinstance(count, int) and isinstance(delay, int) and 1 < count <= shown.width and 20 <= delay < 1000):
        raise gr.Error(f"{str(count)[:20]} frames of {str(delay)[:20]} ms are no walk", print_exception=False)
    if shown.width % count:
        raise gr.Error(f"{count} frames are not in this walk", print_exception=False)
    side = shown.width // count
    tiles = [shown.crop((i * side, 0, (i + 1) * side, shown.height)) for i in range(0, count, 2)]
    scale = max(1, GIF_SIDE // side)
    there = [t.resize((t.width * scale, t.height * scale), Image.Resampling.NEAREST) for t in tiles]
    name = re.sub(r"[^\w.-]", "-", str(given.get("name")))[-80:].removesuffix(".gif")
    return str(keep(gif(there + there[-2:0:-1], 2 * delay / 1000), f"{name}.gif"))
