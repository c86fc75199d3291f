"""The networks of `progan`, which grow: all their layers exist from the start, and those of the sides reached so far are used.

Karras et al. 2017, arXiv 1710.10196, section 2 (growth), 4 (equalised learning rate, pixel norm), table 2 (layers).
Shapes: B batch, Z noise, F and G features, C channels, s side of the stage.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, conv2d, interpolate, leaky_relu, linear

from ..remedies import MinibatchStddev

START = 4  # side of the smallest layer


class Scaled(nn.Module):
    """features (B, F, s, s) -> (B, G, s, s), or (B, G, 1, 1) by `to_point`: a convolution whose weights ~ normal(0, 1) are
    multiplied in each pass by He's constant, so that Adam moves all layers at one speed (section 4.1)."""

    def __init__(self, a: int, b: int, kernel: int = 1, gain: float = math.sqrt(2), to_point: bool = False) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(b, a, kernel, kernel)), nn.Parameter(torch.zeros(b))
        self.scale, self.padding = gain / math.sqrt(a * kernel**2), 0 if to_point else kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


class ScaledLinear(nn.Module):
    """x (B, F) -> (B, G), in the same way."""

    def __init__(self, a: int, b: int, gain: float = math.sqrt(2)) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(b, a)), nn.Parameter(torch.zeros(b))
        self.scale = gain / math.sqrt(a)

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight * self.scale, self.bias)


def pixel_norm(x: Tensor) -> Tensor:
    """features (B, F, ...) -> the same shape: those of each position divided by their root mean square (section 4.2)."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def twice(x: Tensor) -> Tensor:
    """(B, F, s, s) -> (B, F, 2 s, 2 s), each pixel repeated."""
    return interpolate(x, scale_factor=2.0, mode="nearest")


def faded(image: Tensor, fade: float) -> Tensor:
    """Pictures (B, C, s, s) as the players see real ones while the detail of side s fades in."""
    return image if fade == 1 else torch.lerp(twice(avg_pool2d(image, 2)), image, fade)


class Growth(nn.Module):
    """How far a training has grown: the real pictures seen, a buffer, so that a resume or a warm start goes on from there.

    One stage takes twice `pace` pictures, half of them to fade in; the first has nothing to fade in, and the last does not end
    (figure 2, appendix A.1). Levels are 0 for 4 pixels, 1 for 8, ...
    """

    images: Tensor

    def __init__(self, first: int, last: int, pace: int) -> None:
        super().__init__()
        self.first, self.last, self.pace = first, last, pace
        self.register_buffer("images", torch.tensor(0))

    def now(self) -> tuple[int, float]:
        """The level, and how far its layers have faded in, from 0 to 1."""
        since = int(self.images) - self.pace  # the first fade began
        if since < 0:
            return self.first, 1.0
        grown, within = divmod(since, 2 * self.pace)
        level = self.first + 1 + grown
        return (level, min(1.0, within / self.pace)) if level <= self.last else (self.last, 1.0)


class Generator(nn.Module):
    """z (B, Z), a level and how far its layers have faded in -> image (B, C, s, s), without bounds."""

    def __init__(self, z: int, widths: list[int], channels: int, first: int) -> None:
        super().__init__()
        self.first = first  # the level of the first stage
        self.open = ScaledLinear(z, widths[0] * START**2, gain=math.sqrt(2) / START)
        levels = [[Scaled(widths[0], widths[0], 3)], *([Scaled(a, b, 3), Scaled(b, b, 3)] for a, b in pairwise(widths))]
        self.levels = nn.ModuleList(nn.ModuleList(level) for level in levels)
        self.to_rgb = nn.ModuleList(Scaled(n, channels, gain=1.0) for n in widths[first:])

    def features(self, z: Tensor, level: int) -> list[Tensor]:
        """Those of each level up to one."""
        x = pixel_norm(leaky_relu(self.open(pixel_norm(z)).unflatten(1, (-1, START, START)), 0.2))
        found: list[Tensor] = []
        for i, layers in enumerate(self.levels[: level + 1]):
            x = twice(x) if i else x
            for layer in layers.children():
                x = pixel_norm(leaky_relu(layer(x), 0.2))
            found.append(x)
        return found

    def pictures(self, z: Tensor, level: int) -> list[Tensor]:
        """That of each stage up to a level, each by its own last layer."""
        return [show(x) for show, x in zip(self.to_rgb, self.features(z, level)[self.first :], strict=False)]

    def forward(self, z: Tensor, level: int, fade: float) -> Tensor:
        features, last = self.features(z, level), level - self.first
        image: Tensor = self.to_rgb[last](features[-1])
        return image if fade == 1 else torch.lerp(twice(self.to_rgb[last - 1](features[-2])), image, fade)


class Critic(nn.Module):
    """image (B, C, S, S), or already of the stage's side -> value (B,). It remembers which stage that is, and sees how much the
    pictures of a batch deviate."""

    def __init__(self, widths: list[int], channels: int, growth: Growth) -> None:
        super().__init__()
        self.growth = growth
        self.from_rgb = nn.ModuleList(Scaled(channels, n) for n in widths[growth.first :])
        self.levels = nn.ModuleList(nn.ModuleList([Scaled(b, b, 3), Scaled(b, a, 3)]) for a, b in pairwise(widths))
        n = widths[0]
        self.judge = nn.Sequential(MinibatchStddev(), Scaled(n + 1, n, 3), nn.LeakyReLU(0.2))
        self.last = nn.Sequential(
            Scaled(n, n, START, to_point=True), nn.LeakyReLU(0.2), nn.Flatten(), ScaledLinear(n, 1, gain=1.0)
        )

    def forward(self, image: Tensor) -> Tensor:
        level, fade = self.growth.now()
        image = adaptive_avg_pool2d(image, START << level) if image.shape[-1] > START << level else image
        last = level - self.growth.first
        x = leaky_relu(self.from_rgb[last](image), 0.2)
        for i in reversed(range(level)):
            for layer in self.levels[i].children():
                x = leaky_relu(layer(x), 0.2)
            x = avg_pool2d(x, 2)
            if fade < 1 and i == level - 1:
                x = torch.lerp(leaky_relu(self.from_rgb[last - 1](avg_pool2d(image, 2)), 0.2), x, fade)
        value: Tensor = self.last(self.judge(x))
        return value.flatten()
