"""Copy or creation? What was drawn, beside the training pictures that come nearest to it."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ..checkpoint import Checkpoint
from ..images import grid, nearest, png, shrunk
from .scrubber import data_url

HELD_UP = 8  # pictures that are held against the training set
NEAREST = 3  # of its pictures, beside each
ROWS = 4
SPACE, PAPER = 6, 255  # pixels between a picture and those, and their shade


@lru_cache(maxsize=4)
def trained_on(folder: Path) -> Tensor:
    """The training pictures of a checkpoint, read once."""
    return Checkpoint(folder, "bundled").training_pictures()


def resembling(c: Checkpoint, images: Tensor) -> str:
    """uint8 (n, 3, S, S) -> the first few, small, each beside what is nearest to it in the training set, as HTML.

    Empty where that was not kept.
    """
    known = trained_on(c.folder)
    if not len(known):
        return ""
    small = shrunk(images[:HELD_UP], known.shape[-1])
    near = known[nearest(small, known, NEAREST)[1]]
    space = torch.full((*small.shape[:2], small.shape[2], SPACE), PAPER, dtype=torch.uint8)
    rows = torch.cat([small, space, *near.unbind(1)], 3)
    columns = math.ceil(len(rows) / ROWS)
    sheet: Image.Image = grid(rows, columns=columns, gap=2 * SPACE, paper=PAPER)
    alt = f"{len(rows)} pictures that were drawn, each with the {NEAREST} training pictures nearest to it"
    return (
        "<h3>Copy or creation?</h3>"
        f"<p>On the left of each row what it drew, {small.shape[-1]} pixels wide; beside it the {NEAREST} of its "
        f"{len(known):,} training pictures that come nearest, pixel by pixel.</p>"
        f'<img class="near" width="{4 * sheet.width}" height="{4 * sheet.height}" alt="{alt}" '
        f'src="{data_url("png", png(sheet))}">'
    )
