"""What the captions of a data set say of a picture: read from any caption, and written as the data write it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..text.words import tokenize
from .dataset import Attribute

Values = dict[str, str]  # the name of an attribute -> its value, of those that a caption names
Words = tuple[str, ...]  # of a phrase, as `tokenize` has them


@dataclass(frozen=True)
class Wording:
    """The words of captions that are made from known attributes.

    phrases: what each says, ("red", "beard") -> {"facial hair": "beard", "hair colour": "red"} · fillers: the captions' other
    words · write(values, last, before): a true caption that names these values, empty for none; where two of them cannot be
    seen together, it names the attribute `last`. `before` is the caption that it replaces.
    """

    attributes: tuple[Attribute, ...]
    phrases: Mapping[Words, Values]
    fillers: frozenset[str]
    write: Callable[[Values, str, str], str]

    @cached_property
    def words(self) -> frozenset[str]:
        """All words of the captions."""
        return self.fillers.union(*self.phrases)

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.phrases))

    def knows(self, word: str) -> bool:
        """Whether the captions have a word; of several in one, such as light-skinned, all."""
        return self.words.issuperset(tokenize(word))

    def read(self, caption: str) -> Values:
        """What a caption says, as far as it can be told: by the longest phrases, from the left, and the last of two that
        contradict each other."""
        words, found, at = tuple(tokenize(caption)), Values(), 0
        while at < len(words):
            lengths = range(min(self._longest, len(words) - at), 0, -1)
            n = next((n for n in lengths if words[at : at + n] in self.phrases), 0)
            found |= self.phrases[words[at : at + n]] if n else {}
            at += n or 1
        return {a.name: found[a.name] for a in self.attributes if a.name in found}

    def caption(self, values: object, last: object = "", before: str = "") -> str:
        """`write`, for what may come from anybody. ValueError for an attribute or a value that there is not."""
        known = {a.name: a.values for a in self.attributes}
        if not isinstance(values, dict) or not set(values) <= set(known):
            raise ValueError(f"{str(values)[:40]!r}: no values of {', '.join(known)}")
        for name, value in values.items():
            if value not in known[name]:
                raise ValueError(f"{name}: {str(value)[:40]!r} is not one of {', '.join(known[name])}")
        return self.write({name: values[name] for name in known if name in values}, str(last), before)


def phrases_of(said: Mapping[str, Values]) -> dict[Words, Values]:
    """What phrases say, by their words."""
    return {tuple(tokenize(phrase)): values for phrase, values in said.items()}


def article(noun: str) -> str:
    """a or an before a noun.

    >>> article("orange cap"), article("bob"), article("unhappy face")
    ('an orange cap', 'a bob', 'an unhappy face')
    """
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"
