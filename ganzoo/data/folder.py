"""Anybody's pictures: a folder, with the Hub's ImageFolder convention for captions and labels.

DIR/metadata.jsonl   a line a picture: {"file_name": "a.png", "text": "a red rose", "label": "rose"}; text, label optional
                     text may be a list of captions of the picture
DIR/CLASS/a.png      without it, the names of the folders are the labels; without folders there are none
DIR/train, DIR/test  may hold the two splits; without DIR/test every tenth picture, by its name, is kept for testing; without
                     DIR/train all but DIR/test is trained on
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from ..images import from_pil
from . import Data, store

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}
SIDE = 64  # pixels that pictures are brought to, if the name does not say


def folder(where: str, kept: Path, split: str) -> Data:
    """The pictures of `DIR` or `DIR@SIDE`, cut to the middle square and brought to SIDE pixels, in colour unless all are grey.

    A folder that is too large for the memory is kept as a set under `kept`, and read from there. ValueError if there is
    no such folder, no picture in it, or one that cannot be read.
    """
    path, side = side_of("folder", where)
    root = Path(path)
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder; give folder:DIR or folder:DIR@SIDE, such as folder:photos@64")
    splits = _splits(root)
    entries = splits.get(split, [])
    if not entries:
        raise ValueError(f"{root}: no {split} pictures in it ({', '.join(sorted(ENDINGS))}, or metadata.jsonl; see the README)")
    title = root.resolve().name  # not the whole path: it goes into the card
    name, source, license = f"folder:{title}@{side}", f"{len(entries)} pictures in a folder named {title}", "not stated"
    classes = tuple(sorted({named(e) for found in splits.values() for e in found}))  # a split may lack some
    number = {name: k for k, name in enumerate(classes)}
    labels = [number[named(e)] for e in entries]
    texts = [store.texts(e.get("text")) for e in entries]
    captions = tuple(texts) if all(texts) else ()
    pictures = (_open(e["path"], side) for e in entries)
    if len(entries) * 3 * side * side > store.MOST:
        facts = {"title": title, "source": source, "license": license, "classes": classes}
        rows = zip(pictures, labels, texts, strict=True)
        key = side, labels, classes, captions, store.versions(e["path"] for e in entries)
        return store.keep(store.place_of(kept / "folder", title, key) / split, name, lambda: (rows, facts))
    held = [*pictures]
    grey = all(p.mode == "L" for p in held)
    image = torch.stack([from_pil(p if grey else p.convert("RGB")) for p in held])
    return Data(name, title, source, license, image, torch.tensor(labels), classes, captions)


def side_of(kind: str, where: str) -> tuple[str, int]:
    """NAME@SIDE -> its parts; SIDE may be left out. ValueError if it is no side."""
    name, at, text = where.rpartition("@")
    if not at:
        return where, SIDE
    if not text.isdecimal() or not 4 <= int(text) <= 1024:
        raise ValueError(f"{kind}:{where}: {text!r} is not a side from 4 to 1024 pixels")
    return name, int(text)


def named(entry: dict[str, Any]) -> str:
    """The class of a picture; empty where it has none."""
    return str(entry.get("label", ""))


def _splits(root: Path) -> dict[str, list[dict[str, Any]]]:
    """The pictures of "train" and "test"."""
    kept = root / "test"
    found = _entries(root / "train" if (root / "train").is_dir() else root)
    if kept.is_dir():
        return {"train": [e for e in found if not e["path"].is_relative_to(kept.resolve())], "test": _entries(kept)}
    tenth = [zlib.crc32(e["path"].name.encode()) % 10 == 0 for e in found]
    return {split: [e for e, t in zip(found, tenth, strict=True) if t == (split == "test")] for split in ("train", "test")}


def _entries(base: Path) -> list[dict[str, Any]]:
    """{"path", "text"?, "label"?} of each picture of a folder, as it lists them, or in the order of their names."""
    listed = base / "metadata.jsonl"
    if not listed.is_file():
        base = base.resolve()
        paths = sorted(p for p in base.rglob("*") if p.suffix.lower() in ENDINGS)
        return [{"path": p} | ({"label": p.parent.name} if p.parent != base else {}) for p in paths]
    found = []
    for i, line in enumerate(listed.read_text().splitlines(), 1):
        try:
            entry = json.loads(line)
            path = (base / entry["file_name"]).resolve()
        except (ValueError, KeyError, TypeError):
            raise ValueError(f'{listed}, line {i}: not a JSON object with "file_name"') from None
        if not path.is_relative_to(base.resolve()):
            raise ValueError(f"{listed}, line {i}: {entry['file_name']!r} is outside of the folder")
        found.append(entry | {"path": path})
    return found


def _open(path: Path, side: int) -> Image.Image:
    try:
        with Image.open(path) as picture:
            return square(picture, side)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: not a picture that can be read ({error})") from None


def square(picture: Image.Image, side: int) -> Image.Image:
    """A picture as it is shown, turned upright and on white, its middle square brought to side x side; grey or RGB."""
    flat = ImageOps.exif_transpose(picture)
    if "A" in flat.getbands() or "transparency" in flat.info:  # on white, as a page shows it
        flat = Image.alpha_composite(Image.new("RGBA", flat.size, "white"), flat.convert("RGBA"))
    return ImageOps.fit(flat.convert("L" if flat.mode in ("1", "L") else "RGB"), (side, side), Image.Resampling.LANCZOS)
