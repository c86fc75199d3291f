"""What GANs from pictures to pictures share: a source picture as an input, and a discriminator of patches.

Shapes: B batch, C channels, C' channels of the source, S side, s side of D's map of patches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from .. import config
from ..config import knob
from ..gan import GAN, Batch
from ..images import from_uint8, outlines, to_uint8
from ..inputs import Picture

SOURCE = "source"  # the input, as data name it


@dataclass(frozen=True)
class Config(config.Config):
    side: int = knob(64, "side of the picture, in pixels")
    channels: int = knob(3, "1 for grey, 3 for colour")
    source_channels: int = knob(0, "channels of the data's sources; 0: they bring none, and outlines are made of the pictures")

    width: int = knob(64, "channels of the generator's first layer", at_least=1)
    d_width: int = knob(64, "channels of the discriminator's first layer", at_least=1)
    batch: int = knob(1, "pictures a step", at_least=1, at_most=config.MOST)


def norm(kind: Literal["batch", "instance"], channels: int) -> nn.Module:
    """features (B, F, s, s) -> the same shape; of an instance, without weights (Ulyanov et al. 2016, arXiv 1607.08022)."""
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.InstanceNorm2d(channels)


class PatchDiscriminator(nn.Module):
    """image (B, C, S, S), source (B, C', S, S) -> logit (B, 1, s, s), whether each patch of a picture is real.

    The 70 x 70 PatchGAN of a picture of 256 pixels is C64-C128-C256-C512 (Isola et al. 2016, arXiv 1611.07004, appendix 6.1.2).
    Of a smaller one the patches are as large a share: 34 pixels of 128, 16 of 64 and fewer, by fewer halvings.
    """

    def __init__(self, channels: int, width: int, side: int, kind: Literal["batch", "instance"]) -> None:
        super().__init__()
        halvings = min(max(round(math.log2(side)) - 5, 1), 3)
        widths = [width * min(2**i, 8) for i in range(halvings + 1)]
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for i in range(halvings):
            stride = 2 if i + 1 < halvings else 1
            layers += [nn.Conv2d(widths[i], widths[i + 1], 4, stride, 1, bias=False), norm(kind, widths[i + 1])]
            layers.append(nn.LeakyReLU(0.2))
        self.body = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 1))

    def forward(self, image: Tensor, *source: Tensor) -> Tensor:
        logit: Tensor = self.body(torch.cat([image, *source], 1))
        return logit


class Pool(nn.Module):
    """drawn (B, C, S, S) -> as many: each is kept, and once the pool is full half of them are changed for older ones
    (Shrivastava et al. 2016, arXiv 1612.07828, section 2.3)."""

    kept: Tensor
    count: Tensor

    def __init__(self, size: int, channels: int, side: int) -> None:
        super().__init__()
        self.register_buffer("kept", torch.zeros(size, channels, side, side, dtype=torch.uint8))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def forward(self, drawn: Tensor) -> Tensor:
        shown = drawn.clone()
        for i, (image, place) in enumerate(zip(to_uint8(drawn), torch.randint(2 * len(self.kept), (len(drawn),)), strict=True)):
            if self.count < len(self.kept):
                self.kept[self.count] = image
                self.count += 1
            elif place < len(self.kept):
                shown[i], self.kept[place] = from_uint8(self.kept[place]), image
        return shown


class ImageToImageGAN(GAN):
    """A GAN with a picture among its inputs, which the data bring, or else outlines of their pictures."""

    config: Config

    def __init__(self, c: Config, channels: int) -> None:
        """channels: of the source."""
        super().__init__(c)
        source = Picture(SOURCE, c.side, channels)
        self.inputs = (source,)
        self.register_buffer(source.buffer, source.blank())

    def derive(self, batch: Batch) -> Batch:
        return batch if SOURCE in batch else batch | {SOURCE: outlines(batch["image"])}

    def back(self, image: Tensor) -> Tensor:
        """image (n, C, S, S) -> what it was made from (n, C', S, S), in [-1, 1]; of a model that knows both ways."""
        raise NotImplementedError


def knows_both_ways(gan: GAN) -> bool:
    """Whether a model also makes its pictures back into what they were made from."""
    return isinstance(gan, ImageToImageGAN) and type(gan).back is not ImageToImageGAN.back
