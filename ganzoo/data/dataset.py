"""A split of a data set, as uint8 in memory, so that a batch is one gather and no worker process is needed.

Sets that are too large for that are read from the disk, by `prefetch`, ahead of the engine.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from ..images import from_uint8
from ..text import caption

T = TypeVar("T")
Rows = dict[str, Tensor]  # image, label, text, source, attribute
EXAMPLES = 64  # captions that a model keeps as examples
SPLITS = ("train", "test", "unseen")  # unseen: whole classes that are kept out, where a data set has such


class Attribute(NamedTuple):
    """What is known of each picture besides its label, and the values that it has: ("eyes", ("open", "closed", ...)).

    >>> str(Attribute("eyes", ("open", "closed")))
    'eyes: open, closed'
    """

    name: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}: {', '.join(self.values)}"

    @staticmethod
    def read(text: str) -> Attribute:
        """The inverse of `str`: a Config keeps them as texts."""
        name, _, values = text.partition(": ")
        return Attribute(name, tuple(values.split(", ")))


@dataclass(frozen=True)
class Data:
    """One split of a data set.

    image (N, C, S, S) uint8, or float32 in [-1, 1] where a picture is a point (data/points.py) · label (N,) int64 ·
    classes: the names of the labels · captions: one or several of each of the N pictures, or none
    """

    name: str
    title: str
    attribution: str  # who made it and where it is from, for the card
    license: str
    image: Tensor
    label: Tensor
    classes: tuple[str, ...]
    captions: tuple[tuple[str, ...], ...] = ()
    styles: tuple[str, ...] = ()  # names of drawing styles, as captions have them: "flat", for "..., flat style"
    mapped: bool = False  # the pictures are on disk, and read as they are asked for
    source: Tensor | None = None  # (M, C', S', S') uint8: what is made into `image`
    paired: bool = True  # source i belongs to picture i, and M = N; or any of them goes with any
    attributes: tuple[Attribute, ...] = ()  # what `attribute` holds
    attribute: Tensor | None = None  # (N, A) int64: of each attribute the index of its value, -1 where it cannot be seen
    judged_as: str = ""  # the data set whose judge reads these pictures, where they have no classes for one of their own
    files: tuple[str, ...] = ()  # of all splits, by their paths below the folder, where it is a folder of pictures

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
        found: dict[str, Any] = {"side": self.side, "channels": self.channels, "classes": self.classes}
        found |= {"captions": captions, "styles": self.styles}
        found |= {"source_channels": 0 if self.source is None else self.source.shape[1]}
        return found | ({"attributes": tuple(map(str, self.attributes))} if self.attributes else {})

    def rows_at(self, index: Tensor, seed: int = 0) -> Rows:
        """The rows at index, in memory: image uint8, label, attribute (n, A), and text (n, T), one caption of each as code
        points; of these what there is.

        Which caption, is a function of seed and index alone: a step that is played again, or prefetched by a thread, has
        the same.
        """
        rows = {"image": self.images_at(index, seed), "label": self.label[index]}
        if self.attribute is not None:
            rows["attribute"] = self.attribute[index]
        if self.source is not None:
            rows["source"] = self.source[index if self.paired else self.unpaired(index, seed)]
        return rows | ({"text": caption.write(self.captions_at(index, seed))} if self.captions else {})

    @staticmethod
    def to_device(rows: Rows, device: torch.device) -> Rows:
        """Rows as a batch on the device: pictures float32 in [-1, 1], channels last. Text stays on the CPU, where it is
        tokenised."""
        moved = {k: v if k == "text" else v.to(device, non_blocking=True) for k, v in rows.items()}
        pictures = {k: v for k, v in moved.items() if v.dtype == torch.uint8}
        return moved | {k: from_uint8(v.contiguous(memory_format=torch.channels_last)) for k, v in pictures.items()}

    def batch(self, index: Tensor, device: torch.device, seed: int = 0) -> Rows:
        """The rows at index as a batch on the device."""
        return self.to_device(self.rows_at(index, seed), device)

    def unpaired(self, index: Tensor, seed: int) -> Tensor:
        """The sources that go with the pictures at index where they are in no pairs: any, as the seed chooses."""
        assert self.source is not None
        return torch.tensor([stream("source", seed, i) % len(self.source) for i in index.tolist()], dtype=torch.long)

    def evenly_spaced(self, n: int) -> Tensor:
        """The indices of n rows, or of all, evenly spaced."""
        return torch.arange(0, len(self), max(1, len(self) // n))[:n]

    def images_at(self, index: Tensor, seed: int) -> Tensor:
        """The pictures at index, uint8, as a seed shows them."""
        return self.image[index]

    def captions_at(self, index: Tensor, seed: int) -> list[str]:
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

    >>> plain("emoji@256"), plain("folder:/home/ada/My cats,skip-bad@64"), plain("hf:ada/cats,first=100@64")
    ('emoji', 'folder-my-cats', 'hf-ada-cats')
    """
    kind, colon, where = name.partition(":") if name.startswith(("folder:", "pairs:", "hf:")) else ("", "", name)
    bare = where if kind and os.path.isdir(os.path.expanduser(where)) else where.rpartition("@")[0] or where
    bare = bare.partition(",")[0] if kind == "hf" else bare
    of_files = kind in ("folder", "pairs")
    while of_files and (found := re.fullmatch(r"(.+),(skip-bad|BtoA|split=\d)", bare)):
        bare = found[1]
    last = Path(os.path.expanduser(bare)).resolve().name if of_files or Path(bare).is_dir() else bare
    if kind and not re.search(r"[a-z0-9]", last.lower()):  # in other letters: two such folders are not one
        last = f"{stream(last):08x}"
    return re.sub(r"[^a-z0-9._-]+", "-", f"{kind}{colon}{last}".lower()).strip("-.")


def default_root() -> Path:
    """Where data sets are kept: $GANZOO_DATA, or ./data."""
    return Path(os.environ.get("GANZOO_DATA") or "data")
