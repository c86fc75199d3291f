"""What R3GAN's networks are stacks of: residual blocks that start as the identity, and bilinear resampling.

Huang et al. 2024, arXiv 2501.05441, section 3.
Shapes: B batch, F and G features, s and t sides of layers.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

SLOPE = 0.2  # of the leaky ReLU
EXPANSION = 2  # channels inside a block for each of its own


def convolution(a: int, b: int, kernel: int = 1, groups: int = 1, gain: float = 1.0, bias: bool = False) -> nn.Conv2d:
    """Features (B, a, s, s) -> (B, b, s, s). Weights ~ normal(0, gain^2 / the inputs of a product); biases, if any, are 0."""
    layer = nn.Conv2d(a, b, kernel, padding=kernel // 2, groups=groups, bias=bias)
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Block(nn.Module):
    """features (B, F, s, s) -> the same shape: a bottleneck that is wider inside, in groups (ResNeXt, Xie et al. 2016, arXiv
    1611.05431; MobileNet v2's expansion), on a skip connection.

    Its last layer is 0 at first, and the others' gains shrink with the number of `blocks` of the network (fix-up, Zhang et al.
    2019, arXiv 1901.09321). Biases are added only where an activation follows.
    """

    def __init__(self, n: int, group: int, blocks: int) -> None:
        super().__init__()
        wide = n * EXPANSION
        gain = nn.init.calculate_gain("leaky_relu", SLOPE) * blocks**-0.25  # 3 layers a block: L ^ (-1 / (2 * 3 - 2))
        self.open = convolution(n, wide, gain=gain, bias=True)
        self.mix = convolution(wide, wide, 3, wide // math.gcd(wide, group), gain, bias=True)
        self.close = convolution(wide, n, gain=0.0)

    def forward(self, x: Tensor) -> Tensor:
        y = leaky_relu(self.mix(leaky_relu(self.open(x), SLOPE)), SLOPE)
        changed: Tensor = x + self.close(y)
        return changed


class Resampling(nn.Module):
    """features (B, F, s, s) -> (B, G, t, t), bilinearly; the 1 x 1 convolution that changes their number, where it changes,
    is on the smaller side, which is the same."""

    def __init__(self, a: int, b: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.project = convolution(a, b) if a != b else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        larger = self.side > x.shape[-1]
        x = self.project(x) if larger else x
        x = interpolate(x, (self.side, self.side), mode="bilinear")
        return x if larger else self.project(x)


def stages(sides: list[int], widths: list[int], blocks: int, group: int) -> nn.Sequential:
    """Features of the first side and width -> those of the last: residual blocks at each side, resampling between them."""
    layers: list[nn.Module] = []
    for i, n in enumerate(widths):
        layers += [Resampling(widths[i - 1], n, sides[i])] if i else []
        layers += [Block(n, group, blocks * len(sides)) for _ in range(blocks)]
    return nn.Sequential(*layers)
