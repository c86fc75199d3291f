"""The batches of a training, by step; where the pictures are on disk, a thread reads them ahead of the engine.

A batch is a function of the step alone, so looking ahead changes no bit of a training, and a resume needs no record of it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from .dataset import Data, Order, Rows, stream

AHEAD = 4  # batches that are read before the engine asks for them


class Feed:
    """step -> one process's share of the batch, on its device."""

    def __init__(self, data: Data, order: Order, batch: int, shard: Callable[[Tensor], Tensor], device: torch.device) -> None:
        self.data, self.order, self.batch, self.shard, self.device = data, order, batch, shard, device
        self.thread = ThreadPoolExecutor(1, "feed") if data.mapped else None
        if self.thread:
            weakref.finalize(self, self.thread.shutdown, wait=False, cancel_futures=True)
        self.ahead: dict[int, Future[Rows]] = {}

    def at(self, step: int) -> Rows:
        """{"image": float32 (B, C, S, S) in [-1, 1], "label": (B,)}, and "text" (B, T) on the CPU, if there are captions."""
        if self.thread is None:
            index, seed = self._index_and_seed(step)
            return self.data.batch(index, self.device, seed)
        steps = range(step, step + 1 + AHEAD)
        self.ahead = {s: self.ahead.get(s) or self.thread.submit(self._prefetch, s) for s in steps}
        return self.data.to_device(self.ahead.pop(step).result(), self.device)

    def _index_and_seed(self, step: int) -> tuple[Tensor, int]:
        """Which rows, and a seed for what is chosen of each: the step's own, since a thread is ahead of torch's."""
        return self.shard(self.order.at(step * self.batch, self.batch)), stream("step", self.order.seed, step)

    def _prefetch(self, step: int) -> Rows:
        rows = self.data.rows_at(*self._index_and_seed(step))
        # From pinned memory, the copy to a GPU goes on while the engine does.
        return {k: v.pin_memory() for k, v in rows.items()} if self.device.type == "cuda" else rows
