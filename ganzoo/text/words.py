"""Word vectors: puppy is near dog, crimson near red (made by `data/emoji/distil.py`, see there).

A caption is split into words; a word that is not in the vocabulary is split into word pieces, and reported as unknown.
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
MARK = "##"  # before a piece that continues a word
MOST_PIECES = 8  # of one word; a longer one is taken for no word


def tokenize(text: str) -> list[str]:
    """The words of a text, in lower case, without accents; emoji become their Unicode names.

    >>> tokenize("A cosy CAFÉ, 3D style 🐶")
    ['a', 'cosy', 'cafe', '3d', 'style', 'dog', 'face']
    """
    named = "".join(f" {unicodedata.name(c, '')} " if unicodedata.category(c) == "So" else c for c in text)
    bare = "".join(c for c in unicodedata.normalize("NFKD", named.casefold()) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", bare)


class Vocabulary:
    """The words and pieces that have a vector: vectors (V + 1, D) float32, of which row 0, all zeros, is padding."""

    def __init__(self, path: Path = FILE) -> None:
        if path == FILE and SHA256 and sha256(path) != SHA256:
            raise ValueError(f"{path}: altered or cut short; fetch it again")
        tensors, _ = read_tensors(path)
        vectors = tensors["vectors"].float() / tensors["scale"][:, None].float()
        self.vectors: Tensor = torch.cat([vectors.new_zeros(1, vectors.shape[1]), vectors])
        words = bytes(tensors["words"].tolist()).decode().split("\n")
        self.index = {w: i for i, w in enumerate(words, 1)}

    def lookup(self, word: str) -> tuple[list[int], bool]:
        """A word of `tokenize` -> its rows, and whether it is known: a whole word of the vocabulary, or the plural of one."""
        for stem in (word, *(word.removesuffix(e) + y for e, y in (("ies", "y"), ("es", ""), ("s", "")) if word.endswith(e))):
            if stem in self.index:
                return [self.index[stem]], True
        return self.word_pieces(word), False

    def word_pieces(self, word: str) -> list[int]:
        """The rows of the longest pieces that a word begins and continues with, as in WordPiece; none if it cannot be split."""
        rows: list[int] = []
        start = 0
        while start < len(word) and len(rows) < MOST_PIECES:
            mark = MARK if start else ""
            end = next((e for e in range(min(len(word), start + 20), start, -1) if mark + word[start:e] in self.index), 0)
            if not end:
                return []
            rows.append(self.index[mark + word[start:end]])
            start = end
        return rows if start == len(word) else []

    def split(self, text: str) -> list[tuple[str, bool]]:
        """The words of a caption, each with whether it is known.

        >>> vocabulary().split("a crimson florble")
        [('a', True), ('crimson', True), ('florble', False)]
        """
        return [(word, self.lookup(word)[1]) for word in tokenize(text)]


@cache
def vocabulary() -> Vocabulary:
    """The bundled vocabulary, read once. ValueError if its file was altered."""
    return Vocabulary()


@lru_cache(maxsize=65_536)
def token_ids(text: str) -> tuple[int, ...]:
    """A caption -> the rows of its words and pieces in the bundled vocabulary, in their order."""
    return tuple(row for word in tokenize(text) for row in vocabulary().lookup(word)[0])


def mean_vector(text: str) -> Tensor:
    """A text -> the mean of its words' vectors (D,), of length 1; zeros where none has one."""
    mean = vocabulary().vectors[list(token_ids(text)) or [0]].mean(0)
    return torch.nn.functional.normalize(mean, dim=0)
