"""Data sets by name, as uint8 in memory, so that a batch is one gather and no worker process is needed.

Sets that are too large for that are read from the disk, by `feed`, ahead of the engine.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..images import from_uint8
from ..text import caption

T = TypeVar("T")

Rows = dict[str, Tensor]  # image, label, text

# name -> the file here that has a function of that name: (root, "train" or "test") -> Data
SETS: dict[str, str] = {
    "mnist": "classic",
    "fashion": "classic",
    "emoji": "emoji",
    "emoji_people": "emoji",
    "emoji_hues": "emoji",
    "shapes": "drawn",
    "fake": "drawn",
}
SCALABLE = ("shapes", "fake", "emoji", "emoji_people", "emoji_hues")  # may be asked for at another side, as in emoji@256
EXAMPLES = 64  # captions that a model keeps
SPLITS = ("train", "test", "unseen")  # unseen: whole classes that are kept out, where a data set has such


@dataclass(frozen=True)
class Data:
    """One split of a data set.

    image (N, C, S, S) uint8 · label (N,) int64 · classes: the names of the labels · captions: what may be said of each of the
    N pictures, in one or several ways; or none
    """

    name: str
    title: str
    source: str  # who made it and where it is from, for the card
    license: str
    image: Tensor
    label: Tensor
    classes: tuple[str, ...]
    captions: tuple[tuple[str, ...], ...] = ()
    styles: tuple[str, ...] = ()  # the manners that they are drawn in, as captions call them: "flat", for "..., flat style"
    mapped: bool = False  # the pictures are on disk, and read as they are asked for

    def __len__(self) -> int:
        return len(self.image)

    @property
    def side(self) -> int:
        return self.image.shape[-1]

    @property
    def channels(self) -> int:
        return self.image.shape[1]

    def facts(self) -> dict[str, Any]:
        """What a model's Config may have from its data (`spec.FROM_DATA`)."""
        some = range(0, len(self.captions), max(1, len(self.captions) // EXAMPLES))
        captions = tuple(dict.fromkeys(self.captions[i][0] for i in some))[:EXAMPLES]
        found = {"side": self.side, "channels": self.channels, "classes": self.classes}
        return found | {"captions": captions, "styles": self.styles}

    def gather(self, index: Tensor, seed: int = 0) -> Rows:
        """The rows at index, in memory: image uint8, label, and text (n, T), one caption of each as code points.

        Which caption, is a function of seed and index alone: a step that is played again, or gathered ahead by a thread,
        says the same.
        """
        rows = {"image": self.seen(index, seed), "label": self.label[index]}
        return rows | ({"text": caption.write(self.told(index, seed))} if self.captions else {})

    @staticmethod
    def place(rows: Rows, device: torch.device) -> Rows:
        """Rows as a batch on the device: image float32 in [-1, 1], channels last. Text stays on the CPU, where it is cut into
        words."""
        there = {k: v if k == "text" else v.to(device, non_blocking=True) for k, v in rows.items()}
        return there | {"image": from_uint8(there["image"].contiguous(memory_format=torch.channels_last))}

    def batch(self, index: Tensor, device: torch.device, seed: int = 0) -> Rows:
        """The rows at index as a batch on the device."""
        return self.place(self.gather(index, seed), device)

    def seen(self, index: Tensor, seed: int) -> Tensor:
        """The pictures at index, uint8, as a seed shows them."""
        return self.image[index]

    def told(self, index: Tensor, seed: int) -> list[str]:
        """One caption of each picture at index, as a seed chooses."""
        return [pick(self.captions[i], "caption", i, seed) for i in index.tolist()]


def pick(options: tuple[T, ...], *key: object) -> T:
    """One of several, as a key says; torch's generator is not moved."""
    return options[stream(*key) % len(options)] if len(options) > 1 else options[0]


def stream(*key: object) -> int:
    """A 32-bit seed for a named stream of randomness: the same key, the same seed, on every machine."""
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=4).digest(), "little")


class Order:
    """The endless order in which a training reads its pictures: position -> indices, a shuffle an epoch.

    A function of seed and position alone, so a resumed training needs no record of it, and batches run on across the
    end of an epoch, so that every batch is full and every picture is seen once an epoch.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seed = size, seed
        self._epochs: dict[int, Tensor] = {}

    def at(self, position: int, n: int) -> Tensor:
        """The n indices from a position on, counted in pictures from the start of training."""
        parts = []
        while n > 0:
            epoch, offset = divmod(position, self.size)
            part = self._epoch(epoch)[offset : offset + n]
            parts.append(part)
            position, n = position + len(part), n - len(part)
        return torch.cat(parts)

    def _epoch(self, epoch: int) -> Tensor:
        if epoch not in self._epochs:
            generator = torch.Generator().manual_seed(stream("order", self.seed, epoch))
            self._epochs = {e: o for e, o in self._epochs.items() if e == epoch - 1}
            self._epochs[epoch] = torch.randperm(self.size, generator=generator)
        return self._epochs[epoch]


def plain(name: str) -> str:
    """A data set's name without its side, its place and its options, as the names of checkpoints have it.

    >>> plain("emoji@256"), plain("folder:/home/ada/My cats@64"), plain("hf:ada/cats,first=100@64")
    ('emoji', 'folder-my-cats', 'hf-ada-cats')
    """
    kind, colon, where = name.rpartition(":")
    bare = where.rpartition("@")[0] or where
    bare = bare.partition(",")[0] if kind == "hf" else bare
    last = Path(bare).resolve().name if kind == "folder" or Path(bare).is_dir() else bare
    return re.sub(r"[^a-z0-9._-]+", "-", f"{kind}{colon}{last}".lower()).strip("-.")


def default_root() -> Path:
    """Where data sets are kept: $GANZOO_DATA, or ./data."""
    return Path(os.environ.get("GANZOO_DATA") or "data")


def load(name: str, root: Path | str | None = None, split: str = "train") -> Data:
    """A data set by name, or NAME@SIDE. ValueError if there is none, or if its files are neither there nor to be had."""
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")
    base, at, side = name.partition("@")
    if base not in SETS and not name.startswith(("folder:", "hf:")):
        said = ", ".join(SETS)
        raise ValueError(
            f"no data set {name!r}; there are {said}, folder:DIR for your own pictures, hf:USER/NAME for the Hub's"
        )
    if split == "unseen" and not base.startswith("emoji"):
        raise ValueError(f"{name} has no split {split!r}; it has train and test")
    place = Path(root) if root is not None else default_root()
    if name.startswith("folder:"):
        from .folder import folder

        return folder(name.removeprefix("folder:"), place, split)
    if name.startswith("hf:"):
        from .streamed import streamed

        return streamed(name.removeprefix("hf:"), place, split)
    if at and (base not in SCALABLE or not side.isdecimal()):
        raise ValueError(f"{name}: {', '.join(f'{s}@SIDE' for s in SCALABLE)} take a side, in pixels")
    read: Callable[..., Data] = getattr(import_module(f"{__name__}.{SETS[base]}"), base)
    return read(place, split, **({"side": int(side)} if at else {}))
