"""Several processes, one game: each plays its share of every batch, and gradients are averaged phase by phase.

Started by `torchrun` (or `accelerate launch`), which sets RANK, WORLD_SIZE and LOCAL_RANK. Averaging the gradients
ourselves, after `backward`, works for losses with gradients of gradients too, where wrapping in
DistributedDataParallel does not. Every rank draws the inputs of the whole batch and takes its share, so N processes
play the same game as one. Batch norm sees each rank's share alone on the CPU; on GPUs it is synchronised.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Group:
    """The processes of this training; of one, where it was not started by torchrun."""

    def __init__(self) -> None:
        self.size, self.rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0"))

    def join(self, device: torch.device) -> None:
        """Meet the others. RuntimeError if they do not come."""
        if self.size > 1 and not dist.is_initialized():
            # Imported later, its default arguments would hold the group: gloo's threads would outlive it and abort the exit.
            import torch.distributed.nn.functional  # noqa: F401

            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")

    def leave(self) -> None:
        if dist.is_initialized():
            dist.destroy_process_group()

    @property
    def is_main(self) -> bool:
        """Whether this process writes and shows."""
        return self.rank == 0

    def shard(self, whole: Tensor) -> Tensor:
        """This rank's rows of a batch; the first ranks have one more where it does not divide."""
        return whole if self.size == 1 else whole.tensor_split(self.size)[self.rank]

    def average_gradients(self, weights: Iterable[Tensor], share: float) -> None:
        """Replace each weight's gradient by the mean over the batch; `share` is this rank's part of the batch."""
        grads = [w.grad for w in weights if w.grad is not None]
        if self.size == 1 or not grads:
            return
        flat = torch.cat([g.flatten() for g in grads]) * share
        dist.all_reduce(flat)
        for g, mean in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
            g.copy_(mean.view(g.shape))

    def mean(self, values: Tensor, share: float) -> Tensor:
        """The mean over the batch of values that are each rank's means."""
        if self.size > 1:
            values = values * share
            dist.all_reduce(values)
        return values

    def broadcast_flag(self, value: bool) -> bool:
        """Rank 0's value, on every rank: clocks and signals differ between processes, the end of training must not."""
        if self.size == 1:
            return value
        flag = torch.tensor([int(value)], device="cuda" if dist.get_backend() == "nccl" else "cpu")
        dist.broadcast(flag, 0)
        return bool(flag.item())

    @torch.no_grad()
    def sync_buffers(self, buffers: Iterable[Tensor], share: float) -> None:
        """Make what the networks remember the same on every rank: of numbers the mean over the batch, of integers (a counter,
        a pool of pictures) rank 0's."""
        by_type: dict[torch.dtype, list[Tensor]] = defaultdict(list)
        for b in buffers:
            by_type[b.dtype].append(b)
        for dtype, same in by_type.items():
            flat = torch.cat([b.flatten() for b in same])
            if dtype.is_floating_point:
                flat *= share
                dist.all_reduce(flat)
            else:
                dist.broadcast(flat, 0)
            for b, shared in zip(same, flat.split([b.numel() for b in same]), strict=True):
                b.copy_(shared.view(b.shape))

    def synchronise(self, net: nn.Module, device: torch.device) -> nn.Module:
        """Batch norm over all ranks, where torch can: on GPUs."""
        if self.size > 1 and device.type == "cuda":
            net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
        return net
