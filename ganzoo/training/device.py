"""Where a training runs, and in which precision."""

from __future__ import annotations

import torch

from .distributed import Group
from .kernels import bf16_is_faster


def pick_device(name: str) -> torch.device:
    """auto, cpu, cuda, cuda:1 or mps -> the device; auto takes this rank's GPU. ValueError if this machine has none such."""
    if name == "auto":
        return torch.device(f"cuda:{Group().local_rank}" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device: {name!r} cannot be used here ({str(error).splitlines()[0][:80]}); try auto or cpu") from None
    return device


def pick_precision(name: str, device: torch.device) -> str:
    """auto, bf16 or fp32 -> bf16 or fp32; auto takes bf16 where the processor is faster in it."""
    if name not in ("auto", "bf16", "fp32"):
        raise ValueError(f"precision: {name!r} is not one of auto, bf16, fp32")
    if name != "auto":
        return name
    fast = torch.cuda.is_bf16_supported() if device.type == "cuda" else bf16_is_faster()
    return "bf16" if fast else "fp32"
