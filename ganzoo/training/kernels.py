"""The same layers, in the arithmetic that a processor does fast. Weights, names and results (to rounding) stay.

`use_fast_cpu_layers` swaps the classes of layers that torch's CPU library is slow at, whatever the model: a convolution from
or to a single point, one of a picture that was just upsampled by two, and the random numbers of dropout. LOG.md has the
measurements. On a GPU nothing is swapped. `bf16_is_faster` chooses the precision; `set_backend_flags` sets what torch and the C
library leave to the process.
"""

from __future__ import annotations

import ctypes
import os
import platform
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d, linear, pad


def bf16_is_faster() -> bool:
    """Whether the processor has matrix units for bf16 (AMX). That it knows bf16 does not say so: a Xeon without AMX is half as
    fast in it. Not measured: the same seed must give the same weights, however busy the machine is."""
    return torch.cpu._is_amx_tile_supported()


def set_backend_flags(device: torch.device, deterministic: bool = False) -> None:
    """Set torch's switches for a training: on a GPU TF32 and the fastest convolutions, or those that give the same bits each
    time; then an operation that has none such raises RuntimeError. On a CPU all do, and freed memory is kept."""
    torch.use_deterministic_algorithms(deterministic and device.type != "cpu")
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is not deterministic
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = not deterministic
    elif device.type == "cpu":
        keep_freed_memory()


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, where the C library is glibc, which else gives large pieces back and
    takes them anew, a page fault for each 4 KB, every step. From then on, for the whole process."""
    if platform.libc_ver()[0] == "glibc":
        libc, trim_threshold, mmap_max = ctypes.CDLL(None), -1, -4  # malloc.h: M_TRIM_THRESHOLD, M_MMAP_MAX
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, -1)


def use_fast_cpu_layers(net: nn.Module, device: torch.device) -> None:
    """Swap what is slow, in place."""
    if device.type == "cpu":
        for m in net.modules():
            if isinstance(m, nn.Sequential):
                for a, b in pairwise(m):
                    if is_nearest_upsample_x2(a) and is_same_conv3x3(b):
                        a.__class__, b.__class__ = Upsample, UpConv2d
            m.__class__ = SWAPS.get(type(m), type(m))


def is_nearest_upsample_x2(m: nn.Module) -> bool:
    """Whether a layer repeats each pixel twice in both directions."""
    return type(m) is nn.Upsample and (m.size, m.scale_factor, m.mode) == (None, 2, "nearest")


def is_same_conv3x3(m: nn.Module) -> bool:
    """Whether a layer is a 3 x 3 convolution whose picture is as large as what it sees, with zeros around that."""
    if type(m) is not nn.Conv2d or m.padding_mode != "zeros" or m.groups != 1:
        return False
    return (m.kernel_size, m.stride, m.padding, m.dilation) == ((3, 3), (1, 1), (1, 1), (1, 1))


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


class Upsample(nn.Upsample):
    """image (B, A, h, w) -> the same: the convolution after it makes it larger."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class UpConv2d(nn.Conv2d):
    """image (B, A, h, w) -> (B, C, 2 h, 2 w): twice as large, each pixel repeated, then a 3 x 3 convolution.

    That is one transposed 4 x 4 convolution of stride 2, whose filters are the 3 x 3 ones summed over a 2 x 2 window: 4
    products a number instead of 9, and the larger picture is never made.
    """

    def forward(self, x: Tensor) -> Tensor:
        filters = self.weight.transpose(0, 1).flip(2, 3)
        filters = pad(filters, (1, 0, 0, 0)) + pad(filters, (0, 1, 0, 0))
        filters = pad(filters, (0, 0, 1, 0)) + pad(filters, (0, 0, 0, 1))
        return conv_transpose2d(x, filters, self.bias, stride=2, padding=1)


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
