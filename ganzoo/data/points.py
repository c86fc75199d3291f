"""Mixtures of Gaussians in the plane, on which it can be seen and counted which modes a GAN draws.

A point is a picture of one pixel and two channels, x and y, kept as float32 in [-1, 1]: as bytes, a Gaussian would be three
values wide. So the engine, the batches and a model of dense layers take points as they take pictures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .dataset import Data, stream

SIZES = {"train": 50_000, "test": 10_000}


@dataclass(frozen=True)
class Mixture:
    """Equally likely Gaussians: centres (K, 2) and the deviation of each coordinate, both in [-1, 1]."""

    centre: Tensor
    deviation: float


def ring() -> Mixture:
    """Eight around a circle, the deviation a hundredth of its radius: 0.02 of 2 in Metz et al. 2016 (arXiv 1611.02163, section
    3.1), 0.01 of 1 in PacGAN. Here the radius is 0.8."""
    angle = torch.arange(8) * (2 * math.pi / 8)
    return Mixture(0.8 * torch.stack([angle.cos(), angle.sin()], 1), 0.008)


def grid() -> Mixture:
    """Five by five, 2 apart from -4 to 4, deviation 0.05 (VEEGAN, Srivastava et al. 2017, arXiv 1705.07761; PacGAN, Lin et al.
    2017, arXiv 1712.04086). Here a fifth of that."""
    axis = torch.arange(-4, 5, 2) / 5
    return Mixture(torch.cartesian_prod(axis, axis), 0.01)


MIXTURES = {"ring8": ring, "grid25": grid}


def ring8(root: Path, split: str) -> Data:
    """60,000 points of eight Gaussians around a circle; `label` is the Gaussian."""
    return points("ring8", "Ring of 8 Gaussians", split)


def grid25(root: Path, split: str) -> Data:
    """60,000 points of 5 x 5 Gaussians; `label` is the Gaussian."""
    return points("grid25", "Grid of 25 Gaussians", split)


def points(name: str, title: str, split: str) -> Data:
    """The points of a mixture, the same on every machine: image float32 (N, 2, 1, 1) in [-1, 1]."""
    mixture, n = MIXTURES[name](), SIZES[split]
    generator = torch.Generator().manual_seed(stream(name, split))
    label = torch.randint(len(mixture.centre), (n,), generator=generator)
    point = mixture.centre[label] + mixture.deviation * torch.randn(n, 2, generator=generator)
    classes = tuple(str(i) for i in range(len(mixture.centre)))
    return Data(name, title, "drawn by ganzoo", "CC0", point[:, :, None, None], label, classes)
