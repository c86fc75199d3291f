"""What a caption says of a face, and captions in the plainest form that the data set's own have."""

from __future__ import annotations

import random
from typing import Any

from ...text.words import tokenize
from ..wording import Values, Wording, phrases_of
from .parts import ATTRIBUTES, PARTS, visible
from .sentences import (
    ADJECTIVES,
    ANYBODY,
    CHECKED,
    COLOURS,
    GARMENTS,
    MANLY,
    MEN,
    NOUNS,
    SHADES,
    WOMANLY,
    WOMEN,
    sentence,
)

HIDDEN_BY = {"hair_colour": "hair", "mouth": "facial_hair"}  # a hat or a bald head, and a beard
UNNAMED = {part: next(iter(values)) for part, values in PARTS.items()} | {"hair": "afro"}  # of whom a sentence says nothing
FILLERS = ("a", "an", "and", "in", "wearing", "with", *MEN, *WOMEN, *ANYBODY)


class _Plain(random.Random):
    """Dice that always give the first of several, and their order as it is."""

    def random(self) -> float:
        return 0.5

    def choice(self, seq: Any) -> Any:
        return seq[0]

    def shuffle(self, x: Any) -> None:
        pass


def wording() -> Wording:
    said: dict[str, Values] = {}
    colours = {name: colour for colour in PARTS["hair_colour"] for name in COLOURS.get(colour, (colour,))}
    shades = {name: shade for shade in PARTS["clothes_colour"] for name in SHADES.get(shade, (shade,))}
    for (part, value), nouns in NOUNS.items():
        of = {_name(part): value}
        for noun in (*nouns, *ADJECTIVES.get((part, value), ())):
            bare = noun.removeprefix("a ")
            said[bare.format("")] = of
            if "{}" in bare:
                said |= {bare.format(f"{name} "): of | {"hair colour": colour} for name, colour in colours.items()}
    said |= {f"{name} hair": {"hair colour": colour} for name, colour in colours.items()}
    patterns = dict.fromkeys(CHECKED, "checked") | {"plain": "plain"}
    for garment in GARMENTS:
        said |= {f"{name} {garment}": {"clothes colour": shade} for name, shade in shades.items()}
        for pattern, clothes in patterns.items():
            said[f"{pattern} {garment}"] = {"clothes": clothes}
            both = {name: {"clothes": clothes, "clothes colour": shade} for name, shade in shades.items()}
            said |= {f"{pattern} {name} {garment}": values for name, values in both.items()}
    fillers = frozenset(word for filler in (*FILLERS, *GARMENTS) for word in tokenize(filler))
    return Wording(ATTRIBUTES, phrases_of(said), fillers, write)


def write(values: Values, last: str, before: str) -> str:
    """A sentence that names these values and no other, of a man or a woman where the one before it was, and may be still."""
    named = {part: values[_name(part)] for part in PARTS if _name(part) in values}
    seen = visible(UNNAMED | named)
    for part in [part for part in named if part not in seen]:
        del named[HIDDEN_BY[part] if _name(part) == last else part]
    called = next((word for word in tokenize(before) if word in (*MEN, *WOMEN, *ANYBODY)), ANYBODY[0])
    subject = called if _may_be_called(called, named) else ANYBODY[0]
    return sentence(UNNAMED | named, list(named), _Plain(), subject) if named else ""


def _may_be_called(subject: str, named: Values) -> bool:
    """Whether there is anybody with these parts who is called so."""
    hair, shaven = named.get("hair"), named.get("facial_hair", "none") == "none"
    may_have_lips = named.get("mouth", "red lips") == "red lips"
    if subject in MEN:
        return named.get("facial_hair") != "none" or (hair in (None, *MANLY) and named.get("mouth") != "red lips")
    return subject in ANYBODY or (shaven and (hair in (None, *WOMANLY) or may_have_lips))


def _name(part: str) -> str:
    """An attribute's name, of a part's."""
    return part.replace("_", " ")
