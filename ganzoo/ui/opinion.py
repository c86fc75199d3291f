"""What D thinks of one picture: its logit, beside its logits of other pictures of the model, and where it objects.

The map is occlusion (Zeiler & Fergus 2013, arXiv 1311.2901, section 4.2): a square of the picture is painted over in the
colour of its edge, and the logit then says what the square was worth. A gradient would cost one pass instead of `PLACES`^2,
but says what a small change of each pixel would do; we expected it to read as noise, and did not compare the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ..gan import GAN, Batch
from ..images import to_pil

PLACES = 8  # of the square, across and down
SHARE = 4  # of the picture's side is the square's
OTHERS, OTHERS_OF_LARGE, LARGE = 64, 16, 32  # other pictures, and the side above which drawing them takes long
FIRST_OTHER = 2000  # the seed of the first one
WORSE, BETTER = (230, 80, 20), (40, 110, 230)  # shades of what it objects to, and of what it likes
STRONGEST = 200  # of 255, how opaque they are at most


@dataclass(frozen=True)
class Opinion:
    """D's logit of a picture, and by how much the logit rises where a square around each pixel is painted over (S, S)."""

    logit: float
    objection: Tensor


def logits(gan: GAN, image: Tensor, given: Batch) -> Tensor | None:
    """D's logits (n,) of pictures (n, C, S, S) in [-1, 1]; None where D is not asked about one by itself. In no graph, so a
    checkpoint without its D has to be kept from here."""
    with torch.inference_mode():
        found = gan.d_logit(image.to(gan.device), given)
    return None if found is None or found.shape != (len(image),) else found.float().cpu()


def squares(side: int) -> list[tuple[slice, slice]]:
    """The places of the square in a picture, row by row."""
    size = max(1, side // SHARE)
    at = torch.linspace(0, side - size, min(PLACES, side)).round().int().tolist()
    return [(slice(y, y + size), slice(x, x + size)) for y in at for x in at]


def paper(image: Tensor) -> Tensor:
    """The shade of a picture's edge: (C, S, S) -> (C,), the median of the pixels there."""
    edge = torch.cat([image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1]], 1)
    return edge.median(1).values


def opinion(gan: GAN, image: Tensor, given: Batch) -> Opinion | None:
    """What D thinks of a picture (C, S, S) in [-1, 1] that was drawn from inputs, one each; None where it is not asked."""
    places = squares(image.shape[-1])
    shown = image.repeat(1 + len(places), 1, 1, 1)
    for i, (y, x) in enumerate(places):
        shown[1 + i, :, y, x] = paper(image)[:, None, None]
    chunks = []
    for part in shown.split(gan.at_once):
        found = logits(gan, part, {k: v.expand(len(part), *v.shape[1:]) for k, v in given.items()})
        if found is None:
            return None
        chunks.append(found)
    of_all = torch.cat(chunks)
    total, count = torch.zeros(2, *image.shape[1:])
    for (y, x), rise in zip(places, of_all[1:] - of_all[0], strict=True):
        total[y, x] += rise
        count[y, x] += 1
    return Opinion(float(of_all[0]), total / count.clamp(min=1))


def others(side: int) -> int:
    """How many other pictures of a model its D is asked about, to compare with."""
    return OTHERS if side <= LARGE else OTHERS_OF_LARGE


def overlay(image: Tensor, objection: Tensor) -> Image.Image:
    """A uint8 picture (C, S, S) in grey under the map: warm where D objects, cool where it likes what is there."""
    grey = image.float().mean(0, keepdim=True).expand(3, -1, -1)
    strength = objection / objection.abs().max().clamp(min=1e-6)
    shade = torch.where(strength[None] > 0, torch.tensor(WORSE)[:, None, None], torch.tensor(BETTER)[:, None, None])
    alpha = strength.abs() * STRONGEST / 255
    return to_pil(((1 - alpha) * grey + alpha * shade).round().to(torch.uint8))
