"""Emoji: six open-licence sets, drawn by five teams, with captions made of their names, keywords and styles.

ROOT/emoji/STYLE.json        the SVG drawings of a set: the file icons.json of the npm package @iconify-json/STYLE
ROOT/emoji/data.json         names, groups and tags of all emoji: en/data.json of the npm package emojibase-data
ROOT/emoji/annotations.json  keywords: annotations/en/annotations.json of the npm package cldr-annotations-full
ROOT/emoji/drawn/            made here, once: all pictures as bytes, 64 and 256 pixels wide, on white

Half of the concepts keep the drawing of one team out of the training (split "test": known things in a style in which they
were never seen), and one concept in 25 is kept out whole (split "unseen").
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from ..dataset import Data
from .captions import captions_of, single_words
from .drawings import SIDES, STYLES, read_concepts, rendered_rows
from .hues import recoloured

SOURCE = (
    "emoji by Google (Noto), Twitter and contributors (Twemoji), OpenMoji, Microsoft (Fluent, 3D and flat) and EmojiOne, as "
    "packed by Iconify; names and keywords by Unicode CLDR and emojibase"
)
LICENSE = "Apache-2.0 (Noto), CC BY 4.0 (Twemoji, EmojiOne), CC BY-SA 4.0 (OpenMoji), MIT (Fluent)"


def emoji(root: Path, split: str, side: int = 64) -> Data:
    """6,034 pictures of 1,060 things, colour: no people, flags, letters, arrows, clock faces or signs."""
    return read_split(root, split, side, people=False)


def emoji_people(root: Path, split: str, side: int = 64) -> Data:
    """The same and people: 7,857 pictures of 1,430 things."""
    return read_split(root, split, side, people=True)


def emoji_hues(root: Path, split: str, side: int = 64) -> Data:
    """`emoji`, but pictures of one colour are also shown in other colours, with captions that name the colour."""
    data = read_split(root, split, side, people=False)
    if split != "train":
        return data
    known = {c.code: c.name for c in read_concepts(root)}
    rows = [r for r in rendered_rows(root) if r["split"] == split and not r["person"]]
    named = replace(data, name=data.name.replace("emoji", "emoji_hues"))
    return recoloured(named, [known[r["code"]] for r in rows], [STYLES[r["style"]] for r in rows])


def read_split(root: Path, split: str, side: int, people: bool) -> Data:
    """One split of the pictures, mapped from disk; they are rendered if they are missing. ValueError if they cannot be."""
    if side not in SIDES:
        raise ValueError(f"emoji@{side}: they are drawn {' or '.join(map(str, SIDES))} pixels wide, as in emoji@256")
    rows = rendered_rows(root)
    path = root / "emoji" / "drawn" / f"{side}.bytes"
    size = 3 * side * side
    if path.stat().st_size != len(rows) * size:
        raise ValueError(f"{path}: cut short; delete the folder {path.parent} and it is rendered again")
    pictures = torch.from_file(str(path), shared=False, size=len(rows) * size, dtype=torch.uint8).view(-1, 3, side, side)
    kept = [i for i, r in enumerate(rows) if r["split"] == split and (people or not r["person"])]
    if not kept:
        raise ValueError(f"{path.parent}: no {split} pictures in it")
    image = pictures[kept[0] : kept[-1] + 1]  # they lie together (see `drawings.assign_split`), so nothing is copied
    assert len(image) == len(kept)
    names = {r["name"] for r in rows if (r["split"] == "unseen") == (split == "unseen") and (people or not r["person"])}
    classes = tuple(sorted(names))
    number = {name: k for k, name in enumerate(classes)}
    label = torch.tensor([number[rows[i]["name"]] for i in kept])
    concepts = read_concepts(root)
    known, words = {c.code: c for c in concepts}, single_words(concepts)
    captions = tuple(captions_of(known[r["code"]], r["style"], words[r["code"]]) for r in map(rows.__getitem__, kept))
    name = ("emoji_people" if people else "emoji") + (f"@{side}" if side != 64 else "")
    return Data(name, "Emoji", SOURCE, LICENSE, image, label, classes, captions, tuple(STYLES.values()))
