"""The address of a picture: what a tab shows <-> the query of a link, read alike on any machine and after any restart.

    ?v=1&tab=cgan&m=cgan-fashion&w=1a2b3c4&seed=7&label=Coat

v is the version of this form, tab the model, m the checkpoint (left out: the tab's first), w the weights' revision; then
what the controls say, each left out at its default: see `fields`. A query comes from anybody: what is not known or not
allowed is passed over, and `decode` says what and why. Nothing here knows Gradio; links.SCRIPT writes the same form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from ..inputs import EPSILON, SEEDS, Choice, Code, Input, Noise, Text
from ..manifest import MOST_SHOTS
from .play import BLUR, FRAMES, MOST, STEPS, STRONGEST

VERSION = "1"
ANY = "any"  # of a choice: left to the seed
STEP = 0.05  # of a code's slider
SEED = "seed"
AT, SHOT = "at", "shot"  # of the pictures of a walk and of a training, which one is shown; not said: where they start
MANY, FEW = 16, 4  # pictures at first; few where each is asked for in words
LETTERS = 12  # pictures in a word
BETWEEN = "~"  # the parts of an outfit, the strokes of a drawing
INK = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # where a point of a drawing is, across or down
LONGEST = 300  # characters of a value
NOT_OURS = ("__theme", "__sign", "view", "deep_link", "ui")  # Gradio's own


@dataclass(frozen=True)
class Field:
    """What a control may say. read(text) gives its value; ValueError with what is allowed."""

    default: Any
    read: Callable[[str], Any]
    blank: bool = False  # whether nothing is something to say


@dataclass(frozen=True)
class State:
    """What a link says: a tab, a checkpoint of it ("" in a tab that has none), the weights it was made with ("" if it does
    not say), and the controls that are not at their defaults."""

    tab: str
    checkpoint: str = ""
    weights: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def fields(inputs: Sequence[Input]) -> dict[str, Field]:
    """What a link can say of a model with these inputs, by key."""
    text = next((x for x in inputs if isinstance(x, Text)), None)
    found = {SEED: Field(0, whole(0, SEEDS - 1)), "n": Field(FEW if text else MANY, whole(1, MOST))}
    found[SHOT] = Field(None, whole(0, MOST_SHOTS - 1))
    codes = [x for x in inputs if isinstance(x, Code)]
    for x in inputs:
        if isinstance(x, Choice):
            found[x.name] = Field(ANY, one_of([ANY, *x.options]))
        elif isinstance(x, Code):
            found[x.name] = Field(0, step_of(x))
    if text:
        return found | words(text, any(x.name == EPSILON for x in inputs))
    if codes:  # which are read in what a visitor draws
        found["drawing"] = Field("", ink)
    if not any(isinstance(x, Noise) for x in inputs):
        return found
    found |= {AT: Field(None, whole(0, FRAMES - 1)), "from": Field(0, whole(0, SEEDS - 1)), "to": Field(1, whole(0, SEEDS - 1))}
    choice = next((x for x in inputs if isinstance(x, Choice)), None)
    if choice and codes:
        found["across"] = Field(codes[0].name, one_of([*(x.name for x in codes), SEED]))
    elif choice:
        found["hand"] = Field(0, whole(0, SEEDS - 1))
        if spells(choice):
            found["text"] = Field("2026", letters(choice))
        else:
            found["parts"] = Field([*choice.options[:4]], several(choice))
    return found


def words(text: Text, blurs: bool) -> dict[str, Field]:
    """What a link can say of a model that is told in words: caption ("" leaves it to the seed), manner, the caption that it
    is changed into, and how much captions are blurred."""
    first, other = text.offered[0]
    found = {text.name: Field(first, caption_of(text, blank=True), blank=True), "into": Field(other, caption_of(text))}
    found[AT] = Field(None, whole(0, STEPS - 1))
    if text.styles:
        found["style"] = Field(ANY, one_of([ANY, *text.styles]))
    if blurs:
        found[EPSILON] = Field(BLUR, step_of(Code(EPSILON, 0, STRONGEST)))
    return found


def spells(choice: Choice) -> bool:
    """Whether the options are single characters, so that text can be written with them."""
    return all(len(o) == 1 for o in choice.options)


def encode(state: State, inputs: Sequence[Input], first: str) -> str:
    """A state -> "?v=1&tab=..."; `first` is the tab's first checkpoint."""
    known = fields(inputs)
    pairs = {"v": VERSION, "tab": state.tab}
    pairs |= {"m": state.checkpoint} if state.checkpoint not in ("", first) else {}
    pairs |= {"w": state.weights} if state.weights else {}
    pairs |= {k: written(state.values[k]) for k in known if k in state.values and state.values[k] != known[k].default}
    return "?" + urlencode(pairs)


