"""Blocks that networks are made of, and what is done to pictures before a network sees them. None of it knows a model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample, relu

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


def features(width: int, side: int, start: int = 4, most: int = UNBOUNDED) -> int:
    """F, the channels that `down` ends with."""
    return min(width << (len(doublings(side, start)) - 1), most)


def conv(a: int, b: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    """features (B, a, s, s) -> (B, b, s / stride, s / stride): convolution, batch norm, ReLU."""
    return [nn.Conv2d(a, b, kernel, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]


class Residual(nn.Module):
    """features (B, F, s, s) -> the same shape: what two convolutions add to them (He et al. 2015, arXiv 1512.03385)."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*conv(n, n), *conv(n, n)[:2])

    def forward(self, x: Tensor) -> Tensor:
        return relu(x + self.body(x))


class Gated(Residual):
    """A residual block that begins as a layer that changes nothing: each channel of what it adds is multiplied by a number that
    is 0 at first (Bachlechner et al. 2020, arXiv 2003.04887; there one number a block)."""

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.gate = nn.Parameter(torch.zeros(n, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return relu(x + self.gate * self.body(x))


class Silent(nn.Linear):
    """A linear layer that begins by saying 0, whatever it is told."""

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


class Mapping(nn.Module):
    """told (B, T) -> the same shape: what two hidden layers add to it, so that near captions can lead to far pictures (a
    mapping network, Karras et al. 2018, arXiv 1812.04948, section 2). It begins as a layer that changes nothing."""

    def __init__(self, told: int, hidden: int) -> None:
        super().__init__()
        bent = [m for n in (told, hidden) for m in (nn.Linear(n, hidden), nn.LayerNorm(hidden), nn.LeakyReLU(0.2))]
        self.body, self.gate = nn.Sequential(*bent), Silent(hidden, told)

    def forward(self, told: Tensor) -> Tensor:
        mapped: Tensor = told + self.gate(self.body(told))
        return mapped


class Augmentation(nn.Module):
    """said (B, E), epsilon (B, A) -> condition (B, A), a draw from the Gaussian that a caption becomes.

    Conditioning augmentation (Zhang et al. 2016, arXiv 1612.03242, section 3.2).
    """

    def __init__(self, embedding: int, condition: int) -> None:
        super().__init__()
        self.gaussian = nn.Sequential(nn.Linear(embedding, 2 * condition), nn.LeakyReLU(0.2))

    def forward(self, said: Tensor, epsilon: Tensor) -> Tensor:
        mean, deviation = self.gaussian(said).float().chunk(2, 1)
        condition: Tensor = mean + deviation.exp() * epsilon
        return condition

    def kl(self, said: Tensor) -> Tensor:
        """KL(N(mean, deviation) || N(0, I)), the mean over the numbers (equation 2)."""
        mean, deviation = self.gaussian(said).float().chunk(2, 1)
        divergence: Tensor = (mean.square() + (2 * deviation).exp() - 1).mean() / 2 - deviation.mean()
        return divergence


def larger(widths: list[int], channels: int) -> nn.Sequential:
    """features (B, F, s, s) -> image (B, C, S, S) in [-1, 1], twice as large for each width after the first."""
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Upsample(scale_factor=2), *conv(a, b)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], channels, 3, 1, 1), nn.Tanh())


class Scale(Silent):
    """features (B, F, s, s), told (B, T) -> the same shape, each channel scaled and shifted by what is told (de Vries et al.
    2017, arXiv 1707.00683, equation 3). It begins as a layer that changes nothing."""

    def __init__(self, told: int, n: int) -> None:
        super().__init__(told, 2 * n)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:  # type: ignore[override]
        scale, shift = super().forward(told).to(x.dtype)[:, :, None, None].chunk(2, 1)
        return torch.addcmul(shift, x, 1 + scale)


def through(body: nn.Sequential, x: Tensor, blocks: nn.ModuleList, scales: nn.ModuleList, told: Tensor) -> Iterator[Tensor]:
    """What the layers of `larger` make of x (B, F, s, s), where a block comes after each doubling of the side and a `Scale`
    after each batch norm, as long as there are any: the features after each doubling, as they are asked for, then the image."""
    block, scale = iter(blocks), iter(scales)
    for layer in body:
        x = layer(x)
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and (by := next(scale, None)):
            x = by(x, told)
        if isinstance(layer, nn.ReLU):
            yield (x := more(x) if (more := next(block, None)) else x)
    yield x


