"""Anybody's pictures and what they are made from: `pairs:DIR`, in the layouts of pix2pix's and CycleGAN's authors.

DIR/train/1.jpg, DIR/test/2.jpg       two pictures side by side in one file, as in facades: the left half becomes the right one
DIR/trainA, trainB, testA, testB      two kinds of pictures that are in no pairs, as in horse2zebra: A becomes B
DIR/A, DIR/B                          the same, without a split: every tenth is kept for testing
pairs:DIR,BtoA@64                     the other way round; the authors' `--direction BtoA`
pairs:DIR,skip-bad@64                 without the pictures that cannot be read

Splits, hidden files, damage and kinds of files are as in `folder:DIR` (see `folder` and `listing`).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ..images import from_pil
from . import store
from .dataset import Data
from .folder import SKIP_BAD, is_folder, list_pictures, side_of, without_bad
from .listing import Entry, as_text, split_by_hash
from .pictures import Survey, in_threads, read_halves, read_picture, survey

B_TO_A = "BtoA"
OPTIONS = (B_TO_A, SKIP_BAD)
KINDS = ("A", "B")


@dataclass(frozen=True)
class Half:
    """What is read of one kind of pictures: its files, and what was found when they were opened."""

    entries: list[Entry]
    seen: Survey


def pairs(where: str, kept: Path, split: str) -> Data:
    """The pictures of `DIR` or `DIR@SIDE`, and their sources. ValueError if there is no such folder, no picture in it, one that
    cannot be read or is no two side by side, or more than memory holds."""
    root, options, side = parse(where)
    if not is_folder(str(root)):
        raise ValueError(f"{root}: no such folder; give pairs:DIR or pairs:DIR@SIDE, such as pairs:facades@64")
    title, skip = as_text(root.resolve().name), SKIP_BAD in options
    folders = unpaired_folders(root)
    if folders:
        halves = [listed(root, folders[kind], title, kept, skip) for kind in KINDS]
    else:
        halves = [listed(root, {"": root}, title, kept, skip, wide=True)] * 2
    ours = [[e for e in half.entries if e.split == split] for half in halves]
    if not all(ours):
        raise ValueError(f"{root}: no {split} pictures of both kinds in it; see ganzoo/data/README.md on pairs:DIR")
    grey = all(half.seen.grey for half in halves)
    if (needed := sum(map(len, ours)) * (1 if grey else 3) * side**2) > store.MOST:
        raise ValueError(f"{root}: {needed / 1e9:.0f} GB at {side} pixels, more than is held in memory; give a smaller @SIDE")
    read = partial(tensors, side=side, grey=grey, title=title)
    if folders:
        a, b = (read([e.path for e in found], half.seen)[0] for found, half in zip(ours, halves, strict=True))
    else:
        a, b = read([e.path for e in ours[0]], halves[0].seen, wide=True)
    source, image = (b, a) if B_TO_A in options else (a, b)
    name = f"pairs:{','.join((title, *options))}@{side}"
    about = f"{len(image)} pictures in a folder named {title}, made of {len(source)}"
    files = tuple(e.name for half in halves[: 2 if folders else 1] for e in half.entries)
    label = torch.zeros(len(image), dtype=torch.long)
    return Data(name, title, about, "not stated", image, label, ("",), source=source, paired=not folders, files=files)


def unpaired_folders(root: Path) -> dict[str, dict[str, Path]]:
    """Kind -> split ("" where it has none) -> folder, of a folder with two kinds of pictures; empty of one with pairs.

    ValueError if only one of the two is there."""
    there = {name: root / name for name in os.listdir(root) if (root / name).is_dir()}
    found = {kind: {split: there[split + kind] for split in ("train", "test", "") if split + kind in there} for kind in KINDS}
    a, b = (set(found[kind]) for kind in KINDS)
    if not a and not b:
        return {}
    if a != b or ("" in a and len(a) > 1) or a == {"test"}:
        names = ", ".join(sorted(split + kind for kind in KINDS for split in found[kind]))
        raise ValueError(f"{root}: has {names}; give trainA and trainB, with testA and testB or without, or else A and B")
    return found


def listed(root: Path, folders: dict[str, Path], title: str, kept: Path, skip: bool, wide: bool = False) -> Half:
    """The pictures of one kind, each in a split; all of them have been opened. wide: each is two side by side."""
    entries = []
    for split, folder in folders.items():
        below = folder.relative_to(root).parts
        own = [replace(e, parts=(*below, *e.parts)) for e in list_pictures(folder, title)]
        own = own if wide else [replace(e, split=split if "test" in folders else "") for e in own]
        entries += own
    seen = survey([e.path for e in entries], kept / "folder", title, wide=wide)
    bad = [e for e in entries if str(e.path) in seen.bad]
    return Half(split_by_hash(without_bad(root, title, entries, bad, seen, skip, f"pairs:DIR,{SKIP_BAD}")), seen)


def tensors(paths: list[Path], seen: Survey, side: int, grey: bool, title: str, wide: bool = False) -> list[Tensor]:
    """uint8 (N, C, side, side) of files: one tensor, or of wide ones that of the left and that of the right halves."""
    what = f"reading {title}"
    if wide:
        columns = [*zip(*in_threads(partial(read_halves, side=side, tops=seen.tops), paths, what), strict=True)]
    else:
        columns = [tuple(in_threads(partial(read_picture, side=side, tops=seen.tops), paths, what))]
    return [torch.stack([from_pil(p if grey else p.convert("RGB")) for p in column]) for column in columns]


def parse(where: str) -> tuple[Path, tuple[str, ...], int]:
    """DIR,option,...@SIDE -> the folder, the options, the side. ValueError if SIDE is no side."""
    name, side = side_of("pairs", where)
    options: list[str] = []
    while not is_folder(name) and (found := re.fullmatch(f"(.+),({'|'.join(OPTIONS)})", name)):
        name, option = found.groups()
        options.insert(0, option)
    return Path(os.path.expanduser(name)), tuple(dict.fromkeys(options)), side
