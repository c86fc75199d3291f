"""Code that sees: shape, colour, size and place of what is drawn in a picture of `shapes`, whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import torch
from torch import Tensor

from ..data.shapes import COLOURS, PLACES, SHAPES, SIZES, cover, phrase

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


def caption_match(image: Tensor, captions: Sequence[str]) -> dict[str, float]:
    """uint8 (n, 3, S, S) and their captions -> the share in which shape, colour, size, place are the caption's, and `all` but
    the size of these at once. ValueError for a caption that is not one of `shapes`'."""
    every = product(range(len(SHAPES)), range(len(COLOURS)), range(len(SIZES)), range(len(PLACES)))
    truth = {phrase(s, c, k, p): (k, c, s, p) for k, c, s, p in every}
    if wrong := [c for c in captions if c not in truth]:
        raise ValueError(f"caption: {wrong[0][:80]!r} is not one of shapes', such as {phrase(0, 0, 0, 0)!r}")
    seen = see(image)
    wanted = torch.tensor([truth[c] for c in captions])
    fits = seen.overlap >= LIKE
    shape, colour, size, place = (
        (x == wanted[:, i]) & fits for i, x in enumerate((seen.shape, seen.colour, seen.size, seen.place))
    )
    right = {"shape": shape, "colour": colour, "size": size, "place": place, "all": shape & colour & place}
    return {name: float(share.float().mean()) for name, share in right.items()}
