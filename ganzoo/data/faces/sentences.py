"""Sentences about a face: all true, in several forms, with synonyms; and which parts each of them names.

man and woman are a convention, since the drawings have no sex: a man has facial hair, or none and a hairdo of MANLY; a woman
has no facial hair and a hairdo of WOMANLY, or red lips. At least half of the sentences say person or face instead.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..dataset import stream
from ..wording import article
from .parts import HATS, Person, visible

MANLY = ("bald", "balding", "short", "side parting", "high top")
WOMANLY = ("bun", "bob", "long", "pigtails", "side shave")
MEN, WOMEN, ANYBODY = ("man", "guy"), ("woman", "lady"), ("person", "face", "person")
WRITTEN = 10  # sentences of a face in the data set

ADJECTIVES = {
    ("mouth", "smile"): ("smiling",),
    ("mouth", "grin"): ("grinning",),
    ("mouth", "frown"): ("frowning", "sad", "unhappy"),
    ("mouth", "surprise"): ("surprised", "astonished"),
    ("eyes", "laughing"): ("cheerful",),
    ("eyes", "closed"): ("sleeping", "sleepy"),
    ("eyes", "winking"): ("winking",),
    ("hair", "bald"): ("bald",),
    ("hair", "balding"): ("balding",),
    ("skin", "light"): ("light-skinned", "pale"),
    ("skin", "tan"): ("tanned",),
    ("skin", "brown"): ("brown-skinned",),
    ("skin", "dark"): ("dark-skinned",),
    ("facial_hair", "none"): ("clean-shaven", "beardless"),
    ("facial_hair", "beard"): ("bearded",),
}
NOUNS = {
    ("mouth", "smile"): ("a smile",),
    ("mouth", "grin"): ("a big grin", "a wide grin"),
    ("mouth", "frown"): ("a frown", "a sad mouth"),
    ("mouth", "surprise"): ("an open mouth", "a look of surprise"),
    ("mouth", "red lips"): ("red lips", "lipstick"),
    ("mouth", "pacifier"): ("a pacifier", "a soother"),
    ("eyes", "open"): ("open eyes",),
    ("eyes", "laughing"): ("laughing eyes", "happy eyes"),
    ("eyes", "closed"): ("closed eyes", "eyes shut"),
    ("eyes", "winking"): ("one eye shut", "a wink"),
    ("eyes", "glasses"): ("glasses", "spectacles"),
    ("eyes", "sunglasses"): ("sunglasses", "dark glasses", "shades"),
    ("skin", "light"): ("light skin", "pale skin"),
    ("skin", "tan"): ("tan skin", "tanned skin"),
    ("skin", "brown"): ("brown skin",),
    ("skin", "dark"): ("dark skin",),
    ("facial_hair", "none"): ("no beard",),
    ("facial_hair", "beard"): ("a {}beard", "a full {}beard"),
    ("facial_hair", "goatee"): ("a {}goatee", "a small {}beard on the chin"),
    ("facial_hair", "moustache"): ("a {}moustache", "a {}mustache"),
    ("hair", "bald"): ("a bald head", "no hair"),
    ("hair", "balding"): ("receding {}hair", "thinning {}hair"),
    ("hair", "short"): ("short {}hair",),
    ("hair", "side parting"): ("{}hair with a side parting", "{}hair parted at the side"),
    ("hair", "high top"): ("a {}high top", "{}hair in a high top"),
    ("hair", "afro"): ("a {}afro", "big curly {}hair"),
    ("hair", "mohawk"): ("a {}mohawk",),
    ("hair", "topknot"): ("a {}topknot", "{}hair in a topknot"),
    ("hair", "bun"): ("a {}bun", "{}hair in a bun"),
    ("hair", "bob"): ("a {}bob", "{}hair cut in a bob"),
    ("hair", "side shave"): ("a {}side shave", "{}hair shaved at one side"),
    ("hair", "long"): ("long {}hair",),
    ("hair", "pigtails"): ("{}pigtails", "{}hair in pigtails"),
    ("hair", "beanie"): ("a beanie", "a woolly hat"),
    ("hair", "cap"): ("a cap", "a baseball cap"),
}
COLOURS = {"red": ("red", "ginger"), "grey": ("grey", "gray"), "purple": ("purple", "violet"), "blond": ("blond", "blonde")}
SHADES = {"turquoise": ("turquoise", "teal"), "purple": ("purple", "violet")}  # of clothes
GARMENTS = ("shirt", "top", "T-shirt", "jumper")
CHECKED = ("checked", "checkered", "plaid")


@dataclass
class _Phrases:
    """What is said of a face, by where it may stand in a sentence."""

    adjectives: list[str] = field(default_factory=list)
    having: list[str] = field(default_factory=list)  # after "with"
    wearing: list[str] = field(default_factory=list)  # after "wearing"


def sentence(who: Person, parts: Sequence[str], dice: random.Random, subject: str = "") -> str:
    """One sentence that names these parts of a person, and no other. Parts that cannot be seen are not to be asked for; the
    colour of hair that can be seen in the beard alone needs the beard among them. subject: what the person is called, such as
    man; without, it is drawn."""
    found = _phrases(who, parts, dice)
    subject = subject or _subject(who, dice)
    for phrases in (found.adjectives, found.having, found.wearing):
        dice.shuffle(phrases)
    listed = dice.random() < 0.3 and bool(found.having or found.wearing)
    adjectives = found.adjectives if listed or len(found.adjectives) < 3 else found.adjectives[:2]
    extra = found.adjectives[len(adjectives) :]
    if listed and not found.adjectives:
        things = found.having + found.wearing
        dice.shuffle(things)
        return ", ".join(things)
    opening = " ".join([*adjectives, subject])
    if listed:
        return ", ".join([opening, *found.having, *found.wearing])
    text = article(opening)
    if found.having:
        text += f" with {_join(found.having)}"
    if found.wearing:
        text += f"{',' if found.having else ''} {dice.choice(('wearing', 'in'))} {_join(found.wearing)}"
    return text + (f", {', '.join(extra)}" if extra else "")


def _phrases(who: Person, parts: Sequence[str], dice: random.Random) -> _Phrases:
    found = _Phrases()
    colour = ""
    if "hair_colour" in parts:
        colour = dice.choice(COLOURS.get(who["hair_colour"], (who["hair_colour"],))) + " "
    on_hair = bool(colour) and who["hair"] not in ("bald", *HATS)
    if on_hair and "hair" not in parts:
        found.having.append(f"{colour}hair")
    for part in parts:
        value = who[part]
        if part in ("hair_colour", "clothes", "clothes_colour"):
            continue
        coloured = bool(colour) and (part == "hair" or (part == "facial_hair" and (not on_hair or dice.random() < 0.5)))
        nouns, adjectives = NOUNS[part, value], ADJECTIVES.get((part, value), ())
        needs_noun = coloured and value not in ("none", "bald", *HATS)
        if adjectives and not needs_noun and dice.random() < 0.6:
            found.adjectives.append(dice.choice(adjectives))
            continue
        noun = dice.choice(nouns).format(colour if coloured else "")
        noun = article(noun[2:]) if noun.startswith("a ") else noun
        worn = value in HATS or (part == "eyes" and value in ("glasses", "sunglasses"))
        (found.wearing if worn and dice.random() < 0.5 else found.having).append(noun)
    if "clothes" in parts or "clothes_colour" in parts:
        found.wearing.append(_garment(who, parts, dice))
    return found


def _garment(who: Person, parts: Sequence[str], dice: random.Random) -> str:
    words = []
    if "clothes" in parts:
        words.append(dice.choice(CHECKED) if who["clothes"] == "checked" else "plain")
    if "clothes_colour" in parts:
        words.append(dice.choice(SHADES.get(who["clothes_colour"], (who["clothes_colour"],))))
    return article(" ".join([*words, dice.choice(GARMENTS)]))


def _subject(who: Person, dice: random.Random) -> str:
    shaven, hair = who["facial_hair"] == "none", who["hair"]
    if dice.random() < 0.5:
        if not shaven or (hair in MANLY and who["mouth"] != "red lips"):
            return dice.choice(MEN)
        if hair in WOMANLY or who["mouth"] == "red lips":
            return dice.choice(WOMEN)
    return dice.choice(ANYBODY)


def _join(things: Sequence[str]) -> str:
    return ", ".join(things[:-1]) + (" and " if len(things) > 1 else "") + things[-1]


def choose(who: Person, n: int, dice: random.Random) -> list[str]:
    """About n parts of a person that may be named together, at random: one more where the colour of a beard needs the beard."""
    seen = visible(who)
    parts = dice.sample(seen, min(n, len(seen)))
    if "hair_colour" in parts and who["hair"] in ("bald", *HATS) and "facial_hair" not in parts:
        parts.append("facial_hair")
    return parts


def sentences(who: Person) -> tuple[str, ...]:
    """Sentences of a face, the same ones on every machine: the first says everything, the others one to five things."""
    dice = random.Random(stream("face sentences", *who.values()))
    return tuple(sentence(who, choose(who, n, dice), dice) for n in (99, 1, 2, 2, 2, 3, 3, 4, 5, 99)[:WRITTEN])
