"""Anybody's pictures: `folder:DIR`, brought to the side that is asked for. What is taken of it, `listing` says.

folder:DIR@64           at 64 pixels; ~ is understood, and DIR may have an @ in its name
folder:DIR,skip-bad@64  without the pictures that cannot be read, which are refused otherwise
folder:DIR,split=1@64   as folders were read by the first ganzoo (see `folder_v1`)
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from ..images import from_pil
from . import folder_v1, store
from .dataset import Data, plain
from .listing import Entry, as_text, list_folder, split_by_hash
from .pictures import Survey, in_threads, read_picture, survey

SIDE = 64  # pixels that pictures are brought to, if the name does not say
SKIP_BAD, SPLIT_1 = "skip-bad", "split=1"
OPTIONS = (SKIP_BAD, SPLIT_1, "split=2")
SHOWN = 5  # files that a message names
DEEP = {"I": "32-bit", "F": "floating-point"}  # Pillow's modes

log = logging.getLogger("ganzoo")
_logged: set[str] = set()  # what was said already: a set is loaded once for each split


def folder(where: str, kept: Path, split: str) -> Data:
    """The pictures of `DIR` or `DIR@SIDE`, cut to the middle square and brought to SIDE pixels, in colour unless all are grey.

    All pictures of both splits are checked first. A folder that is too large for the memory is kept as a set under `kept`, and
    read from there. ValueError if there is no such folder, no picture in it, or one that cannot be read.
    """
    root, options, side = parse(where)
    first_way = SPLIT_1 in options
    if not is_folder(_cut(where)[0]):
        raise ValueError(f"{root}: no such folder; give folder:DIR or folder:DIR@SIDE, such as folder:photos@64")
    title = as_text(root.resolve().name)  # not the whole path: it goes into the card
    entries = folder_v1.list_folder(root) if first_way else list_pictures(root, title)
    if not entries:
        raise ValueError(
            f"{root}: no train pictures in it (.png, .jpg, .tif, ... that Pillow reads; see ganzoo/data/README.md)"
        )
    checked = [e for e in entries if not first_way or e.split in ("train", split)]
    deciding = {e.path for e in entries if e.split == "train"} if first_way else None
    seen = survey([e.path for e in checked], kept / "folder", title, deciding)
    bad = [e for e in checked if str(e.path) in seen.bad and (not first_way or e.split == split)]
    for mode, highest in seen.highest.items():
        if 4 * highest < seen.tops[mode]:
            what = (
                f"no number in its {DEEP.get(mode, '16-bit')} pictures is above {highest:g}, and {seen.tops[mode]:.0f} is white"
            )
            _log_once(f"{title}: {what}: they are dark; if they should not be, multiply their numbers")
    entries = split_by_hash(without_bad(root, title, entries, bad, seen, SKIP_BAD in options))
    ours = [e for e in entries if e.split == split]
    if not ours:
        raise ValueError(f"{root}: no {split} pictures in it: {len(entries)} in all; see ganzoo/data/README.md on the splits")
    classes = tuple(sorted({e.label for e in entries}))  # a split may lack some
    number = {name: k for k, name in enumerate(classes)}
    trained = {e.label for e in entries if e.split == "train"}
    if unseen := [c for c in classes if c not in trained]:
        names = ", ".join(unseen[:SHOWN]) + (", ..." if len(unseen) > SHOWN else "")
        _log_once(f"{title}: {len(unseen)} of {len(classes)} classes have no pictures to train on: {names}")
    labels, captions = [number[e.label] for e in ours], tuple(e.captions for e in ours)
    captions = captions if all(captions) else ()
    name = f"folder:{title}{f',{SKIP_BAD}' if SKIP_BAD in options else ''}@{side}"
    source, license, files = f"{len(ours)} pictures in a folder named {title}", "not stated", tuple(e.name for e in entries)
    if len(ours) * 3 * side * side > store.MOST:
        facts = {"title": title, "source": source, "license": license, "classes": classes}
        rows = zip(_pictures(ours, side, seen), labels, [e.captions for e in ours], strict=True)
        key = side, labels, classes, captions, store.versions(e.path for e in ours)
        data = store.keep(store.cache_folder(kept / "folder", title, key) / split, name, lambda: (rows, facts))
        return replace(data, files=files)
    read = partial(read_picture, side=side, tops=seen.tops)
    held = in_threads(read, [e.path for e in ours], f"reading {title}")
    image = torch.stack([from_pil(p if seen.grey else p.convert("RGB")) for p in held])
    return Data(name, title, source, license, image, torch.tensor(labels), classes, captions, files=files)


def parse(where: str) -> tuple[Path, tuple[str, ...], int]:
    """DIR,option,...@SIDE -> the folder, the options, the side. ValueError if SIDE is no side."""
    path, options, _ = _cut(where)
    return Path(os.path.expanduser(path)), options, side_of("folder", where)[1]


def _cut(where: str) -> tuple[str, tuple[str, ...], str]:
    """DIR,option,...@SIDE -> DIR as it was typed, the options, "@SIDE" or nothing."""
    name = side_of("folder", where)[0]
    side = where[len(name) :]
    options: list[str] = []
    while not is_folder(name) and (found := re.fullmatch(f"(.+),({'|'.join(OPTIONS)})", name)):
        name, option = found.groups()
        options.insert(0, option)
    return name, tuple(options), side


def side_of(kind: str, where: str) -> tuple[str, int]:
    """NAME@SIDE -> its parts; SIDE may be left out. What is a folder as a whole is taken as one: snap@2x, me@home. ValueError
    if it is no side."""
    name, at, text = where.rpartition("@")
    if not at or is_folder(where):
        return where, SIDE
    if not text.isdecimal() or not 4 <= int(text) <= 1024:
        raise ValueError(f"{kind}:{where}: {text!r} is not a side from 4 to 1024 pixels")
    return name, int(text)


def is_folder(name: str) -> bool:
    return bool(name) and os.path.isdir(os.path.expanduser(name))


def with_option(name: str, option: str) -> str:
    """The name of a folder's data set with an option. ValueError if it is no folder's.

    >>> with_option("folder:photos@64", "skip-bad")
    'folder:photos,skip-bad@64'
    """
    kind, _, where = name.partition(":")
    if kind == "pairs":
        path, side = where.removesuffix(at := where[len(side_of(kind, where)[0]) :]), at
        return name if f",{option}" in path else f"pairs:{path},{option}{side}"
    if kind != "folder":
        raise ValueError(f"{option} is about pictures of your own, folder:DIR, not about {name}")
    path, options, side = _cut(where)
    return name if option in options else f"folder:{','.join((path, *options, option))}{side}"


def absolute(name: str) -> str:
    """The name of a data set that means the same wherever a program is started: a folder in full.

    >>> absolute("mnist"), absolute("folder:/photos/../cats@64")
    ('mnist', 'folder:/cats@64')
    """
    kind, _, where = name.partition(":")
    if kind == "pairs":
        return f"pairs:{os.path.abspath(os.path.expanduser(where))}"
    if kind == "hf":
        bare = side_of(kind, where)[0]
        path = bare if is_folder(bare) else bare.split(",")[0]
        return f"hf:{os.path.abspath(os.path.expanduser(path))}{where.removeprefix(path)}" if is_folder(path) else name
    if kind != "folder":
        return name
    path, options, side = _cut(where)
    if not path:  # which would be the folder that one happens to be in
        return name
    return f"folder:{','.join((os.path.abspath(os.path.expanduser(path)), *options))}{side}"


def is_moved(name: str, other: str) -> bool:
    """Whether another name may be of the same pictures where they are now: a folder's of that name, at the same side.

    >>> is_moved("folder:cats@64", "folder:/elsewhere/cats@64"), is_moved("folder:cats@64", "folder:cats@32")
    (True, False)
    """
    kinds, wheres = zip(*(n.partition(":")[::2] for n in (name, other)), strict=True)
    sides = [side_of(kind, where)[1] for kind, where in zip(kinds, wheres, strict=True)]
    return kinds in (("folder", "folder"), ("hf", "hf")) and plain(name) == plain(other) and sides[0] == sides[1]


def missing_folder(name: str) -> str:
    """The folder of a data set's name, if it is none that is there."""
    path = _cut(name.removeprefix("folder:"))[0] if name.startswith("folder:") else ""
    return "" if not path or is_folder(path) else path


