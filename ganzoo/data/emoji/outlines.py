"""`emoji_outlines`: the black lines of OpenMoji's drawings, and what the other sets have of the same things, in pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ..dataset import Data
from .drawings import rendered_rows
from .sets import read_split

OUTLINED = "openmoji"  # the set whose drawings have a black line around everything
DARK = 96  # of 255: what is darker in every colour is ink
SPLIT_OF = {"train": "train", "test": "unseen"}  # it is tested with things of which it has seen no drawing


def emoji_outlines(root: Path, split: str, side: int = 64) -> Data:
    """Outlines (`source`, grey) and pictures of the same things from five other sets, colour. Each team drew a thing in its own
    way, so a line and its picture do not lie on each other. ValueError if there is no such split, or no such side."""
    if split not in SPLIT_OF:
        raise ValueError(f"emoji_outlines has no split {split!r}; it has {' and '.join(SPLIT_OF)}")
    every = read_split(root, SPLIT_OF[split], side, people=False)
    rows = [r for r in rendered_rows(root) if r["split"] == SPLIT_OF[split] and not r["person"]]
    outlined = {r["code"]: i for i, r in enumerate(rows) if r["style"] == OUTLINED}
    kept = [i for i, r in enumerate(rows) if r["style"] != OUTLINED and r["code"] in outlined]
    source = torch.stack([ink(every.image[outlined[rows[i]["code"]]]) for i in kept])
    name = every.name.replace("emoji", "emoji_outlines")
    own = replace(every, name=name, title="Emoji, from outlines", image=every.image[kept], label=every.label[kept])
    return replace(own, captions=(), styles=(), source=source, judged_as="emoji")


def ink(image: Tensor) -> Tensor:
    """uint8 (3, S, S) -> (1, S, S): its black lines, black on white, as a pen draws them."""
    return (image.amax(0, keepdim=True) >= DARK).to(torch.uint8) * 255