def written(value: Any) -> str:
    """A control's value, as a link has it."""
    if isinstance(value, float):
        return f"{round(value, 4):g}"
    return BETWEEN.join(value) if isinstance(value, list) else str(value)


def decode(
    query: Mapping[str, str], tabs: Mapping[str, Sequence[str]], inputs_of: Callable[[str], Sequence[Input]]
) -> tuple[State, list[str]]:
    """A query -> what it says, and a line for each thing in it that was passed over. Never raises.

    tabs: the checkpoints of each tab, its first one first; inputs_of(checkpoint) is asked only for one of those, and raises
    ValueError if it cannot be had.
    """
    said = {k: v for k, v in query.items() if k not in NOT_OURS}
    notices = []
    if (version := said.pop("v", VERSION)) != VERSION:
        notices.append(f"v={brief(version)}: this app reads version {VERSION} of links, and took from this one what it could")
    home = {c: tab for tab, checkpoints in tabs.items() for c in checkpoints}
    tab = said.pop("tab", "") or home.get(said.get("m", ""), "") or next(iter(tabs))
    if tab not in tabs:
        first = next(iter(tabs))
        notices.append(f"tab={brief(tab)}: there is none; there are {', '.join(tabs)}")
        return State(first, next(iter(tabs[first]), "")), notices
    if not tabs[tab]:
        notices += [f"{brief(k)}: {tab} has no trained checkpoint here" for k in said]
        return State(tab), notices
    checkpoint = said.pop("m", tabs[tab][0])
    other = checkpoint not in tabs[tab]
    if other:
        notices.append(f"m={brief(checkpoint)}: no checkpoint of {tab}; there are {', '.join(tabs[tab])}")
        checkpoint = tabs[tab][0]
    weights = said.pop("w", "")
    if weights and not re.fullmatch(r"[0-9a-f]{7}", weights):
        notices.append(f"w={brief(weights)}: not the first 7 digits of a sha256")
        weights = ""
    try:
        known = fields(inputs_of(checkpoint))
    except ValueError as error:
        notices.append(f"m={brief(checkpoint)}: {error}")
        checkpoint, other = tabs[tab][0], True
        known = fields(inputs_of(checkpoint))
    values = {}
    for key, text in said.items():
        if key not in known:
            notices.append(f"{brief(key)}: {checkpoint} takes no such thing; a link may say {', '.join(known)}")
            continue
        try:
            if len(text) > LONGEST:
                raise ValueError(f"longer than {LONGEST} characters")
            value = known[key].read(text)
        except ValueError as error:
            notices.append(f"{key}={brief(text)}: {error}")
            continue
        if value != known[key].default:
            values[key] = value
    return State(tab, checkpoint, "" if other else weights, values), notices


def brief(text: str) -> str:
    plain = "".join(c if c.isprintable() else "?" for c in text[:41])
    return plain if len(text) <= 40 else f"{plain[:40]}..."


# ---- How a value is read -----------------------------------------------------------------------------------------------


def whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,10}", text) or not low <= int(text) <= high:
            raise ValueError(f"not a whole number from {low} to {high}")
        return int(text)

    return read


def step_of(code: Code) -> Callable[[str], float]:
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


def caption_of(text: Text, blank: bool = False) -> Callable[[str], str]:
    def read(said: str) -> str:
        return "" if blank and not said.strip() else text.line(said)

    return read


def letters(choice: Choice) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not 1 <= len(text) <= LETTERS or set(text) - set(choice.options):
            raise ValueError(f"not 1 to {LETTERS} of {', '.join(choice.options)}")
        return text

    return read


def several(choice: Choice) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        parts = text.split(BETWEEN)
        if not 1 <= len(parts) <= LETTERS or set(parts) - set(choice.options):
            raise ValueError(f"not 1 to {LETTERS} of {', '.join(choice.options)}, with {BETWEEN} between")
        return parts

    return read


def ink(text: str) -> str:
    strokes(text)
    return text


def strokes(text: object) -> list[list[tuple[int, int]]]:
    """A drawing in letters -> its strokes' points, (x, y) from 0 to 63. ValueError if it is none."""
    one = f"(?:[{re.escape(INK)}]{{2}})+"
    if not isinstance(text, str) or len(text) > LONGEST or not re.fullmatch(f"{one}(?:{BETWEEN}{one})*", text):
        raise ValueError(f"not a drawing: two of A-Z, a-z, 0-9, - and _ a point, {BETWEEN} between strokes, {LONGEST} in all")
    return [[(INK.index(x), INK.index(y)) for x, y in zip(s[::2], s[1::2], strict=True)] for s in text.split(BETWEEN)]
