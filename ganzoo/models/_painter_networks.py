"""The networks of `emoji_painter`: blocks that modulate a generator, deepen it, or read pictures off its layers; two stages.

All layers but the heads leave what they are put into unchanged until they are trained (`starts_as_identity`), so that a warm
start may add them to networks that lack them.
Shapes: B batch, Z noise, A condition, F features, C channels, S side of the picture, s of a layer.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from ..nets import Residual, ZeroLinear, before_tanh, conv, depth_to_space, doublings, upsampler
from ._two_stages import SCALE, ConditioningAugmentation, Config, repeat_at


class ReZeroResidual(Residual):
    """features (B, F, s, s) -> the same shape: a residual block, each channel of whose branch is multiplied by a gate that is 0
    at first (Bachlechner et al. 2020, arXiv 2003.04887; there one gate a block)."""

    starts_as_identity = True

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.gate = nn.Parameter(torch.zeros(n, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return relu(x + self.gate * self.body(x))


class MappingNetwork(nn.Module):
    """condition (B, A) -> the same shape: a residual network of two hidden layers, so that near captions can lead to distant
    pictures (Karras et al. 2018, arXiv 1812.04948, section 2)."""

    starts_as_identity = True

    def __init__(self, n: int, hidden: int) -> None:
        super().__init__()
        layers = [m for a in (n, hidden) for m in (nn.Linear(a, hidden), nn.LayerNorm(hidden), nn.LeakyReLU(0.2))]
        self.body, self.gate = nn.Sequential(*layers), ZeroLinear(hidden, n)

    def forward(self, condition: Tensor) -> Tensor:
        mapped: Tensor = condition + self.gate(self.body(condition))
        return mapped


class FiLM(ZeroLinear):
    """features (B, F, s, s), condition (B, A) -> the same shape: each channel scaled and shifted by a linear function of the
    condition (de Vries et al. 2017, arXiv 1707.00683, equation 3; Perez et al. 2017, arXiv 1709.07871)."""

    starts_as_identity = True

    def __init__(self, condition: int, n: int) -> None:
        super().__init__(condition, 2 * n)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
        scale, shift = super().forward(condition).to(x.dtype)[:, :, None, None].chunk(2, 1)
        return torch.addcmul(shift, x, 1 + scale)


def modulated_forward(
    upsampler: nn.Sequential, x: Tensor, blocks: nn.ModuleList, films: nn.ModuleList, condition: Tensor
) -> Iterator[Tensor]:
    """Run `nets.upsampler` on features x (B, F, s, s), with the next of `films` after each batch norm and the next of `blocks`
    after each ReLU, as long as there are any -> the features after each doubling of the side, lazily, then the image."""
    block, film = iter(blocks), iter(films)
    for layer in upsampler:
        x = layer(x)
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and (modulate := next(film, None)):
            x = modulate(x, condition)
        if isinstance(layer, nn.ReLU):
            if residual := next(block, None):
                x = residual(x)
            yield x
    yield x


class ToRGBHeads(nn.ModuleList):
    """Features of some layers (B, F, s, s), from the first on -> a picture (B, C, s, s) in [-1, 1] of each, by a 1 x 1
    convolution (deep supervision, Lee et al. 2014, arXiv 1409.5185). Layers after the last head are not run."""

    def __init__(self, widths: list[int], channels: int) -> None:
        super().__init__(nn.Conv2d(n, channels, 1) for n in widths)

    def forward(self, layers: Iterator[Tensor]) -> list[Tensor]:
        return [head(x).float().tanh() for head, x in zip(self, layers, strict=False)]


class StageI(nn.Module):
    """z (B, Z), condition (B, A) -> image (B, C, S, S) in [-1, 1].

    mapping: hidden numbers of the mapping network, 0 for none; blocks: residual blocks, one at each side from 8 pixels on;
    modulated: FiLM after each batch norm but the first.
    """

    def __init__(self, c: Config, mapping: int, blocks: int, modulated: bool) -> None:
        super().__init__()
        self.augmentation = ConditioningAugmentation(c.embedding, c.condition)
        self.widths = [c.width * 2**i for i in range(len(doublings(c.sketch_side)) + 1)][::-1]
        a, n = c.z + c.condition, self.widths[0] * 4 * 4
        self.mapping = MappingNetwork(a, mapping) if mapping else nn.Identity()
        self.front = nn.Sequential(nn.Linear(a, n, bias=False), nn.BatchNorm1d(n))
        self.body = upsampler(self.widths, c.channels)
        self.blocks = nn.ModuleList(ReZeroResidual(n) for n in self.widths[1:][:blocks])
        self.scales = nn.ModuleList(FiLM(a, n) for n in self.widths[1:] if modulated)

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        return [*self.layers(z, condition)][-1]

    def layers(self, z: Tensor, condition: Tensor) -> Iterator[Tensor]:
        """The features of sides 8, 16, ... S, lazily, then the image."""
        mapped = self.mapping(torch.cat([z, condition], 1))
        x = relu(self.front(mapped)).unflatten(1, (-1, 4, 4))
        return modulated_forward(self.body, x, self.blocks, self.scales, mapped)


class StageII(nn.Module):
    """sketch (B, C, S / 4, S / 4), condition (B, A) -> image (B, C, S, S) in [-1, 1], a residual over the enlarged sketch.

    It works at the sketch's side, and ends by a pixel shuffle (Shi et al. 2016, arXiv 1609.05158).
    """

    def __init__(self, c: Config) -> None:
        super().__init__()
        w = c.refine
        self.augmentation = ConditioningAugmentation(c.embedding, c.condition)
        self.see = nn.Sequential(nn.Conv2d(c.channels, w, 3, 1, 1), nn.ReLU(), *conv(w, 2 * w, 4, 2), *conv(2 * w, 4 * w, 4, 2))
        self.join = nn.Sequential(*conv(4 * w + c.condition, 4 * w), Residual(4 * w))
        self.last = nn.Sequential(*conv(2 * w, w), Residual(w), nn.Conv2d(w, c.channels * SCALE**2, 3, 1, 1))
        self.body = upsampler([4 * w, 2 * w, w], c.channels)[:-2]  # features, not an image

    def forward(self, sketch: Tensor, condition: Tensor) -> Tensor:
        detail = self.see[:2](sketch)  # at the sketch's own side
        features = self.body(self.join(repeat_at(condition, self.see[2:](detail))))
        residual = depth_to_space(self.last(torch.cat([features, detail], 1)), SCALE)
        logit = before_tanh(sketch.to(residual.dtype)).contiguous()
        return (residual + interpolate(logit, scale_factor=SCALE, mode="bilinear")).tanh()
