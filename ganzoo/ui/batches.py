"""Many pictures at once, and fewer where a GPU has no memory for as many."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from ..gan import GAN
from ..images import to_uint8
from ..inputs import Noise

log = logging.getLogger("ganzoo")


def draw_stages(gan: GAN, batch: dict[str, Tensor]) -> tuple[list[Tensor], int]:
    """uint8 pictures of a batch, of each stage, and how many were drawn at once."""
    return halve_batch_on_oom(
        len(next(iter(batch.values()))), lambda rows: gan.show_stages({k: v[rows] for k, v in batch.items()})
    )


def halve_batch_on_oom(n: int, draw: Callable[[slice], list[Tensor]]) -> tuple[list[Tensor], int]:
    """Draw n rows -> uint8 pictures of each stage, and how many rows at once: fewer by halves where memory does not do for
    more. ValueError if it does not do for one.
    """
    at_once = n
    while True:
        try:
            chunks = [draw(slice(i, i + at_once)) for i in range(0, n, at_once)]
            return [to_uint8(torch.cat(stage)) for stage in zip(*chunks, strict=True)], at_once
        except torch.OutOfMemoryError:
            if at_once == 1:
                raise ValueError("the GPU has no memory left for even one picture; try again in a minute") from None
            at_once = (at_once + 1) // 2
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        log.warning("out of GPU memory: drawing %d pictures at once instead of %d", at_once, n)


def draw_way(gan: GAN, a: dict[str, Tensor], b: dict[str, Tensor], n: int) -> Tensor:
    """n pictures on the way of the noise from one row of inputs to another; all else is as in the first."""
    t = torch.linspace(0, 1, n, device=gan.device)
    batch = {k: v.expand(n, *v.shape[1:]) for k, v in a.items()}
    batch |= {x.name: x.between(a[x.name][0], b[x.name][0], t) for x in gan.inputs if isinstance(x, Noise)}
    return draw_stages(gan, batch)[0][-1]
