"""Writing a checkpoint: the networks, the preview, the sheet of training pictures, what was measured."""

from __future__ import annotations

import contextlib
import re
import shlex
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from .. import files
from ..gan import GAN, Game, inference_state, training_only_state
from ..images import grid, png, shrunk, to_uint8, webp
from . import card
from .folder import SMALL_SIDE, TIMELINE_COLUMNS, TIMELINE_SIDE, TIMELINES, TRAINING, Checkpoint, previewed
from .manifest import MODEL, OPPONENT


def shown_commands(commands: str) -> str:
    """Command lines as they may be shown: see `redact_paths`; a line that is none is left out."""
    shown = []
    for line in commands.splitlines():
        with contextlib.suppress(ValueError):
            shown.append(redact_paths(line))
    return "\n".join(shown)


def redact_paths(command: str) -> str:
    """A command line without the folders of the machine that it was typed on.

    >>> redact_paths("python -m ganzoo train dcgan --data 'folder:/home/ada/my cats@64' --out=/tmp/runs/x/")
    "python -m ganzoo train dcgan --data 'folder:my cats@64' --out=x"
    """
    parts = [re.sub(r"(^|[:=])/(?:.*/)?([^/]+)/?$", r"\1\2", part) for part in shlex.split(command)]
    return shlex.join(parts)


def preview(gan: GAN) -> Image.Image:
    """What it draws from seed 0 on."""
    return grid(to_uint8(gan.sample(previewed(gan.config.side), seed=0)))


def write_timeline(folder: Path, strip: Image.Image) -> None:
    """Write the picture of a timeline: large ones in colour nearly the same, as WebP, all others to the last bit, as PNG."""
    large = strip.mode == "RGB" and strip.width == TIMELINE_COLUMNS * TIMELINE_SIDE
    files.write(folder / TIMELINES[large], webp(strip) if large else png(strip))
    (folder / TIMELINES[not large]).unlink(missing_ok=True)  # of an earlier export


def write_training_sheet(folder: Path, images: Tensor) -> dict[str, Any]:
    """Write pictures, uint8 (N, 3, S, S), in one sheet, small -> what config.json says of it."""
    small = shrunk(images, SMALL_SIDE)
    files.write(folder / TRAINING, webp(grid(small, paper=0)))
    return {"training_pictures": {"count": len(small), "side": small.shape[-1]}}


def write_networks(folder: Path, game: Game, light: bool = False) -> dict[str, str]:
    """Write the files of the networks, light: without the opponents -> sha256 of each by its name. Where half precision
    holds them to the last bit, they are written in it."""
    parts = {MODEL: inference_state(game)} | ({OPPONENT: training_only_state(game)} if game.training_only and not light else {})
    if OPPONENT not in parts:
        (folder / OPPONENT).unlink(missing_ok=True)  # of an earlier export
    for name, tensors in parts.items():
        fits = all(torch.equal(v.half().float(), v) for v in tensors.values() if heavy(v))
        files.write_tensors(folder / name, halved(tensors) if fits else tensors)
    return {name: files.sha256(folder / name) for name in parts}


def heavy(v: Tensor) -> bool:
    """Matrices and filters; vectors, which weigh little, stay in single precision."""
    return v.dtype == torch.float32 and v.ndim > 1


def halved(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """What is heavy, in half precision. ValueError if a number is too large for it."""
    found = {k: v.half() if heavy(v) else v for k, v in tensors.items()}
    if wrong := [k for k, v in found.items() if v.dtype == torch.float16 and not v.isfinite().all()]:
        raise ValueError(f"{wrong[0]}: has numbers that half precision cannot hold; export without --half")
    return found


def record(checkpoint: Checkpoint, found: dict[str, Any]) -> None:
    """Put what was measured into config.json and the card; what is `found` replaces what those keys held."""
    if not checkpoint.ours:
        raise ValueError(f"{checkpoint.source}: a copy that is not yours to write to; measure a checkpoint in a folder")
    files.write_json(checkpoint.folder / "config.json", checkpoint.config | found)
    card.write(Checkpoint(checkpoint.folder, checkpoint.source))
