"""Is a visitor's picture near to anything that a model draws? What it reads in one that is not means little."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, normalize

from . import inference, limits

BANK, HELD_OUT = 12, 4  # times limits.MOST pictures: those that are compared with, and those that say how near is near
FIRST_SEED = 1000
RARE = 0.01  # share of a model's own pictures that are as far from all others as a picture that is called far


def feature(images: Tensor) -> Tensor:
    """uint8 (n, C, S, S) -> (n, S * S), of length 1: the grey picture, blurred by a pixel, so that a near miss counts."""
    return normalize(avg_pool2d(images.float().mean(1, keepdim=True), 3, 1, 1).flatten(1), dim=1)


@lru_cache(maxsize=8)
def own_pictures(checkpoint: str, revision: str) -> tuple[Tensor, float]:
    """(features of pictures that a model drew; the cosine to the nearest of them that all but RARE of its others have)"""
    batches = range(FIRST_SEED, FIRST_SEED + (BANK + HELD_OUT) * limits.MOST, limits.MOST)
    features = feature(torch.cat([inference.sample(checkpoint, limits.MOST, seed).images for seed in batches]))
    bank, others = features[: BANK * limits.MOST], features[BANK * limits.MOST :]
    return bank, float((others @ bank.T).amax(1).quantile(RARE))


def is_far(checkpoint: str, image: Tensor) -> bool:
    """Whether a picture, uint8 (C, S, S), is further from all that a model draws than its own pictures are, but for RARE."""
    bank, near = own_pictures(checkpoint, inference.load(checkpoint)[0].revision)
    return float((feature(image[None]) @ bank.T).max()) < near
