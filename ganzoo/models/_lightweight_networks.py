"""The networks of `lightweight`: a generator with skip-layer excitation, and a discriminator that can paint what it has seen.

Liu et al. 2021, arXiv 2101.04775, section 3.
Shapes: B batch, Z noise, F and G features, C channels, S side of the picture, s side of a layer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ..nets import init_normal

START = 4  # side of G's first layer
LAST, CROPPED = 8, 16  # sides of D's last features, and of those that it paints a quarter of the picture from
SKIP = 16  # how much larger the layer is that an earlier one excites
MOST = 1024  # channels of a layer


def g_width(width: int, side: int) -> int:
    """Channels of G's layer of a side: `width` at 128 pixels (the released networks')."""
    return max(2, min(MOST, width * (128 if side > 32 else 64) // side))


def d_width(width: int, side: int) -> int:
    """Channels of D's features of a side: `width` at 128 pixels."""
    return max(2, min(MOST, width * 128 // side))


def gated(layers: nn.Module, n: int) -> list[nn.Module]:
    """Something that returns 2 n features, batch norm, and n of them gated by the other n (GLU)."""
    return [layers, nn.BatchNorm2d(2 * n), nn.GLU(1)]


class Excitation(nn.Module):
    """features (B, F, s, s), of an early layer (B, G, 4, 4) or larger -> the same shape, each channel times a number between 0
    and 1 (equation 1)."""

    def __init__(self, early: int, n: int) -> None:
        super().__init__()
        layers = [
            nn.AdaptiveAvgPool2d(4),
            nn.Conv2d(early, n, 4, bias=False),
            nn.LeakyReLU(0.1),
            nn.Conv2d(n, n, 1, bias=False),
        ]
        self.body = nn.Sequential(*layers, nn.Sigmoid())

    def forward(self, x: Tensor, early: Tensor) -> Tensor:
        excited: Tensor = x * self.body(early)
        return excited


class Generator(nn.Module):
    """z (B, Z) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, z: int, width: int, channels: int, side: int) -> None:
        super().__init__()
        n = g_width(width, START)
        self.first = nn.Sequential(*gated(nn.ConvTranspose2d(z, 2 * n, START, bias=False), n))
        self.sides = [START << i for i in range(1, (side // START).bit_length())]
        self.up, self.excite = nn.ModuleList(), nn.ModuleDict()
        for i, s in enumerate(self.sides):
            a, n = g_width(width, s // 2), g_width(width, s)
            layers = [nn.Upsample(scale_factor=2), *gated(nn.Conv2d(a, 2 * n, 3, 1, 1, bias=False), n)]
            layers += gated(nn.Conv2d(n, 2 * n, 3, 1, 1, bias=False), n) if i % 2 == 0 else []  # 8, 32, 128, ...: two
            self.up.append(nn.Sequential(*layers))
            if s >= START * SKIP:
                self.excite[str(s)] = Excitation(g_width(width, s // SKIP), n)
        self.show = nn.Conv2d(n, channels, 3, 1, 1)
        init_normal(self)

    def forward(self, z: Tensor) -> Tensor:
        x = self.first(z[:, :, None, None])
        seen = {START: x}
        for s, up in zip(self.sides, self.up, strict=True):
            x = up(x)
            x = self.excite[str(s)](x, seen[s // SKIP]) if str(s) in self.excite else x
            seen[s] = x
        image: Tensor = self.show(x).tanh()
        return image


class Down(nn.Module):
    """features (B, F, s, s) -> (B, G, s / 2, s / 2): the mean of two convolutions and of pooling."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()

        def normal(layer: nn.Conv2d, n: int) -> list[nn.Module]:
            return [layer, nn.BatchNorm2d(n), nn.LeakyReLU(0.2, inplace=True)]

        near = [*normal(nn.Conv2d(a, b, 4, 2, 1, bias=False), b), *normal(nn.Conv2d(b, b, 3, 1, 1, bias=False), b)]
        self.near = nn.Sequential(*near)
        self.far = nn.Sequential(nn.AvgPool2d(2), *normal(nn.Conv2d(a, b, 1, bias=False), b))

    def forward(self, x: Tensor) -> Tensor:
        mean: Tensor = (self.near(x) + self.far(x)) / 2
        return mean


def painter(n: int, channels: int, side: int) -> nn.Sequential:
    """features (B, F, 8, 8) -> image (B, C, side, side) in [-1, 1]: D's decoder of what it has seen."""
    layers: list[nn.Module] = []
    while side > LAST:
        half = max(4, n // 2)
        layers += [nn.Upsample(scale_factor=2), *gated(nn.Conv2d(n, 2 * half, 3, 1, 1, bias=False), half)]
        n, side = half, side // 2
    return nn.Sequential(*layers, nn.Conv2d(n, channels, 3, 1, 1), nn.Tanh())


class Discriminator(nn.Module):
    """image (B, C, S, S) -> logit (B,), the mean of those of its patches."""

    def __init__(self, width: int, channels: int, side: int, spectral: bool = False) -> None:
        super().__init__()
        first = side // 2 if side >= 64 else side
        see = nn.Conv2d(channels, d_width(width, first), *((4, 2, 1) if first < side else (3, 1, 1)), bias=False)
        self.see = nn.Sequential(see, nn.LeakyReLU(0.2, inplace=True))
        sides = [first >> i for i in range(first.bit_length()) if first >> i >= CROPPED]
        self.down = nn.Sequential(*(Down(d_width(width, s), d_width(width, s // 2)) for s in sides[:-1]))
        a, n = d_width(width, CROPPED), d_width(width, LAST)
        self.last = Down(a, n)
        judge = [
            nn.Conv2d(n, n, 1, bias=False),
            nn.BatchNorm2d(n),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(n, 1, 4, bias=False),
        ]
        self.judge = nn.Sequential(*judge)
        self.whole, self.quarter = painter(n, channels, side // 2), painter(a, channels, side // 2)
        init_normal(self)
        for net in (self.see, self.down, self.last, self.judge) if spectral else ():
            for m in list(net.modules()):
                if isinstance(m, nn.Conv2d):
                    spectral_norm(m)

    def features(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Those of 16 x 16 positions, and those of 8 x 8."""
        large = self.down(self.see(image))
        return large, self.last(large)

    def patches(self, small: Tensor) -> Tensor:
        """Features (B, F, 8, 8) -> logits (B, 25), each of a patch of the picture."""
        logits: Tensor = self.judge(small)
        return logits.flatten(1)

    def forward(self, image: Tensor) -> Tensor:
        return self.patches(self.features(image)[1]).mean(1)

    def repainted(self, large: Tensor, small: Tensor, quarter: int) -> tuple[Tensor, Tensor]:
        """The features -> the whole picture and one quarter of it (0 to 3, row by row), (B, C, S / 2, S / 2) each."""
        return self.whole(small), self.quarter(quarter_of(large, quarter))


def quarter_of(x: Tensor, i: int) -> Tensor:
    """A quarter of pictures (B, C, s, s), 0 to 3, row by row -> (B, C, s / 2, s / 2)."""
    half = x.shape[-1] // 2
    return torch.narrow(torch.narrow(x, 2, i // 2 * half, half), 3, i % 2 * half, half)
