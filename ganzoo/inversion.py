"""The way back, of a generator that has none: the noise from which it draws what is nearest to a picture, by gradient descent.

Zhu, Krähenbühl, Shechtman & Efros 2016, arXiv 1609.03552, section 3.1 (projecting a picture onto what a generator draws);
Bora, Jalal, Price & Dimakis 2017, arXiv 1703.03208, section 3 (noise that the prior finds likely is preferred; several starts).
Shapes: C channels, S side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .gan import GAN, Batch
from .inputs import Code, Input, Noise, Picture, Text

CANDIDATES = 64  # pictures of seeds, among which the search starts
STARTS = 8  # of them, the nearest ones
STEPS = 100  # of Adam
RATE = 0.1
PRIOR = 0.002  # weight of the noise's mean square, beside a picture's mean squared difference


@dataclass(frozen=True)
class Inversion:
    """What was found. image: float32 (C, S, S) in [-1, 1], which the generator draws of the inputs, one row each."""

    inputs: Batch
    image: Tensor
    first: Tensor  # the nearest of the candidates
    explained: float  # share of the picture's variance; at most 1, and below 0 where its mean alone would be nearer
    explained_at_first: float  # by the nearest of the candidates


def can_invert(inputs: Sequence[Input]) -> bool:
    """Whether there is noise to be found, and neither captions nor pictures to be given."""
    noise = any(isinstance(x, Noise) for x in inputs)
    return noise and not any(isinstance(x, Text | Picture) for x in inputs)


def invert(gan: GAN, picture: Tensor, seed: int = 0) -> Inversion:
    """Look for the inputs of a picture, float (C, S, S) in [-1, 1]. The same seed begins at the same candidates.

    A Choice stays what it is in the candidate that the search began with; Codes and uniform noise stay within their bounds.
    ValueError if the picture has another shape, or the model takes captions or pictures.
    """
    wanted = (gan.config.channels, gan.config.side, gan.config.side)
    if picture.shape != wanted:
        raise ValueError(f"picture: got shape {tuple(picture.shape)}; give {wanted}")
    if not can_invert(gan.inputs):
        raise ValueError(f"inputs: {', '.join(x.name for x in gan.inputs)}: only what is drawn from noise can be looked for")
    modes = [(m, m.training) for m in gan.modules()]
    gan.eval()
    with torch.enable_grad():
        found = descend(gan, picture.to(gan.device), seed)
    for module, mode in modes:
        module.training = mode
    return found


def descend(gan: GAN, picture: Tensor, seed: int) -> Inversion:
    variance = float((picture - picture.mean()).square().mean().clamp_min(1e-6))
    given = gan.draw(CANDIDATES, seed)
    candidates = gan.show(given)
    off = (candidates - picture.cpu()).square().flatten(1).mean(1)
    order = off.argsort(stable=True)
    starts = {k: v[order[:STARTS].to(v.device)].clone() for k, v in given.items()}
    moved = {x.name: starts[x.name].requires_grad_() for x in gan.inputs if isinstance(x, Noise | Code)}
    optimiser = torch.optim.Adam(moved.values(), lr=RATE, betas=(0.9, 0.99))
    best = torch.full((STARTS,), torch.inf, device=picture.device)
    images, inputs = (
        torch.empty(STARTS, *picture.shape, device=picture.device),
        {k: v.detach().clone() for k, v in starts.items()},
    )
    for step in range(STEPS + 1):
        drawn = gan(**starts)
        differences = (drawn - picture).square().flatten(1).mean(1)
        nearer = differences.detach() < best  # each start's own nearest: a step may lead away
        best = torch.where(nearer, differences.detach(), best)
        images[nearer] = drawn.detach()[nearer]
        for name, value in starts.items():
            inputs[name][nearer] = value.detach()[nearer]
        if step == STEPS:
            break
        normal = [moved[x.name] for x in gan.inputs if isinstance(x, Noise) and x.distribution == "normal"]
        loss = differences.sum() + PRIOR * sum(z.square().mean(1).sum() for z in normal)
        for value, slope in zip(moved.values(), torch.autograd.grad(loss, [*moved.values()]), strict=True):
            value.grad = slope
        optimiser.step()
        keep_within_bounds(gan, moved)
    at = int(best.argmin())
    return Inversion(
        {k: v[at : at + 1] for k, v in inputs.items()},
        images[at].float().cpu(),
        candidates[order[0]],
        1 - float(best[at]) / variance,
        1 - float(off.min()) / variance,
    )


@torch.no_grad()
def keep_within_bounds(gan: GAN, moved: Batch) -> None:
    for x in gan.inputs:
        if isinstance(x, Code):
            moved[x.name].clamp_(x.low, x.high)
        elif isinstance(x, Noise) and x.distribution == "uniform":
            moved[x.name].clamp_(-1, 1)
