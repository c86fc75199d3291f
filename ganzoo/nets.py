"""Blocks that the networks of several models are made of. None of them knows a model."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TypeVar

from torch import Tensor, nn
from torch.nn.functional import relu

Net = TypeVar("Net", bound=nn.Module)
UNBOUNDED = 2**31


def doublings(side: int, start: int = 4) -> list[tuple[int, int, int]]:
    """Kernel, stride and padding of each step that doubles a side, from `start` to `side`. ValueError if none leads there.

    From 4 to 8, 16, 32, 64, ...; on the way to 28 the first step is from 4 to 7.
    """
    odd = side == 28 and start == 4
    steps = math.log2(side / (7 if odd else start))
    if steps % 1 or steps < 1:
        raise ValueError(f"side: {side} is not 28 or {start} times a power of two ({2 * start}, {4 * start}, ...)")
    return [(3, 2, 1)] * odd + [(4, 2, 1)] * int(steps)


def up(z: int, width: int, channels: int, side: int, start: int = 4) -> nn.Sequential:
    """vector (B, Z, 1, 1) -> image (B, C, S, S) in [-1, 1], by DCGAN's steps: `start`, twice that, ..., S pixels.

    `width` channels stand next to the picture, twice as many with each halving of the side.
    """
    steps = doublings(side, start)
    widths = [width * 2**i for i in range(len(steps))][::-1]  # three steps, width = 64: 256, 128, 64
    layers: list[nn.Module] = [
        nn.ConvTranspose2d(z, widths[0], start, bias=False),
        nn.BatchNorm2d(widths[0]),
        nn.ReLU(inplace=True),
    ]
    for (a, b), step in zip(pairwise(widths), steps, strict=False):
        layers += [nn.ConvTranspose2d(a, b, *step, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], channels, *steps[-1]), nn.Tanh())


def down(
    channels: int, width: int, side: int, start: int = 4, batch_norm: bool = True, most: int = UNBOUNDED
) -> list[nn.Module]:
    """image (B, C, S, S) -> features (B, F, start, start), by the same steps; F = width * 2 ** (steps - 1), or `most`."""
    steps = doublings(side, start)[::-1]
    widths = [min(width * 2**i, most) for i in range(len(steps))]
    layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], *steps[0]), nn.LeakyReLU(0.2, inplace=True)]
    for (a, b), step in zip(pairwise(widths), steps[1:], strict=True):
        layers.append(nn.Conv2d(a, b, *step, bias=not batch_norm))
        layers += [nn.BatchNorm2d(b)] if batch_norm else []
        layers.append(nn.LeakyReLU(0.2, inplace=True))
    return layers


def out_channels(width: int, side: int, start: int = 4, most: int = UNBOUNDED) -> int:
    """F, the channels of the features that `down` ends with."""
    return min(width << (len(doublings(side, start)) - 1), most)


def conv(a: int, b: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    """features (B, a, s, s) -> (B, b, s / stride, s / stride): convolution, batch norm, ReLU."""
    return [nn.Conv2d(a, b, kernel, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]


class Residual(nn.Module):
    """features (B, F, s, s) -> the same shape: two convolutions and a skip connection (He et al. 2015, arXiv 1512.03385)."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*conv(n, n), *conv(n, n)[:2])

    def forward(self, x: Tensor) -> Tensor:
        return relu(x + self.body(x))


class ZeroLinear(nn.Linear):
    """x (B, A) -> (B, N): a linear layer whose weights and biases are 0 at first, and so is what it returns."""

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


def upsampler(widths: list[int], channels: int) -> nn.Sequential:
    """features (B, F, s, s) -> image (B, C, S, S) in [-1, 1], twice as large for each width after the first."""
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Upsample(scale_factor=2), *conv(a, b)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], channels, 3, 1, 1), nn.Tanh())


def before_tanh(image: Tensor) -> Tensor:
    """image (B, C, S, S) in [-1, 1] -> what tanh makes it of, in its own precision; of what is beyond 0.99, as of 0.99."""
    return image.clamp(-0.99, 0.99).atanh()


class SpaceToDepth(nn.Module):
    """image (B, C, S, S) -> (B, side * side * C, S / side, S / side): see `space_to_depth`."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, image: Tensor) -> Tensor:
        return space_to_depth(image, self.side)


def space_to_depth(image: Tensor, side: int) -> Tensor:
    """image (B, C, S, S) -> (B, side * side * C, S / side, S / side): each side x side patch as the channels of one position.

    This and `depth_to_space` are pixel unshuffle and shuffle (Shi et al. 2016, arXiv 1609.05158), but the colour is the last
    of the channels' three indices (row, column, colour), where torch has it first. Shipped weights have this order.
    """
    b, c, s, _ = image.shape
    patches = image.permute(0, 2, 3, 1).reshape(b, s // side, side, s // side, side, c).transpose(2, 3)
    return patches.reshape(b, s // side, s // side, -1).permute(0, 3, 1, 2)


def depth_to_space(features: Tensor, side: int) -> Tensor:
    """features (B, side * side * C, s, s) -> image (B, C, s * side, s * side): the inverse of `space_to_depth`."""
    b, n, s, _ = features.shape
    patches = features.permute(0, 2, 3, 1).reshape(b, s, s, side, side, n // side**2).transpose(2, 3)
    return patches.reshape(b, s * side, s * side, -1).permute(0, 3, 1, 2)


def init_normal(net: Net, std: float = 0.02) -> Net:
    """Weights ~ normal(0, std), biases 0, batch norm ~ normal(1, std) (DCGAN, section 4: details of training)."""
    for m in net.modules():
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and not isinstance(m, ZeroLinear):
            nn.init.normal_(m.weight, 0.0, std)
            if m.bias is not None:
                nn.init.zeros_(m.bias)
        elif isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(m.weight, 1.0, std)
            nn.init.zeros_(m.bias)
    return net


def init_glorot(net: Net) -> Net:
    """Weights uniform, with a variance of 2 / (fan in + fan out), biases 0 (Glorot & Bengio 2010, equation 16)."""
    for m in net.modules():
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(m.weight)
            if m.bias is not None:
                nn.init.zeros_(m.bias)
    return net
