"""Emoji: six open-licence sets, drawn by five teams, with captions made of their names, keywords and styles.

ROOT/emoji/STYLE.json        the SVG drawings of a set: the file icons.json of the npm package @iconify-json/STYLE
ROOT/emoji/data.json         names, groups and tags of all emoji: en/data.json of the npm package emojibase-data
ROOT/emoji/annotations.json  keywords: annotations/en/annotations.json of the npm package cldr-annotations-full
ROOT/emoji/drawn/            made here, once: all pictures as bytes, 64 and 256 pixels wide, on white

Half of the concepts keep the drawing of one team out of the training (split "test": known things in a style in which they
were never seen), and one concept in 25 is kept out whole (split "unseen").
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import torch

from ..text.caption import styled
from ..text.words import meaning
from . import Data, stream
from .drawings import SIDES, STYLES, Concept, drawn, kept_out, read_concepts
from .hues import recoloured

SOURCE = (
    "emoji by Google (Noto), Twitter and contributors (Twemoji), OpenMoji, Microsoft (Fluent, 3D and flat) and EmojiOne, as "
    "packed by Iconify; names and keywords by Unicode CLDR and emojibase"
)
LICENSE = "Apache-2.0 (Noto), CC BY 4.0 (Twemoji, EmojiOne), CC BY-SA 4.0 (OpenMoji), MIT (Fluent)"

NEAR = 0.6  # cosine of a word's and a name's vectors from which the word may mean the thing


def emoji(root: Path, split: str, side: int = 64) -> Data:
    """6,034 pictures of 1,060 things, colour: no people, flags, letters, arrows, clock faces or signs."""
    return read(root, split, side, people=False)


def emoji_people(root: Path, split: str, side: int = 64) -> Data:
    """The same and people: 7,857 pictures of 1,430 things."""
    return read(root, split, side, people=True)


def emoji_hues(root: Path, split: str, side: int = 64) -> Data:
    """`emoji`, but pictures of one colour are also shown in other colours, and their captions say so."""
    data = read(root, split, side, people=False)
    if split != "train":
        return data
    known = {c.code: c.name for c in read_concepts(root)}
    rows = [r for r in drawn(root) if r["split"] == split and not r["person"]]
    named = replace(data, name=data.name.replace("emoji", "emoji_hues"))
    return recoloured(named, [known[r["code"]] for r in rows], [STYLES[r["style"]] for r in rows])


def read(root: Path, split: str, side: int, people: bool) -> Data:
    """One split of the pictures, mapped from disk; they are drawn if they are not there yet. ValueError if they cannot be."""
    if side not in SIDES:
        raise ValueError(f"emoji@{side}: they are drawn {' or '.join(map(str, SIDES))} pixels wide, as in emoji@256")
    rows = drawn(root)
    where = root / "emoji" / "drawn" / f"{side}.bytes"
    size = 3 * side * side
    if where.stat().st_size != len(rows) * size:
        raise ValueError(f"{where}: cut short; delete the folder {where.parent} and it is drawn again")
    every = torch.from_file(str(where), shared=False, size=len(rows) * size, dtype=torch.uint8).view(-1, 3, side, side)
    kept = [i for i, r in enumerate(rows) if r["split"] == split and (people or not r["person"])]
    if not kept:
        raise ValueError(f"{where.parent}: no {split} pictures in it")
    image = every[kept[0] : kept[-1] + 1]  # they lie together (see `drawings.place`), so nothing is copied
    assert len(image) == len(kept)
    seen = {r["name"] for r in rows if (r["split"] == "unseen") == (split == "unseen") and (people or not r["person"])}
    classes = tuple(sorted(seen))
    number = {name: k for k, name in enumerate(classes)}
    label = torch.tensor([number[rows[i]["name"]] for i in kept])
    concepts = read_concepts(root)
    known, words = {c.code: c for c in concepts}, calls(concepts)
    captions = tuple(captions_of(known[r["code"]], r["style"], words[r["code"]]) for r in map(rows.__getitem__, kept))
    name = ("emoji_people" if people else "emoji") + (f"@{side}" if side != 64 else "")
    return Data(name, "Emoji", SOURCE, LICENSE, image, label, classes, captions, tuple(STYLES.values()))


# ---- Captions ---------------------------------------------------------------------------------------------------------


def calls(concepts: list[Concept]) -> dict[str, list[str]]:
    """The words that, said alone, mean a thing, by its code: each word of a name or a keyword means one thing at most.

    It means the thing called just so ("dog": the dog, not the hot dog), else the one whose name and keywords lie nearest to it
    as vectors, if the name is near at all ("car": the automobile, not the police car's light; see `text.words`). A thing comes
    before a person; things that are kept out of the training mean only what they are called.
    """
    names = torch.stack([meaning(c.name) for c in concepts])
    keys = torch.stack([meaning(" ".join(c.keywords)) for c in concepts])
    said: dict[str, list[int]] = {}
    for i, c in enumerate(concepts):
        for word in dict.fromkeys((*c.name.split(), *c.keywords)):
            if word.isalpha() and not kept_out(c):
                said.setdefault(word, []).append(i)
    words: dict[str, list[str]] = {c.code: [] for c in concepts}
    for word, those in said.items():
        name, key = names[those] @ meaning(word), keys[those] @ meaning(word)
        just = [concepts[i].name == word for i in those]
        rank = zip(just, (not concepts[i].person for i in those), (name + key).tolist(), strict=True)
        fit = [(r, i) for r, i, n in zip(rank, those, name.tolist(), strict=True) if n >= NEAR]
        if fit:
            words[concepts[max(fit)[1]].code].append(word)
    return words


def captions_of(concept: Concept, style: str, words: list[str]) -> tuple[str, ...]:
    """What may be said of a picture: 14 captions, the same ones on every machine; the last four are one of the words that mean
    it (see `calls`), as a visitor types it, or its name where there is none."""
    name, word = concept.name, STYLES[style]
    dice = random.Random(stream("emoji captions", concept.code, style))
    others = [k for k in concept.keywords if k != name] or [name]

    def some(n: int) -> str:
        return ", ".join(dice.sample(others, min(n, len(others))))

    told = (
        *(styled(article(name), word), name, article(name), f"{word} {name}"),
        *(f"{article(word)} drawing of {article(name)}", f"{name}, {some(1)}, {word} style"),
        *(f"{some(2)}: {name}, {word} style", f"{some(2)}: {name}", f"{some(3)}, {word} style", some(2)),
    )
    one = dice.choice(words or [name])
    return *told, one, article(one), f"{one}, {word} style", f"{word} {one}"


def article(name: str) -> str:
    """a or an before what is not plural.

    >>> article("apple"), article("grapes")
    ('an apple', 'grapes')
    """
    if name.endswith("s") and not name.endswith("ss"):
        return name
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