class Heads(nn.ModuleList):
    """The features of some layers (B, F, s, s) -> what each shows: a picture (B, C, s, s) in [-1, 1], by a 1 x 1 convolution
    (deep supervision, Lee et al. 2014, arXiv 1409.5185). Layers after the last of these are not asked for."""

    def __init__(self, widths: list[int], channels: int) -> None:
        super().__init__(nn.Conv2d(n, channels, 1) for n in widths)

    def forward(self, layers: Iterator[Tensor]) -> list[Tensor]:
        return [head(x).float().tanh() for head, x in zip(self, layers, strict=False)]


class Fold(nn.Module):
    """image (B, C, S, S) -> (B, side * side * C, S / side, S / side): see `folded`."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, image: Tensor) -> Tensor:
        return folded(image, self.side)


def folded(image: Tensor, side: int) -> Tensor:
    """image (B, C, S, S) -> (B, side * side * C, S / side, S / side): the pixels of a square as the channels of one place.

    This and `unfolded` are pixel unshuffle and shuffle (Shi et al. 2016, arXiv 1609.05158) in channels-last order.
    """
    b, c, s, _ = image.shape
    squares = image.permute(0, 2, 3, 1).reshape(b, s // side, side, s // side, side, c).transpose(2, 3)
    return squares.reshape(b, s // side, s // side, -1).permute(0, 3, 1, 2)


def unfolded(places: Tensor, side: int) -> Tensor:
    """The pixels of `folded` places (B, side * side * C, s, s) where they belong -> image (B, C, s * side, s * side)."""
    b, n, s, _ = places.shape
    squares = places.permute(0, 2, 3, 1).reshape(b, s, s, side, side, n // side**2).transpose(2, 3)
    return squares.reshape(b, s * side, s * side, -1).permute(0, 3, 1, 2)


def jitter(image: Tensor, amount: float) -> Tensor:
    """Each picture (B, C, S, S) turned, sheared, stretched and shifted a little: what it shows stays the same.

    `amount` bounds each entry of the affine map: 0.2 shifts by a tenth of the side at most. Black comes in at the edges.
    """
    by = amount * (2 * torch.rand(len(image), 2, 3, device=image.device) - 1) + torch.eye(2, 3, device=image.device)
    return warp(image, by, paper=-1)


def warp(image: Tensor, by: Tensor, paper: int) -> Tensor:
    """Each picture (B, C, S, S), as float32, through its affine map `by` (B, 2, 3), from places in the new picture to places in
    the old; `paper` comes in at the edges: 1 is white."""
    places = affine_grid(by, list(image.shape), align_corners=False)
    return grid_sample(image.float() - paper, places, align_corners=False) + paper


def augment(image: Tensor, p: float) -> Tensor:
    """Some of ADA's changes (Karras et al. 2020, arXiv 2006.06676, appendix B), each made to each picture (B, C, S, S) with
    probability p: mirrored, scaled, stretched, turned, moved on white; brighter, of more contrast, more colourful.

    With p well below 1 what is drawn does not take them over (section 2.2). Differentiable in the pictures; float32.
    """
    n, device = len(image), image.device

    def dice(spread: float, centre: float = 0.0) -> Tensor:
        """A draw a picture, from a normal distribution; `centre`, which changes nothing, with probability 1 - p."""
        drawn = centre + spread * torch.randn(n, device=device)
        return torch.where(torch.rand(n, device=device) < p, drawn, torch.full_like(drawn, centre))

    mirror = torch.where(torch.rand(n, device=device) < p / 2, -1.0, 1.0)
    scale, stretch = dice(0.2).exp2(), dice(0.2).exp2()
    turn = (torch.rand(n, device=device) < p) * (2 * torch.rand(n, device=device) - 1) * math.pi
    wide, high, cos, sin = scale * stretch * mirror, scale / stretch, turn.cos(), turn.sin()
    rows = [cos * wide, -sin * wide, dice(0.25), sin * high, cos * high, dice(0.25)]  # 0.25: an eighth of the side
    with torch.autocast(device.type, enabled=False):  # in bf16 places would be off by half a pixel
        image = warp(image, torch.stack(rows, 1).view(n, 2, 3), paper=1)

    brighter, contrast, colour = (x[:, None, None, None] for x in (dice(0.2), dice(0.5).exp2(), dice(1.0).exp2()))
    image = (image + brighter) * contrast
    grey = image.mean(1, keepdim=True)
    return grey + (image - grey) * colour


def init_normal(net: Net, std: float = 0.02) -> Net:
    """Weights ~ normal(0, std), biases 0, batch norm ~ normal(1, std) (DCGAN, section 4: details of training)."""
    for m in net.modules():
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and not isinstance(m, Silent):
            nn.init.normal_(m.weight, 0.0, std)
            if m.bias is not None:
                nn.init.zeros_(m.bias)
        elif isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(m.weight, 1.0, std)
            nn.init.zeros_(m.bias)
    return net
