"""Pictures drawn by code: `shapes`, whose truth is known, and `fake`, which is there for the tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from ..images import to_uint8
from . import Data, stream

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


def shapes(root: Path, split: str, side: int = SIDE) -> Data:
    """One shape on white, colour: shape, colour, size and place are drawn at random and said in the caption.

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
    said = zip(*(t.tolist() for t in (size, colour, shape, place)), strict=True)
    captions = tuple((phrase(*row),) for row in said)
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


# ---- Reading a picture -------------------------------------------------------------------------------------------------

TINT = 0.15  # how far from white, of 1, a picture must be somewhere to have any ink
TRIED = (0.95, 1.0, 1.05)  # radii, as shares of the one that gives the ink's area
LIKE = 0.7  # overlap (intersection over union) from which a blob counts as the shape


@dataclass(frozen=True)
class Seen:
    """What code finds in n pictures: indices in SHAPES, COLOURS, SIZES and PLACES (n,), and how well the shape fits."""

    shape: Tensor
    colour: Tensor
    size: Tensor
    place: Tensor
    overlap: Tensor  # (n,) intersection over union with the shape, 0 where there is no ink

    def captions(self) -> list[str]:
        """The captions that these pictures should have."""
        return [
            phrase(*row) for row in zip(*(t.tolist() for t in (self.size, self.colour, self.shape, self.place)), strict=True)
        ]


def phrase(size: int, colour: int, shape: int, place: int) -> str:
    return f"a {list(SIZES)[size]} {list(COLOURS)[colour]} {SHAPES[shape]} in the {list(PLACES)[place]}"


def see(image: Tensor) -> Seen:
    """uint8 (n, 3, S, S) -> the shape, colour, size and place of the ink in each picture.

    Each shape is drawn where the ink is, as large as the ink is; the one that overlaps the most is the one that is seen.
    """
    pixels = image.float() / 255
    depth = (1 - pixels).amax(1)
    peak = depth.flatten(1).quantile(0.98, dim=1)[:, None, None]
    ink = (depth / peak.clamp_min(TINT)).clamp(0, 1) * (depth > peak / 4) * (peak > TINT)
    n, side = len(image), image.shape[-1]
    axis = (torch.arange(side) + 0.5) / side
    total = ink.sum((1, 2)).clamp_min(1e-6)
    middle = torch.stack([(ink.sum(1) * axis).sum(1), (ink.sum(2) * axis).sum(1)], 1) / total[:, None]
    best, shape, radius, centre = torch.full((n,), -1.0), torch.zeros(n, dtype=torch.long), torch.zeros(n), middle
    for k, (area, offset) in enumerate(outlines()):
        for share in TRIED:
            r = share * (total / side**2 / area).sqrt()
            at = middle - offset * r[:, None]
            drawn = cover(torch.full((n,), k), at, r, side)
            overlap = torch.minimum(drawn, ink).sum((1, 2)) / torch.maximum(drawn, ink).sum((1, 2)).clamp_min(1e-6)
            better = overlap > best
            best, radius, shape = best.where(~better, overlap), radius.where(~better, r), shape.where(~better, torch.tensor(k))
            centre = centre.where(~better[:, None], at)
    inner = ((ink > 0.9) + 1e-9)[:, None]
    found = (pixels * inner).sum((2, 3)) / inner.sum((2, 3))
    colour = torch.cdist(found, torch.tensor(list(COLOURS.values())) / 255).argmin(1)
    size = (radius > sum(SIZES.values()) / 2).long()
    third = 1 + (centre > 0.56).long() - (centre < 0.44).long()  # 0, 1, 2: left, centre, right; top, middle, bottom
    return Seen(shape, colour, size, 3 * third[:, 1] + third[:, 0], best)


@cache
def outlines() -> list[tuple[float, Tensor]]:
    """The area and the centre of mass (x, y) of each shape at radius 1."""
    side, r = 512, 0.3
    axis = (torch.arange(side) + 0.5) / side - 0.5
    drawn = cover(torch.arange(len(SHAPES)), torch.full((len(SHAPES), 2), 0.5), torch.full((len(SHAPES),), r), side)
    mass = drawn.sum((1, 2))
    centre = torch.stack([(drawn.sum(1) * axis).sum(1), (drawn.sum(2) * axis).sum(1)], 1) / mass[:, None] / r
    return [(float(m) / side**2 / r**2, c) for m, c in zip(mass, centre, strict=True)]


def as_said(image: Tensor, captions: Sequence[str]) -> dict[str, float]:
    """uint8 (n, 3, S, S) and what they should show -> the share in which shape, colour, size, place are as said, and `all`
    but the size of these at once. ValueError for a caption that is not one of `shapes`'."""
    every = product(range(len(SHAPES)), range(len(COLOURS)), range(len(SIZES)), range(len(PLACES)))
    truth = {phrase(s, c, k, p): (k, c, s, p) for k, c, s, p in every}
    if wrong := [c for c in captions if c not in truth]:
        raise ValueError(f"caption: {wrong[0][:80]!r} is not one of shapes', such as {phrase(0, 0, 0, 0)!r}")
    seen = see(image)
    said = torch.tensor([truth[c] for c in captions])
    fits = seen.overlap >= LIKE
    shape, colour, size, place = (
        (x == said[:, i]) & fits for i, x in enumerate((seen.shape, seen.colour, seen.size, seen.place))
    )
    right = {"shape": shape, "colour": colour, "size": size, "place": place, "all": shape & colour & place}
    return {name: float(share.float().mean()) for name, share in right.items()}


def fake(root: Path, split: str, side: int = 16) -> Data:
    """256 pictures of noise, in colour, with ten labels: for tests, which need no meaning."""
    generator = torch.Generator().manual_seed(stream("fake", split))
    image = torch.randint(256, (256, 3, side, side), dtype=torch.uint8, generator=generator)
    label = torch.arange(256) % 10
    captions = tuple((f"noise number {k}",) for k in label.tolist())
    return Data("fake", "Noise", "drawn by ganzoo", "CC0", image, label, tuple("0123456789"), captions)
