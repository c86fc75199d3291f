"""Which pictures a folder holds, of what classes, with what captions, and in which split: before any of them is opened.

DIR/CLASS/a.png      the names of the folders are the labels; without folders there are none
DIR/metadata.csv     or .jsonl or .parquet: labels and captions of the pictures below it (see `metadata`); also in DIR/train, or
                     one in each class's folder; the nearest one above a picture counts
DIR/train, DIR/test  may hold the two splits (or train and val, training and testing); without DIR/test every tenth picture is
                     kept for testing, by the hash of its path below the folder; without DIR/train all but DIR/test is for
                     training

Names that begin with . or __ are hidden, so are folders of the system, and links are followed. What is passed over is counted,
to be said.
"""

from __future__ import annotations

import os
import unicodedata
import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from PIL import Image

from ..text.caption import LENGTH
from . import metadata

HELD_OUT = ("testing", "val", "valid", "validation", "dev", "eval")  # what a test split beside train/ may be called too
SPLIT_NAMES = {"train", "training", "test", *HELD_OUT}
# Folders that operating systems and file servers make, some of them with small copies of pictures in them.
SYSTEM = {"$recycle.bin", "system volume information", "lost+found", "@eadir", "#recycle", "@recycle"}
# What Pillow opens by other programs, or names without reading it.
NOT_PICTURES = {"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "PDF", "WMF"}
FEW = 3  # pictures of which one is kept for testing
Parts = tuple[str, ...]  # of a path below the folder


@dataclass(frozen=True)
class Entry:
    """A picture of a folder. `label` and `captions` are empty where it has none; `split` where its hash decides."""

    path: Path
    parts: Parts
    label: str = ""
    captions: tuple[str, ...] = ()
    split: str = ""

    @property
    def name(self) -> str:
        """Its path below the folder, the same on every machine."""
        return "/".join(self.parts)


@dataclass
class Listing:
    """The pictures of a folder in the order of their names, how many files were passed over, by the reason, and what else a
    person should know."""

    entries: list[Entry]
    passed_over: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


@cache
def endings() -> frozenset[str]:
    """The endings of the files that Pillow reads as pictures."""
    Image.init()
    readable = Image.OPEN.keys() - NOT_PICTURES
    return frozenset(e for e, kind in Image.registered_extensions().items() if kind in readable)


def list_folder(root: Path) -> Listing:
    """The pictures of a folder. ValueError if its metadata cannot be read, or names a file outside of the folder."""
    root = Path(os.path.abspath(root))
    files = dict(_walk(root, (), frozenset()))
    rows, columns = _rows(files)
    listed = {parts for table in rows.values() for parts in table}
    pictures = sorted({parts for parts in files if _ending(parts) in endings()} | listed)
    others = [p for p in files if p not in listed and _ending(p) not in endings() and p[-1] not in metadata.NAMES]
    found = Listing([], Counter(_kind(p, files[p]) for p in others))
    if columns := [c for c in columns if c.strip()]:
        found.notes.append(f"metadata: not read: {', '.join(columns)}; what is read is {', '.join(metadata.COLUMNS)}")
    splits = _split_folders(set(pictures))
    for parts in pictures:
        split = _split(parts, splits)
        if split is None:
            found.passed_over[f"in {parts[0]}/" if len(parts) > 1 else "beside train/"] += 1
            continue
        entry = Entry(files.get(parts, root.joinpath(*parts)), parts, split=split)
        above = next((parts[:i] for i in range(len(parts) - 1, -1, -1) if parts[:i] in rows), None)
        if above is None:
            found.entries.append(replace(entry, label=_folder_label(parts, splits)))
            continue
        own = rows[above].get(parts, [])
        found.passed_over["not in the metadata"] += not own
        of_class = len(above) > (parts[0] in splits)  # it lies in the folder of a class
        for row in own:
            label = row.label or (_folder_label(parts, splits) if of_class else "")
            found.entries.append(replace(entry, label=label, captions=row.captions))
    _all_or_no_labels(found, splits)
    _all_or_no_captions(found)
    found.notes += _classes_of_several_folders(found.entries, splits)
    if cut := sum(any(len(c) > LENGTH for c in e.captions) for e in found.entries):
        found.notes.append(f"the captions of {cut:,} pictures are cut after {LENGTH} characters")
    return found


def picture_files(root: Path) -> list[Entry]:
    """All picture files of a folder in the order of their names, whatever labels and splits they have."""
    files = _walk(Path(os.path.abspath(root)), (), frozenset())
    return [Entry(path, parts) for parts, path in sorted(files) if _ending(parts) in endings()]


def _kind(parts: Parts, path: Path) -> str:
    """What is said of a file that is no picture."""
    if not path.exists():
        return "that are links to nowhere"
    return f"of kind {_ending(parts)}" if _ending(parts) else "without an ending"


def _all_or_no_labels(found: Listing, splits: Collection[str]) -> None:
    """All pictures have a label, or none has."""
    if not any(e.label for e in found.entries):  # captions alone say nothing of classes: their folders may
        labels = [_folder_label(e.parts, splits) for e in found.entries]
        if len({*labels} - {""}) > 1:
            found.entries = [replace(e, label=label) for e, label in zip(found.entries, labels, strict=True)]
    if any(e.label for e in found.entries):
        found.passed_over["without a label"] += sum(not e.label for e in found.entries)
        found.entries = [e for e in found.entries if e.label]


def _all_or_no_captions(found: Listing) -> None:
    """All pictures have captions, or none has: the few that have none are passed over, or the captions of few are left out."""
    have = sum(bool(e.captions) for e in found.entries)
    if have * 2 > len(found.entries):
        found.passed_over["without a caption"] += len(found.entries) - have
        found.entries = [e for e in found.entries if e.captions]
    elif have:
        found.notes.append(f"the captions are left out, since only {have} of {len(found.entries)} pictures have one")
        found.entries = [replace(e, captions=()) for e in found.entries]


def _classes_of_several_folders(entries: list[Entry], splits: Collection[str]) -> list[str]:
    """A note, where folders of one name in several places became one class."""
    folders: dict[str, set[str]] = {}
    for e in entries:
        inner = e.parts[1:] if e.parts[0] in splits else e.parts
        if e.label and e.label == _folder_label(e.parts, splits):
            folders.setdefault(e.label, set()).add("/".join(inner[:-1]))
    several = [
        f"{label} ({', '.join(sorted(of)[:3])}{', ...' if len(of) > 3 else ''})" for label, of in folders.items() if len(of) > 1
    ]
    shown = ", ".join(several[:3]) + (", ..." if len(several) > 3 else "")
    return [f"folders of one name are one class: {shown}"] if several else []


def _ending(parts: Parts) -> str:
    return os.path.splitext(parts[-1])[1].lower()


def _folder_label(parts: Parts, splits: Collection[str]) -> str:
    """The name of the folder that a picture is in, below its split's; empty if it is in none."""
    inner = parts[1:] if parts[0] in splits else parts
    return inner[-2] if len(inner) > 1 else ""


def _split_folders(pictures: set[Parts]) -> dict[str, str]:
    """Folder -> "train" or "test", of those of a split here; they may be called Train and Test. A set of vehicles may well have
    a class "train"."""
    folders = {p[0] for p in pictures if len(p) > 1}
    found = {name.lower(): name for name in sorted(folders)}  # train before Train
    train = found.get("train") or (found.get("training") if "testing" in found else None)
    test = found.get("test") or next((found[name] for name in HELD_OUT if train and name in found), None)
    directly = any(p[0] == train and len(p) == 2 for p in pictures)
    beside = (
        any(p[:2] == (test, train) for p in pictures) if "test" in found else any(f.lower() not in SPLIT_NAMES for f in folders)
    )
    if directly and beside:
        train, test = None, found.get("test")
    return {name: split for name, split in ((train, "train"), (test, "test")) if name}


def _split(parts: Parts, splits: dict[str, str]) -> str | None:
    """The split of a picture; empty where its hash decides; None if it is in neither."""
    own = splits.get(parts[0]) if len(parts) > 1 else None
    if own and (own == "test" or "test" in splits.values()):
        return own
    if "train" in splits.values() and own != "train":
        return None
    return "train" if "test" in splits.values() else ""


def split_by_hash(entries: list[Entry]) -> list[Entry]:
    """The entries, each in a split: those that are in none yet go by the hash of their path below the folder. Of FEW or more,
    neither side is empty; fewer are all trained on."""
    undecided = sorted({e.parts for e in entries if not e.split}, key=lambda p: (_hash(p), p))
    test = {p for p in undecided if _hash(p) % 10 == 0}
    if len(undecided) < FEW:
        test = set()
    elif len(test) in (0, len(undecided)):
        test = {undecided[0]}
    return [e if e.split else replace(e, split="test" if e.parts in test else "train") for e in entries]


def _hash(parts: Parts) -> int:
    inner = parts[1:] if parts[0].lower() == "train" and len(parts) > 1 else parts  # the same with and without a folder train/
    return zlib.crc32("/".join(_normal(inner)).encode())


def _normal(parts: Parts) -> Parts:
    """A path as it is compared: an accent is composed on one machine, and a sign of its own on another."""
    return tuple(unicodedata.normalize("NFC", part) for part in parts)


def _walk(folder: Path, below: Parts, above: frozenset[str]) -> Iterator[tuple[Parts, Path]]:
    """The files below a folder, links followed, but for what is hidden, and links back to a folder that they are in."""
    real = os.path.realpath(folder)
    if real in above:
        return
    with os.scandir(folder) as items:
        for item in items:
            if item.name.startswith((".", "__")) or item.name.lower() in SYSTEM:
                continue
            if _is_folder(item):
                yield from _walk(folder / item.name, (*below, as_text(item.name)), above | {real})
            elif item.is_symlink() or item.is_file():  # a link that leads nowhere is named by the reader
                yield (*below, as_text(item.name)), folder / item.name


def as_text(name: str) -> str:
    """The name of a file as UTF-8, whatever the locale took it for; what is not UTF-8 either is written in hexadecimal."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link to itself
        return False


def _rows(files: dict[Parts, Path]) -> tuple[dict[Parts, dict[Parts, list[metadata.Row]]], list[str]]:
    """Folder -> picture -> the rows of the folder's metadata that are about it; and the names of columns that are not read.
    Where links lead to is not asked: in the Hub's cache every file is a link to somewhere else."""
    found: dict[Parts, dict[Parts, list[metadata.Row]]] = {}
    columns: dict[str, None] = {}
    alike = {_normal(parts): parts for parts in files}  # accents may be composed in a file's name, and not in a table
    for parts, table in ((p, path) for p, path in files.items() if p[-1] in metadata.NAMES):
        if parts[:-1] in found:
            raise ValueError(f"{table.parent}: has several files of metadata; keep one of {', '.join(metadata.NAMES)}")
        own = found.setdefault(parts[:-1], {})
        for row in metadata.read(table):
            columns.update(dict.fromkeys(row.others))
            path = Path(os.path.normpath(table.parent / row.file_name))
            if not path.is_relative_to(table.parent) or path == table.parent or "\0" in row.file_name:
                raise ValueError(f"{row.where}: {row.file_name!r} is outside of the folder")
            picture = parts[:-1] + path.relative_to(table.parent).parts
            windows = parts[:-1] + tuple(row.file_name.split("\\"))  # a table that was written there
            own.setdefault(alike.get(_normal(picture)) or alike.get(_normal(windows)) or picture, []).append(row)
    return found, list(columns)
