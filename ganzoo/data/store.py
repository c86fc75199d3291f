"""Pictures kept on disk: written once, one after another, then read by index like any tensor.

PLACE/image.u8   uint8 (N, C, S, S), byte for byte
PLACE/set.json   shape, labels, classes, captions, source; written last, so that a set is whole or not there

A set that is larger than MOST is mapped into memory, not read: its pictures come from the disk as they are asked for.
"""

from __future__ import annotations

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
from . import Data, stream

MOST = 4 * 10**9  # bytes of pictures that are held in memory
KEPT = 64 * 10**9  # bytes that are written for one set at most

Pictures = Iterator[tuple[Image.Image, int, tuple[str, ...]]]  # square ones of one side, with label and captions


def place_of(root: Path, name: str, key: object) -> Path:
    """A folder for what a key stands for: another key, another folder."""
    return root / f"{re.sub(r'[^a-zA-Z0-9]+', '-', name)[-40:].strip('-')}-{stream(key):08x}"


def texts(said: Any) -> tuple[str, ...]:
    """What is said of a picture, one caption or a list of them, as a tuple; empty if nothing is."""
    return tuple(str(s) for s in (said if isinstance(said, list) else [said]) if s)


def versions(files: Iterable[Path]) -> list[tuple[str, int, int]]:
    """What tells a set of files from another, or from itself before it was changed."""
    return [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in files]


def keep(place: Path, name: str, make: Callable[[], tuple[Pictures, dict[str, Any]]]) -> Data:
    """The set that is kept in a folder; where there is none, `make` -> its pictures and facts are asked for, and kept.

    Where several processes ask, one of them writes. ValueError if what is kept was altered or is too much to keep; OSError
    if the disk is full. Nothing half-written is ever read: what was begun and did not come to its end is begun again.
    """
    place.mkdir(parents=True, exist_ok=True)
    with FileLock(place / "lock"):
        if not (place / "set.json").is_file():
            pictures, facts = make()
            _write(place, name, pictures, facts)
    return _read(place, name)


def _write(place: Path, name: str, pictures: Pictures, facts: dict[str, Any]) -> None:
    part = place / "image.part"
    label, captions, grey, side, size = [], [], True, 0, 0
    try:
        with part.open("wb") as file:
            for picture, which, said in tqdm(pictures, desc=f"keeping {name}", unit=" pictures", disable=None):
                grey, side = grey and picture.mode == "L", picture.width
                size += file.write(from_pil(picture.convert("RGB")).numpy().tobytes())
                label.append(which)
                captions.append(said)
                if size > KEPT:
                    raise ValueError(
                        f"{name}: more than {KEPT / 1e9:.0f} GB at {side} pixels; give a smaller @SIDE, or first=N"
                    )
            if not label:
                raise ValueError(f"{name}: no pictures in it")
        shape = [len(label), 3, side, side]
        if grey:  # known only now: keep one channel of three
            shape[1] = 1
            thin = place / "image.grey"
            with thin.open("wb") as file:
                for some in _map(part, [len(label), 3, side, side]).split(1024):
                    file.write(some[:, :1].contiguous().numpy().tobytes())
            os.replace(thin, part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, place / "image.u8")
    finally:
        for left in (part, place / "image.grey"):
            left.unlink(missing_ok=True)
    captions = captions if all(captions) else []
    write_json(place / "set.json", facts | {"shape": shape, "label": label, "captions": captions})


def _read(place: Path, name: str) -> Data:
    facts = read_json(place / "set.json")
    path, shape = place / "image.u8", facts["shape"]
    size = torch.Size(shape).numel()
    if not path.is_file() or path.stat().st_size != size:
        raise ValueError(f"{place}: altered or cut short; delete the folder, and the set is fetched again")
    mapped = size > MOST
    image = _map(path, shape) if mapped else torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8).view(shape)
    label, classes, captions = torch.tensor(facts["label"]), tuple(facts["classes"]), tuple(map(texts, facts["captions"]))
    return Data(name, facts["title"], facts["source"], facts["license"], image, label, classes, captions, mapped=mapped)


def _map(path: Path, shape: list[int]) -> Tensor:
    """A file as a tensor that must not be written to. torch.from_file maps it to be written, which Linux refuses above
    the size of the memory."""
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given buffer is not writable")
        return torch.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype=torch.uint8).view(shape)
