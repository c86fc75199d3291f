"""Copy or creation? What was drawn, beside the training pictures that come nearest to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import torch
from PIL import Image
from torch import Tensor

from ...checkpoint.folder import Checkpoint
from ...gan import GAN
from ...images import grid, nearest, png, shrunk
from ...inputs import Text
from .. import inference
from ..assets import read
from ..serving import file_data, keep
from ..tab import CAPTIONS, RIGHT, Slot, View

COMPARED = 8  # pictures that are compared with the training set
NEIGHBOURS = 3  # of its pictures, beside each
ROWS = 4
NOTHING: dict[str, Any] = {"src": None}
SPACE, PAPER = 6, 255  # pixels between a picture and those, and their shade


@lru_cache(maxsize=4)
def training_pictures(folder: Path) -> Tensor:
    """The training pictures of a checkpoint, read once."""
    return Checkpoint(folder, "bundled").training_pictures()


def nearest_pictures(c: Checkpoint, images: Tensor) -> dict[str, Any] | None:
    """uint8 (n, 3, S, S) -> the first few, small, each beside what is nearest to it in the training set, as the view's value.

    None where that was not kept.
    """
    known = training_pictures(c.folder)
    if not len(known):
        return None
    small = shrunk(images[:COMPARED], known.shape[-1])
    near = known[nearest(small, known, NEIGHBOURS)[1]]
    space = torch.full((*small.shape[:2], small.shape[2], SPACE), PAPER, dtype=torch.uint8)
    rows = torch.cat([small, space, *near.unbind(1)], 3)
    columns = math.ceil(len(rows) / ROWS)
    sheet: Image.Image = grid(rows, columns=columns, gap=2 * SPACE, paper=PAPER)
    return {
        "src": file_data(keep(png(sheet), "nearest.png")),
        "width": 4 * sheet.width,
        "height": 4 * sheet.height,
        "alt": f"{len(rows)} pictures that were drawn, each with the {NEIGHBOURS} training pictures nearest to it",
        "text": f"On the left of each row what it drew, {small.shape[-1]} pixels wide; beside it the {NEIGHBOURS} of its "
        f"{len(known):,} training pictures that come nearest, pixel by pixel.",
    }


class Nearest(View):
    """Beside captions: export keeps the training pictures of a model that draws from them, if they are 10,000 at most."""

    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return any(isinstance(x, Text) for x in gan.inputs)

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(CAPTIONS, RIGHT): [self.build]}

    def build(self) -> None:
        tab = self.tab
        self.near = gr.HTML(NOTHING, html_template=read("nearest.html"), elem_id=tab.id("near"), elem_classes="flush")
        self.column = tab.columns[Slot(CAPTIONS, RIGHT)]
        # Where nothing was kept, the other column has the whole width.
        self.column.visible = tab.checkpoints[0].manifest.training_pictures is not None
        self.sample_outputs = [self.near, self.column]

    def on_samples(self, checkpoint: str, drawn: inference.Drawn) -> list[Any]:
        found = nearest_pictures(inference.load(checkpoint)[0], drawn.images)
        return [found or NOTHING, gr.Column(visible=bool(found))]
