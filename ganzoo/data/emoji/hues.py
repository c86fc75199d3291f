"""Pictures of one colour in other colours, with captions that name the colour: a red apple, and a blue one that nobody drew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import torch
from torch import Tensor
from torchvision.transforms.functional import adjust_hue

from ..dataset import Data, pick, stream

HUES = {"red": 0, "orange": 28, "yellow": 52, "green": 125, "blue": 215, "purple": 275, "pink": 328}  # degrees
BRIGHT = {"orange", "yellow"}  # a dark one of these is a brown
COLOURS = {*HUES, "white", "black", "brown", "grey", "light"}
PERCENT = 40  # of the pictures of one colour are shown in another
HUE_SIDE = 64  # pixels of the side at which a picture's hue is measured


@dataclass(frozen=True)
class Recoloured(Data):
    """A data set in which a picture of one colour is sometimes shown in another, as the step's seed and its index say."""

    hue: Tensor = field(default_factory=lambda: torch.zeros(0))  # (N,) in degrees; -1 where there are several, or none
    bright: Tensor = field(default_factory=lambda: torch.zeros(0))  # (N,) bool
    phrases: tuple[str, ...] = ()  # N captions, with {} for "a green" or "an orange"

    def colour(self, i: int, seed: int) -> str | None:
        """The colour in which a seed shows picture i; None for its own."""
        if self.hue[i] < 0 or stream("recolour", i, seed) % 100 >= PERCENT:
            return None
        return pick(tuple(c for c in HUES if self.bright[i] or c not in BRIGHT), "colour", i, seed)

    def images_at(self, index: Tensor, seed: int) -> Tensor:
        image = self.image[index]
        for row, i in enumerate(index.tolist()):
            if colour := self.colour(i, seed):
                shift = (HUES[colour] - float(self.hue[i])) / 360
                image[row] = adjust_hue(image[row], (shift + 0.5) % 1 - 0.5)
        return image

    def captions_at(self, index: Tensor, seed: int) -> list[str]:
        captions = super().captions_at(index, seed)
        for row, i in enumerate(index.tolist()):
            if colour := self.colour(i, seed):
                captions[row] = self.phrases[i].format(f"an {colour}" if colour[0] in "aeiou" else f"a {colour}")
        return captions


def recoloured(data: Data, names: Sequence[str], styles: Sequence[str]) -> Recoloured:
    """A data set of named things in named styles -> the same, in which some pictures of one colour are shown in another."""
    hue, bright = zip(*(main_hue(image) for image in data.image), strict=True)
    plain_names = [" ".join(w for w in name.split() if w.lower() not in COLOURS) or "thing" for name in names]
    phrases = tuple(f"{{}} {b}, {s} style" for b, s in zip(plain_names, styles, strict=True))
    kept = {f.name: getattr(data, f.name) for f in fields(Data)}
    return Recoloured(**kept, hue=torch.tensor(hue), bright=torch.tensor(bright), phrases=phrases)


def main_hue(image: Tensor) -> tuple[float, bool]:
    """uint8 (3, S, S) -> the hue in degrees that nearly all of its ink has, and whether it is bright; -1 if it has none."""
    stride = max(1, image.shape[-1] // HUE_SIDE)
    r, g, b = rgb = image[:, ::stride, ::stride].float().flatten(1) / 255
    value, lowest = rgb.max(0).values, rgb.min(0).values
    chroma = value - lowest
    ink, strong = (lowest < 0.9), chroma > 0.2
    if int(ink.sum()) < 50 or int((ink & strong).sum()) < 0.6 * int(ink.sum()):
        return -1.0, False
    angle = torch.atan2(3**0.5 * (g - b), 2 * r - g - b)[strong]
    weight = chroma[strong]
    x, y = (weight * angle.cos()).sum() / weight.sum(), (weight * angle.sin()).sum() / weight.sum()
    if torch.hypot(x, y) < 0.9:
        return -1.0, False
    return float(torch.rad2deg(torch.atan2(y, x))) % 360, bool((weight * value[strong]).sum() / weight.sum() > 0.8)
