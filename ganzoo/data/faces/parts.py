"""The parts of a face, the people that have them, and who is trained on.

A person is a value for each of the PARTS, and a function of its number alone. Some parts of some people cannot be seen: the
colour of hair under a hat, the mouth in a beard.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from ..dataset import Attribute, stream

Person = dict[str, str]  # part -> value, as in PARTS

# part -> value -> what the drawing calls it: a variant of a component, or a colour. The colours are chosen so that no two of
# them, of hair and of skin, are alike.
PARTS: dict[str, dict[str, str]] = {
    "skin": {"light": "#f2c0ab", "tan": "#d9986f", "brown": "#a5694f", "dark": "#6b4236"},
    "hair": {
        "bald": "bald",
        "balding": "balding",
        "short": "fade",
        "side parting": "shortCombover",
        "high top": "curlyHighTop",
        "afro": "curly",
        "mohawk": "mohawk",
        "topknot": "bunUndercut",
        "bun": "straightBun",
        "bob": "bobCut",
        "side shave": "sideShave",
        "long": "extraLong",
        "pigtails": "pigtails",
        "beanie": "beanie",
        "cap": "cap",
    },
    "hair_colour": {
        "black": "#2b2533",
        "brown": "#7d4a2b",
        "blond": "#f2c14e",
        "red": "#d9512c",
        "grey": "#a9aec4",
        "pink": "#ef86b5",
        "blue": "#456dff",
        "green": "#4fae5a",
        "purple": "#7555ca",
    },
    "facial_hair": {"none": "", "beard": "beardMustache", "goatee": "goatee", "moustache": "pyramid"},
    "eyes": {
        "open": "open",
        "laughing": "happy",
        "closed": "sleep",
        "winking": "wink",
        "glasses": "glasses",
        "sunglasses": "sunglasses",
    },
    "mouth": {
        "smile": "smile",
        "grin": "bigSmile",
        "frown": "frown",
        "surprise": "surprise",
        "red lips": "lips",
        "pacifier": "pacifier",
    },
    "clothes": {"plain": "rounded", "checked": "checkered"},
    "clothes_colour": {
        "blue": "#456dff",
        "green": "#6dbb58",
        "pink": "#f55d81",
        "purple": "#7555ca",
        "red": "#e24553",
        "turquoise": "#54d7c7",
        "yellow": "#f3b63a",
    },
}
ATTRIBUTES = tuple(Attribute(part.replace("_", " "), tuple(values)) for part, values in PARTS.items())
HATS = ("beanie", "cap")
SHAVEN = 0.55  # share of the people without facial hair
HELD_OUT = (("hair", "hair_colour"), ("eyes", "mouth"), ("facial_hair", "hair_colour"))  # pairs: some of each are `unseen`
ONE_IN_PAIRS, ONE_IN_PEOPLE = 12, 10  # pairs of values that are kept out, and people who are for measuring


def person(number: int) -> Person:
    """A person by number, from 0: the same on every machine."""
    dice = random.Random(stream("face", number))
    found = {part: dice.choice(list(values)) for part, values in PARTS.items()}
    if dice.random() < SHAVEN:
        found["facial_hair"] = "none"
    return found


def visible(who: Person) -> list[str]:
    """The parts of a person that can be seen."""
    hairless = who["hair"] in ("bald", *HATS) and who["facial_hair"] == "none"
    hidden = {"hair_colour"} if hairless else set()
    return [part for part in PARTS if part not in hidden | ({"mouth"} if who["facial_hair"] == "beard" else set())]


def indices(who: Person) -> list[int]:
    """The person's values as places in ATTRIBUTES; -1 for what cannot be seen."""
    seen = visible(who)
    return [list(values).index(who[part]) if part in seen else -1 for part, values in PARTS.items()]


def held_out(who: Person) -> bool:
    """Whether a pair of the person's values is one that no training picture has."""
    seen = visible(who)
    pairs = [(a, who[a], b, who[b]) for a, b in HELD_OUT if a in seen and b in seen and "none" not in (who[a], who[b])]
    return any(stream("face pair", *pair) % ONE_IN_PAIRS == 0 for pair in pairs)


def split_of(who: Person) -> str:
    """train; test: people whose parts are together in no training picture; unseen: with two parts that are."""
    return "unseen" if held_out(who) else kept_for(who)


def kept_for(who: Person) -> str:
    """train or test, whatever the pairs: people whose parts are together in no training picture."""
    return "test" if stream("face split", *indices(who)) % ONE_IN_PEOPLE == 0 else "train"


def people(split: str, n: int, every: bool = False) -> list[Person]:
    """The first n people of a split, in the order of their numbers; of fewer, the first are the same. every: of splits that
    keep no pair out, as a judge learns from them."""
    found: list[Person] = []
    for who in _everybody():
        if (kept_for(who) if every else split_of(who)) == split:
            found.append(who)
            if len(found) >= n:
                break
    return found


def _everybody() -> Iterator[Person]:
    number = 0
    while True:
        yield person(number)
        number += 1


def with_parts(who: Person, fixed: dict[str, str]) -> Person:
    """A person with these parts instead of theirs. ValueError for a part or a value that there is not."""
    for part, value in fixed.items():
        if part not in PARTS:
            raise ValueError(f"{part}: no part of a face; there are {', '.join(PARTS)}")
        if value not in PARTS[part]:
            raise ValueError(f"{part}: {value!r} is not one of {', '.join(PARTS[part])}")
    return who | fixed
