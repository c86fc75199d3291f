"""The same layers, in the arithmetic that a processor does fast. Weights, names and results (to rounding) stay.

`hasten` swaps the classes of layers that torch's CPU library is slow at, whatever the model: a convolution from or to a
single point, and the random numbers of dropout. LOG.md has the measurements. On a GPU nothing is swapped.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


def hasten(net: nn.Module, device: torch.device) -> None:
    """Swap what is slow, in place."""
    if device.type == "cpu":
        for m in net.modules():
            m.__class__ = SWAPS.get(type(m), type(m))


class Conv2d(nn.Conv2d):
    """image (B, A, H, W) -> (B, C, h, w)"""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2:] != self.kernel_size or self.padding != (0, 0) or self.groups > 1 or self.dilation != (1, 1):
            return super().forward(x)
        weight = self.weight.permute(0, 2, 3, 1).flatten(1)  # to a point: a product with each filter
        return linear(x.permute(0, 2, 3, 1).flatten(1), weight, self.bias)[:, :, None, None]


class ConvTranspose2d(nn.ConvTranspose2d):
    """image (B, A, h, w) -> (B, C, H, W)"""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        tricks = self.padding, self.output_padding, self.groups, self.dilation
        if x.shape[2:] != (1, 1) or tricks != ((0, 0), (0, 0), 1, (1, 1)):
            return super().forward(x, output_size)
        weight = self.weight.permute(2, 3, 1, 0).flatten(0, 2)  # from a point: each number scales its filter
        image = linear(x.flatten(1), weight).view(len(x), *self.kernel_size, -1).permute(0, 3, 1, 2)
        return image if self.bias is None else image + self.bias.to(image.dtype)[:, None, None]


class Dropout(nn.Dropout):
    """Leave each number out with probability p, to 1 in 65,536, by 16 random bits each."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        bits = torch.empty(x.numel() // 4 + 1, dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
        left_out = round(self.p * 2**16)
        return x * (bits[: x.numel()].view(x.shape) >= left_out - 2**15) * (2**16 / (2**16 - left_out))


SWAPS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv2d: Conv2d,
    nn.ConvTranspose2d: ConvTranspose2d,
    nn.Dropout: Dropout,
}
