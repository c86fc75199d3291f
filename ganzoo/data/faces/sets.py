"""The data sets `faces` and `faces:STYLE`: drawn once, kept below the root."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy
from PIL import Image

from .. import store
from ..dataset import Attribute, Data, stream
from .drawing import SIDES, definition, dicebear, rasterise, render
from .parts import ATTRIBUTES, PARTS, Person, indices, people
from .sentences import sentences

VERSION = 1  # of the pictures and sentences on disk
COUNTS = {64: 40_000, 128: 20_000, 256: 10_000, SIDES[1]: 4_000}  # to train on, up to that side
FEW = 500  # to train on, where they are to be few
MEASURED = 4_000  # test and unseen, each; of larger sides as many as there are to train on at most
CHANGED = ", recoloured by ganzoo, without its light"
LABEL = "hair"  # the part that `label` is
AT_ONCE = 256  # pictures that are drawn before they are written
MOST_TRIED = 100  # pictures that are looked at for one that is kept
ONE_IN_PAIRS, ONE_IN_PEOPLE = 12, 10  # of the other styles: see `parts`


def faces(root: Path, split: str, side: int = 64, style: str = "") -> Data:
    """Faces in colour, on white, with sentences and eight attributes; `label` is the hair. 40,000 to train on up to 64 pixels,
    20,000 up to 128, 10,000 up to 256: the first of the same people.

    style: another of DiceBear's, with its own parts as attributes, and without sentences. ValueError for a side or a style that
    there is not, and where DiceBear or resvg is not installed.
    """
    n = _count(split, _checked(side))
    return _others(root, split, side, style, n) if style else _personas(root, split, side, n)


def faces_every(root: Path, split: str, side: int = 64) -> Data:
    """The same, but no pair of parts is kept out of the training: for judges, which must know what they are shown. It has no
    split `unseen`."""
    if split == "unseen":
        raise ValueError("faces_every has no split 'unseen'; it has train and test")
    return _personas(root, split, _checked(side), _count(split, side), name="faces_every")


def faces_few(root: Path, split: str, side: int = 64) -> Data:
    """The same, but only the first 500 to train on: as few as somebody's own pictures are. `test` is that of `faces`."""
    n = FEW if split == "train" else _count(split, _checked(side))
    return replace(_personas(root, split, _checked(side), n, "faces_few"), title=f"{FEW} faces", judged_as="faces")


def _checked(side: int) -> int:
    if not SIDES[0] <= side <= SIDES[1]:
        raise ValueError(f"faces@{side}: the side is from {SIDES[0]} to {SIDES[1]} pixels, as in faces@128")
    return side


def _count(split: str, side: int) -> int:
    n = next(count for most, count in COUNTS.items() if side <= most)
    return n if split == "train" else min(n, MEASURED)


def _personas(root: Path, split: str, side: int, n: int, name: str = "faces") -> Data:
    meta, every = definition("personas")["meta"], name == "faces_every"
    name += f"@{side}" if side != 64 else ""
    hair = list(PARTS[LABEL])

    def make() -> tuple[store.Pictures, dict[str, Any]]:
        everybody = people(split, n, every)
        known = {"attributes": list(map(str, ATTRIBUTES)), "attribute": [indices(who) for who in everybody]}
        return pictures(everybody), _facts("Faces", meta, CHANGED) | {"classes": hair} | known

    def pictures(everybody: list[Person]) -> store.Pictures:
        for start in range(0, n, AT_ONCE):
            some = everybody[start : start + AT_ONCE]
            for who, picture in zip(some, render(some, side), strict=True):
                yield Image.fromarray(picture.permute(1, 2, 0).numpy()), hair.index(who[LABEL]), sentences(who)

    folder = store.cache_folder(root / "faces", f"{name} {split}", (VERSION, "personas", side, split, n))
    return replace(store.keep(folder, f"{name}, {split}", make), name=name)


def _facts(title: str, meta: dict[str, Any], changed: str = "") -> dict[str, Any]:
    """What a card says of a style: its licence, its author and where it is from."""
    work, author, licence = meta["source"], meta["creator"], meta["license"]
    source = f"{work['name']} by {author['name']} ({work['url']}), drawn by DiceBear (dicebear.com){changed}"
    return {"title": title, "source": source, "license": f"{licence['name']} ({licence['url']})"}


# ---- Other styles ---------------------------------------------------------------------------------------------------


def _others(root: Path, split: str, side: int, style: str, n: int) -> Data:
    about = definition(style)
    drawn = dicebear().Style(about)
    attributes = _attributes(about)
    if not attributes:
        raise ValueError(f"faces:{style}: its drawings have no parts to tell apart; take another style of DiceBear")
    name = f"faces:{style}" + (f"@{side}" if side != 64 else "")

    def make() -> tuple[store.Pictures, dict[str, Any]]:
        rows: dict[int, list[int]] = {}  # by the number that the picture is drawn from
        for number in range(MOST_TRIED * n):
            row = _read(drawn, attributes, number)
            if _split(row) == split:
                rows[number] = row
                if len(rows) == n:
                    break
        else:
            raise ValueError(f"faces:{style}: only {len(rows)} {split} pictures; take another style of DiceBear")
        known = {"attributes": list(map(str, attributes)), "attribute": list(rows.values())}
        return pictures(rows), _facts(words(style).capitalize(), about["meta"]) | {"classes": attributes[0].values} | known

    def pictures(rows: dict[int, list[int]]) -> store.Pictures:
        with ThreadPoolExecutor(2) as pool:
            for start in range(0, n, AT_ONCE):
                some = list(rows)[start : start + AT_ONCE]
                for number, picture in zip(some, pool.map(partial(_draw, drawn, side), some), strict=True):
                    yield picture, rows[number][0], ()

    folder = store.cache_folder(root / "faces", f"{name} {split}", (VERSION, style, json.dumps(about), side, split, n))
    return replace(store.keep(folder, f"{name}, {split}", make), name=name)


def _attributes(about: dict[str, Any]) -> tuple[Attribute, ...]:
    """The components of a style that come in several variants, the most varied first."""
    found = []
    for component, c in about.get("components", {}).items():
        values = [*(["none"] if c.get("probability", 100) < 100 else []), *c.get("variants", ())]
        if len(values) > 1:
            found.append((component, tuple(values)))
    return tuple(Attribute(component, values) for component, values in sorted(found, key=lambda x: -len(x[1])))


def _options(number: int) -> dict[str, Any]:
    return {"seed": str(number), "backgroundColor": ["#ffffff"]}


def _read(style: Any, attributes: tuple[Attribute, ...], number: int) -> list[int]:
    options = dicebear().Avatar(style, _options(number)).to_json()["options"]
    values = [options.get(f"{a.name}Variant", "none") for a in attributes]
    return [a.values.index(v) if v in a.values else -1 for a, v in zip(attributes, values, strict=True)]


def _draw(style: Any, side: int, number: int) -> Image.Image:
    pixels = rasterise(dicebear().Avatar(style, _options(number)).to_string(), side)
    return Image.fromarray(pixels.astype(numpy.uint8))


def _split(row: list[int]) -> str:
    if stream("face pair", *row[:2]) % ONE_IN_PAIRS == 0:
        return "unseen"
    return "test" if stream("face split", *row) % ONE_IN_PEOPLE == 0 else "train"


def words(name: str) -> str:
    """A name of DiceBear in words.

    >>> words("toon-head"), words("sideComed")
    ('toon head', 'side comed')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("-", " ").lower()
