"""Stacked MNIST: three digits are the channels of a colour picture, which makes 1,000 modes that can be counted."""

from __future__ import annotations

from pathlib import Path

import torch

from .dataset import Data, stream
from .mnist import mnist

SIZES = {"train": 128_000, "test": 26_000}  # as many as PacGAN trains on and draws


def stacked_mnist(root: Path, split: str) -> Data:
    """154,000 pictures, 28 x 28, colour, of three MNIST digits each, drawn at random (Metz et al. 2016, arXiv 1611.02163,
    section 3.3.1; the sizes are those of Lin et al. 2017, arXiv 1712.04086). `label` is the number that they make, red first.

    The digits are those of MNIST's own split, so no test picture has a digit that was trained on.
    """
    digits = mnist(root, split)
    generator = torch.Generator().manual_seed(stream("stacked_mnist", split))
    index = torch.randint(len(digits), (SIZES[split], 3), generator=generator)
    image = torch.stack([digits.image[i, 0] for i in index.unbind(1)], 1)
    label = digits.label[index] @ torch.tensor([100, 10, 1])
    classes = tuple(f"{k:03}" for k in range(1000))
    about = f"{digits.attribution}; stacked in threes by ganzoo"
    return Data("stacked_mnist", "Stacked MNIST", about, digits.license, image, label, classes)
