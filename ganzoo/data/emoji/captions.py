"""Captions of an emoji, made of its names, keywords and styles."""

from __future__ import annotations

import random

import torch

from ...text.caption import styled
from ...text.words import mean_vector
from ..dataset import stream
from .drawings import STYLES, Concept, held_out

NEAR = 0.6  # cosine of a word's and a name's vectors from which the word alone may stand for the thing


def single_words(concepts: list[Concept]) -> dict[str, list[str]]:
    """The words that are a caption of a thing by themselves, by its code: a word of a name or a keyword belongs to one thing.

    It is the thing of just that name ("dog": the dog, not the hot dog), else the one whose name and keywords are nearest to it
    as vectors, if the name is near at all ("car": the automobile, not the police car's light; see `text.words`). A thing goes
    before a person; things that are held out of the training have only their name.
    """
    names = torch.stack([mean_vector(c.name) for c in concepts])
    keys = torch.stack([mean_vector(" ".join(c.keywords)) for c in concepts])
    candidates: dict[str, list[int]] = {}  # word -> indices of the concepts that have it
    for i, c in enumerate(concepts):
        for word in dict.fromkeys((*c.name.split(), *c.keywords)):
            if word.isalpha() and not held_out(c):
                candidates.setdefault(word, []).append(i)
    words: dict[str, list[str]] = {c.code: [] for c in concepts}
    for word, index in candidates.items():
        name, key = names[index] @ mean_vector(word), keys[index] @ mean_vector(word)
        exact = [concepts[i].name == word for i in index]
        rank = zip(exact, (not concepts[i].person for i in index), (name + key).tolist(), strict=True)
        near = [(r, i) for r, i, similarity in zip(rank, index, name.tolist(), strict=True) if similarity >= NEAR]
        if near:
            words[concepts[max(near)[1]].code].append(word)
    return words


def captions_of(concept: Concept, style: str, words: list[str]) -> tuple[str, ...]:
    """14 captions of a picture, the same ones on every machine; the last four are of one of the concept's `single_words`, as a
    visitor types it, or of its name where there is none."""
    name, style_word = concept.name, STYLES[style]
    dice = random.Random(stream("emoji captions", concept.code, style))
    keywords = [k for k in concept.keywords if k != name] or [name]

    def some(n: int) -> str:
        return ", ".join(dice.sample(keywords, min(n, len(keywords))))

    captions = (
        *(styled(article(name), style_word), name, article(name), f"{style_word} {name}"),
        *(f"{article(style_word)} drawing of {article(name)}", f"{name}, {some(1)}, {style_word} style"),
        *(f"{some(2)}: {name}, {style_word} style", f"{some(2)}: {name}", f"{some(3)}, {style_word} style", some(2)),
    )
    word = dice.choice(words or [name])
    return *captions, word, article(word), f"{word}, {style_word} style", f"{style_word} {word}"


def article(name: str) -> str:
    """a or an before what is not plural.

    >>> article("apple"), article("grapes")
    ('an apple', 'grapes')
    """
    if name.endswith("s") and not name.endswith("ss"):
        return name
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
