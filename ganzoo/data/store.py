"""Pictures kept on disk: written once, one after another, then read by index like any tensor.

FOLDER/image.u8   uint8 (N, C, S, S), byte for byte
FOLDER/set.json   shape, labels, attributes, classes, captions, source; written last, so that a set is whole or not there

A set that is larger than MOST is mapped into memory, not read: its pictures come from the disk as they are asked for.
"""

from __future__ import annotations

import logging
import mmap
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from ..files import read_json, write_json
from ..images import from_pil
from . import metadata
from .dataset import Attribute, Data, stream

MOST = 4 * 10**9  # bytes of pictures that are held in memory
KEPT = 64 * 10**9  # bytes that are written for one set at most

log = logging.getLogger("ganzoo")

Pictures = Iterator[tuple[Image.Image, int, tuple[str, ...]]]  # square ones of one side, with label and captions


def cache_folder(root: Path, name: str, key: object) -> Path:
    """A folder for what a key stands for: another key, another folder."""
    return root / f"{re.sub(r'[^a-zA-Z0-9]+', '-', name)[-40:].strip('-')}-{stream(key):08x}"


def versions(files: Iterable[Path]) -> list[tuple[str, int, int]]:
    """What tells a set of files from another, or from itself before it was changed; a file that is not there has size -1."""
    found = []
    for file in files:
        try:
            about = file.stat()
            found.append((str(file), about.st_size, about.st_mtime_ns))
        except OSError:
            found.append((str(file), -1, 0))
    return found


def keep(folder: Path, name: str, make: Callable[[], tuple[Pictures, dict[str, Any]]]) -> Data:
    """The set that is kept in a folder; where there is none, `make` gives its pictures and facts, and they are kept.

    Where several processes ask, one of them writes. ValueError if what is kept was altered or is too much to keep; OSError
    if the disk is full. Nothing half-written is ever read: what was begun and did not come to its end is begun again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "set.json").is_file():
            pictures, facts = make()
            _write(folder, name, pictures, facts)
    return _read(folder, name)


def _write(folder: Path, name: str, pictures: Pictures, facts: dict[str, Any]) -> None:
    part = folder / "image.part"
    labels, captions, grey, side, size = [], [], True, 0, 0
    try:
        with part.open("wb") as file:
            for picture, label, texts in tqdm(pictures, desc=f"keeping {name}", unit=" pictures", disable=None):
                grey, side = grey and picture.mode == "L", picture.width
                size += file.write(from_pil(picture.convert("RGB")).numpy().tobytes())
                labels.append(label)
                captions.append(texts)
                if size > KEPT:
                    raise ValueError(
                        f"{name}: more than {KEPT / 1e9:.0f} GB at {side} pixels; give a smaller @SIDE, or first=N"
                    )
            if not labels:
                raise ValueError(f"{name}: no pictures in it")
        rows, captions = _captioned(name, captions)
        shape = [len(rows), 1 if grey else 3, side, side]
        if grey or len(rows) < len(labels):  # known only now: keep one channel of three, and the rows that count
            every, less = _map(part, [len(labels), 3, side, side]), folder / "image.less"
            with less.open("wb") as file:
                for some in torch.tensor(rows).split(1024):
                    file.write(every[some, : shape[1]].contiguous().numpy().tobytes())
            os.replace(less, part)
            labels = [labels[i] for i in rows]
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, folder / "image.u8")
    finally:
        for left in (part, folder / "image.less"):
            left.unlink(missing_ok=True)
    write_json(folder / "set.json", facts | {"shape": shape, "label": labels, "captions": captions})


def _captioned(name: str, captions: list[tuple[str, ...]]) -> tuple[list[int], list[tuple[str, ...]]]:
    """The rows that are kept, and their captions: all pictures have one, or none has. The few that have none are passed over,
    or the captions of few are left out; which, is said."""
    rows = [i for i, texts in enumerate(captions) if texts]
    if 2 * len(rows) > len(captions):
        if len(rows) < len(captions):
            log.warning("%s: passed over: %d pictures without a caption", name, len(captions) - len(rows))
        return rows, [captions[i] for i in rows]
    if rows:
        log.warning("%s: the captions are left out, since only %d of %d pictures have one", name, len(rows), len(captions))
    return list(range(len(captions))), []


def _read(folder: Path, name: str) -> Data:
    facts = read_json(folder / "set.json")
    path, shape = folder / "image.u8", facts["shape"]
    size = torch.Size(shape).numel()
    if not path.is_file() or path.stat().st_size != size:
        raise ValueError(f"{folder}: altered or cut short; delete the folder, and the set is fetched again")
    mapped = size > MOST
    image = _map(path, shape) if mapped else torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8).view(shape)
    label, classes, captions = (
        torch.tensor(facts["label"]),
        tuple(facts["classes"]),
        tuple(map(metadata.captions, facts["captions"])),
    )
    about = facts["title"], facts["source"], facts["license"]
    known = tuple(map(Attribute.read, facts.get("attributes", ())))
    attribute = torch.tensor(facts["attribute"]) if known else None
    return Data(name, *about, image, label, classes, captions, mapped=mapped, attributes=known, attribute=attribute)


def _map(path: Path, shape: list[int]) -> Tensor:
    """A file as a tensor that must not be written to. torch.from_file maps it to be written, which Linux refuses above
    the size of the memory."""
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given buffer is not writable")
        return torch.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype=torch.uint8).view(shape)