def split_of(name: str) -> dict[str, str]:
    """What a checkpoint's config.json says of a data set's split: nothing of one that the first ganzoo made."""
    return {"split": "2"} if name.startswith("folder:") and SPLIT_1 not in _cut(name.removeprefix("folder:"))[1] else {}


def with_split_of(name: str, facts: Mapping[str, Any]) -> str:
    """The name of a data set with the split of the checkpoint that was trained on it, whose facts are those in config.json."""
    return with_option(name, SPLIT_1) if name.startswith("folder:") and "split" not in facts else name


def split_as(name: str, other: str) -> str:
    """The name of a data set, split as another is."""
    both = name.startswith("folder:") and other.startswith("folder:") and not split_of(other)
    return with_option(name, SPLIT_1) if both else name


def list_pictures(root: Path, title: str) -> list[Entry]:
    """The pictures of a folder; what was passed over is said once."""
    found = list_folder(root)
    counts = ", ".join(f"{n:,} {what}" for what, n in found.passed_over.most_common() if n)
    for note in ([f"passed over: {counts}"] if counts else []) + found.notes:
        _log_once(f"{title}: {note}")
    return found.entries


def without_bad(
    root: Path,
    title: str,
    entries: list[Entry],
    bad: list[Entry],
    seen: Survey,
    skip: bool,
    option: str = f"folder:DIR,{SKIP_BAD}",
) -> list[Entry]:
    """The pictures that can be read. ValueError, with the first that cannot, unless those are to be skipped, by an option."""
    if not bad:
        return entries
    first, why = ", ".join(e.name for e in bad[:SHOWN]) + (", ..." if len(bad) > SHOWN else ""), seen.bad[str(bad[0].path)]
    if skip and len(bad) < len(entries):
        _log_once(f"{title}: skipped {len(bad)} of {len(entries)} pictures, which cannot be read: {first}")
        return [e for e in entries if str(e.path) not in seen.bad]
    what = f"{root}: {len(bad)} of {len(entries)} pictures cannot be read: {first} ({bad[0].parts[-1]}: {why})"
    if len(bad) == 1:
        what = f"{bad[0].path}: not a picture that can be read ({why})"
    what = what.replace("\n", "\\n")  # of a file's name
    raise ValueError(f"{what}; mend or remove them, or go on without them: train --skip-bad, or {option}")


def _pictures(entries: list[Entry], side: int, seen: Survey) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for e in entries:
            picture = read_picture(e.path, side, seen.tops)
            yield picture if seen.grey else picture.convert("RGB")


def _log_once(line: str) -> None:
    if line not in _logged:
        _logged.add(line)
        log.warning(line)
