"""What a link may say, by key: a `Field` has a control's default and reads its value from a query, which comes from anybody."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..inputs import SEEDS, Choice, Code, Text

ANY = "any"  # of a choice: left to the seed
MIXED = "mixed"  # of a style: each picture has one that its seed decides, where a caption leaves it open
STEP = 0.05  # of a code's slider
SEED = "seed"
AT, SHOT = "at", "shot"  # of the pictures of a walk and of a training, which one is shown; left out: where they start
LETTERS = 12  # pictures in a word
SEPARATOR = "~"  # of the parts of an outfit, of the strokes of a drawing
INK = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # where a point of a drawing is, across or down
LONGEST = 300  # characters of a value
SKETCH = 1500  # of one that is a drawing for a model to go by


@dataclass(frozen=True)
class Field:
    """What a control may say. read(text) gives its value; ValueError with what is allowed."""

    default: Any
    read: Callable[[str], Any]
    blank: bool = False  # whether an empty value is one
    longest: int = LONGEST  # characters


def to_text(value: Any) -> str:
    """A control's value, as a link has it."""
    if isinstance(value, float):
        return f"{round(value, 4):g}"
    return SEPARATOR.join(value) if isinstance(value, list) else str(value)


def whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,10}", text) or not low <= int(text) <= high:
            raise ValueError(f"not a whole number from {low} to {high}")
        return int(text)

    return read


def seed_field(default: int = 0) -> Field:
    return Field(default, whole(0, SEEDS - 1))


def slider_step(code: Code) -> Callable[[str], float]:
    def read(text: str) -> float:
        number = float(text) if re.fullmatch(r"-?[0-9]{1,6}(\.[0-9]{1,4})?", text) else float("nan")
        if not code.low <= number <= code.high or abs((number - code.low) / STEP % 1 - 0.5) < 0.499:
            raise ValueError(f"not a number from {code.low:g} to {code.high:g} in steps of {STEP:g}")
        return number

    return read


def one_of(options: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in options:
            raise ValueError(f"not one of {', '.join(options)}")
        return text

    return read


def caption_line(x: Text, blank: bool = False) -> Callable[[str], str]:
    def read(text: str) -> str:
        return "" if blank and not text.strip() else x.line(text)

    return read


def letters(choice: Choice) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not 1 <= len(text) <= LETTERS or set(text) - set(choice.options):
            raise ValueError(f"not 1 to {LETTERS} of {', '.join(choice.options)}")
        return text

    return read


def several(choice: Choice) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        parts = text.split(SEPARATOR)
        if not 1 <= len(parts) <= LETTERS or set(parts) - set(choice.options):
            raise ValueError(f"not 1 to {LETTERS} of {', '.join(choice.options)}, with {SEPARATOR} between")
        return parts

    return read


def ink(text: str) -> str:
    strokes(text)
    return text


def sketch(text: str) -> str:
    strokes(text, SKETCH)
    return text


def strokes(text: object, longest: int = LONGEST) -> list[list[tuple[int, int]]]:
    """A drawing in letters -> its strokes' points, (x, y) from 0 to 63. ValueError if it is none."""
    one = f"(?:[{re.escape(INK)}]{{2}})+"
    if not isinstance(text, str) or len(text) > longest or not re.fullmatch(f"{one}(?:{SEPARATOR}{one})*", text):
        raise ValueError(f"not a drawing: two of A-Z, a-z, 0-9, - and _ a point, {SEPARATOR} between strokes, {longest} in all")
    return [[(INK.index(x), INK.index(y)) for x, y in zip(s[::2], s[1::2], strict=True)] for s in text.split(SEPARATOR)]
