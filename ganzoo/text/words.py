"""Words as vectors that know what they mean: puppy is near dog, crimson near red (made by `distil.py`, see there).

A caption is cut into words; a word that is not in the vocabulary is spelled by pieces, and reported as unknown.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ..files import read_tensors, sha256

FILE = Path(__file__).with_name("words.safetensors")
SHA256 = "00aac4bc05f79cc14d40f8854333f4c125340bf0e467ec07ed8a802a83d90bf8"
MARK = "##"  # before a piece that goes on with a word
MOST_PIECES = 8  # of one word: what is longer is no word


def plain(text: str) -> list[str]:
    """The words of a text, in lower case, without accents; emoji are called by their Unicode names.

    >>> plain("A cosy CAFÉ, 3D style 🐶")
    ['a', 'cosy', 'cafe', '3d', 'style', 'dog', 'face']
    """
    named = "".join(f" {unicodedata.name(c, '')} " if unicodedata.category(c) == "So" else c for c in text)
    bare = "".join(c for c in unicodedata.normalize("NFKD", named.casefold()) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", bare)


class Vocabulary:
    """The words and pieces that have a vector: vectors (V + 1, D) float32, of which row 0 is nothing's."""

    def __init__(self, path: Path = FILE) -> None:
        if path == FILE and SHA256 and sha256(path) != SHA256:
            raise ValueError(f"{path}: altered or cut short; fetch it again")
        tensors, _ = read_tensors(path)
        vectors = tensors["vectors"].float() / tensors["scale"][:, None].float()
        self.vectors: Tensor = torch.cat([vectors.new_zeros(1, vectors.shape[1]), vectors])
        words = bytes(tensors["words"].tolist()).decode().split("\n")
        self.index = {w: i for i, w in enumerate(words, 1)}

    def word(self, word: str) -> tuple[list[int], bool]:
        """A plain word -> its rows, and whether it is known: a whole word of the vocabulary, or the plural of one."""
        for stem in (word, *(word.removesuffix(e) + y for e, y in (("ies", "y"), ("es", ""), ("s", "")) if word.endswith(e))):
            if stem in self.index:
                return [self.index[stem]], True
        return self.spell(word), False

    def spell(self, word: str) -> list[int]:
        """The longest pieces that a word begins and goes on with, as in WordPiece; none if it cannot be spelled."""
        rows: list[int] = []
        at = 0
        while at < len(word) and len(rows) < MOST_PIECES:
            mark = MARK if at else ""
            end = next((e for e in range(min(len(word), at + 20), at, -1) if mark + word[at:e] in self.index), 0)
            if not end:
                return []
            rows.append(self.index[mark + word[at:end]])
            at = end
        return rows if at == len(word) else []

    def split(self, text: str) -> list[tuple[str, bool]]:
        """The words of a caption, each with whether it is known.

        >>> vocabulary().split("a crimson florble")
        [('a', True), ('crimson', True), ('florble', False)]
        """
        return [(word, self.word(word)[1]) for word in plain(text)]


@cache
def vocabulary() -> Vocabulary:
    """The bundled vocabulary, read once. ValueError if its file was altered."""
    return Vocabulary()


@lru_cache(maxsize=65_536)
def rows(text: str) -> tuple[int, ...]:
    """A caption -> the rows of its words and pieces in the bundled vocabulary, in their order."""
    return tuple(row for word in plain(text) for row in vocabulary().word(word)[0])


def meaning(text: str) -> Tensor:
    """A text -> the mean of its words' vectors (D,), of length 1; zeros where none can be spelled."""
    mean = vocabulary().vectors[list(rows(text)) or [0]].mean(0)
    return torch.nn.functional.normalize(mean, dim=0)
