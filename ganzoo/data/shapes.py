"""Pictures drawn by code: `shapes`, whose truth is known, and `fake`, which is there for the tests."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from ..images import to_uint8
from .dataset import Attribute, Data, stream
from .wording import Values, Wording, article, phrases_of

SIDE = 32
SHAPES = ("circle", "square", "triangle", "diamond", "cross", "ring")
COLOURS = {
    "red": (220, 40, 40),
    "orange": (240, 140, 20),
    "yellow": (235, 205, 30),
    "green": (40, 160, 70),
    "blue": (40, 90, 220),
    "purple": (140, 60, 190),
    "pink": (240, 130, 180),
    "black": (30, 30, 30),
}
SIZES = {"small": 0.2, "large": 0.34}  # radius, as a share of the picture's side
PLACES = {
    f"{v} {h}".replace("middle centre", "centre"): (x, y)
    for (v, y), (h, x) in product({"top": -1, "middle": 0, "bottom": 1}.items(), {"left": -1, "centre": 0, "right": 1}.items())
}
NAMES = ("size", "colour", "shape", "place")  # what a caption says, in its order


def shapes(root: Path, split: str, side: int = SIDE) -> Data:
    """One shape on white, colour: shape, colour, size and place are drawn at random and named in the caption.

    20,000 to train on and 4,000 to test with; the same on every machine. `label` is the shape.
    """
    if not 16 <= side <= 128:
        raise ValueError(f"shapes@{side}: the side is from 16 to 128 pixels")
    n = {"train": 20_000, "test": 4_000}[split]
    generator = torch.Generator().manual_seed(stream("shapes", split))

    def pick(k: int) -> Tensor:
        return torch.randint(k, (n,), generator=generator)

    shape, colour, size, place = pick(len(SHAPES)), pick(len(COLOURS)), pick(len(SIZES)), pick(len(PLACES))
    radius = torch.tensor(list(SIZES.values()))[size] * (1 + 0.1 * (torch.rand(n, generator=generator) - 0.5))
    spread = (0.5 - radius - 0.02)[:, None]
    centre = 0.5 + torch.tensor(list(PLACES.values()))[place] * spread * (0.85 + 0.15 * torch.rand(n, 2, generator=generator))
    ink = torch.tensor(list(COLOURS.values()))[colour] / 127.5 - 1
    rows = zip(*(t.tolist() for t in (size, colour, shape, place)), strict=True)
    captions = tuple((phrase(*row),) for row in rows)
    chunks = zip(*(t.split(1000 * SIDE // side) for t in (shape, centre, radius, ink)), strict=True)
    image = torch.cat([draw(k, at, r, rgb, side) for k, at, r, rgb in chunks])
    name = "shapes" + (f"@{side}" if side != SIDE else "")
    return Data(name, "Shapes", "drawn by ganzoo", "CC0", image, shape, SHAPES, captions)


def draw(shape: Tensor, centre: Tensor, radius: Tensor, ink: Tensor, side: int = SIDE) -> Tensor:
    """shape (n,) index in SHAPES, centre (n, 2) as x, y and radius (n,) in [0, 1], ink (n, 3) -> uint8 (n, 3, side, side)."""
    covered = cover(shape, centre, radius, side)[:, None]
    return to_uint8(1 - covered + covered * ink[:, :, None, None])


def cover(shape: Tensor, centre: Tensor, radius: Tensor, side: int) -> Tensor:
    """The share of each pixel that is ink: (n, side, side) in [0, 1].

    Each shape is a signed distance, negative inside; its edge is softened over one pixel.
    """
    axis = (torch.arange(side) + 0.5) / side
    x = axis[None, None, :] - centre[:, 0, None, None]
    y = axis[None, :, None] - centre[:, 1, None, None]
    r = radius[:, None, None]
    ax, ay, length = x.abs(), y.abs(), torch.hypot(x, y)
    distances = torch.stack(
        [
            length - r,
            torch.maximum(ax, ay) - 0.85 * r,
            torch.maximum(0.894 * ax - 0.447 * (r + y), y - 0.8 * r),
            (ax + ay - r) / 2**0.5,
            torch.minimum(torch.maximum(ax - r, ay - 0.3 * r), torch.maximum(ay - r, ax - 0.3 * r)),
            (length - 0.75 * r).abs() - 0.22 * r,
        ],
        dim=1,
    )
    return (0.5 - distances[torch.arange(len(shape)), shape] * side).clamp(0, 1)


def phrase(size: int, colour: int, shape: int, place: int) -> str:
    return write(dict(zip(NAMES, (list(SIZES)[size], list(COLOURS)[colour], SHAPES[shape], list(PLACES)[place]), strict=True)))


def write(values: Values, last: str = "", before: str = "") -> str:
    """A caption of these values. One that leaves some open is in no training set."""
    if not values:
        return ""
    thing = " ".join(values.get(name, "shape" if name == "shape" else "") for name in NAMES[:3]).split()
    noun = article(" ".join(thing))
    return f"{noun} in the {values['place']}" if "place" in values else noun


def wording() -> Wording:
    attributes = tuple(map(Attribute, NAMES, (tuple(SIZES), tuple(COLOURS), SHAPES, tuple(PLACES))))
    said = {value: {a.name: value} for a in attributes for value in a.values}
    return Wording(attributes, phrases_of(said), frozenset(("a", "an", "in", "the")), write)


def fake(root: Path, split: str, side: int = 16) -> Data:
    """256 pictures of noise, in colour, with ten labels: for tests, which need no meaning."""
    generator = torch.Generator().manual_seed(stream("fake", split))
    image = torch.randint(256, (256, 3, side, side), dtype=torch.uint8, generator=generator)
    label = torch.arange(256) % 10
    captions = tuple((f"noise number {k}",) for k in label.tolist())
    return Data("fake", "Noise", "drawn by ganzoo", "CC0", image, label, tuple("0123456789"), captions)
