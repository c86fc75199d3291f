"""Faces without and with one part: `faces_glasses` and `faces_beard`, whose truth is known.

`source` are faces without, `image` faces with it. To train on, they are other people, in no pairs; to test with, each pair is
the same person, and differs in that part alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from .dataset import Data
from .faces import people, render
from .faces.drawing import definition
from .faces.parts import ATTRIBUTES, indices, with_parts

COUNTS = {"train": 6_000, "test": 1_000}  # of each kind
PARTS = {"glasses": ("eyes", "open", "glasses"), "beard": ("facial_hair", "none", "beard")}  # name -> part, without, with


def face_pairs(root: Path, split: str, side: int = 64, *, part: str) -> Data:
    """Faces without (`source`) and with a part, colour. ValueError where DiceBear or resvg is not installed."""
    name, without, having = PARTS[part]
    n = COUNTS[split]
    every = people(split, 2 * n if split == "train" else n)
    before, after = (every[:n], every[n:]) if split == "train" else (every, every)
    source, image = render(before, side, **{name: without}), render(after, side, **{name: having})
    known = torch.tensor([indices(with_parts(who, {name: having})) for who in after])
    meta = definition("personas")["meta"]
    about = f"{meta['source']['name']} by {meta['creator']['name']}, drawn by DiceBear (dicebear.com), recoloured by ganzoo"
    title = f"Faces, without and with {'a beard' if part == 'beard' else part}"
    licence = f"{meta['license']['name']} ({meta['license']['url']})"
    full = f"faces_{part}" + (f"@{side}" if side != 64 else "")
    data = Data(full, title, about, licence, image, torch.zeros(n, dtype=torch.long), ("",), source=source)
    return replace(data, paired=split != "train", judged_as="faces", attributes=ATTRIBUTES, attribute=known)


faces_glasses, faces_beard = partial(face_pairs, part="glasses"), partial(face_pairs, part="beard")
