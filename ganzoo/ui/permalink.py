"""The address of a picture: what a tab shows <-> the query of a link, read alike on any machine and after any restart.

    ?v=2&tab=cgan&m=cgan-fashion&w=1a2b3c4&seed=7&label=Coat

v is the version of this form, tab the model, m the checkpoint (left out: the tab's first), w the weights' revision; then
what the controls say, each left out at its default: see `fields`. A query comes from anybody: what is not known or not
allowed is passed over, and `decode` says what and why. `static/zoo.js` writes the same form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from .. import registry
from ..inputs import Input
from . import measuring, scores
from .controls import CONTROLS
from .fields import SEED, Field, seed_field, to_text, whole
from .laboratory import settings as laboratory
from .limits import MOST
from .tab import MANY
from .views import VIEWS

VERSIONS = ("1", "2")  # that are read; new links are of the last
# The tab that some checkpoints of a model were in -> the one they are in since version 2 of links.
MOVED = {model: first for model, (first, *_) in registry.SUCCESSORS.items()}
READ_IN_THE_PAGE = (laboratory.NAME,)  # tabs whose own script reads what a link says of them
SHOWS_ALL = (scores.NAME, measuring.NAME)  # tabs of which a link says nothing else
NOT_OURS = ("__theme", "__sign", "view", "deep_link", "ui")  # Gradio's own


@dataclass(frozen=True)
class State:
    """What a link says: a tab, a checkpoint of it ("" in a tab that has none), the weights it was made with ("" if it does
    not say), and the controls that are not at their defaults."""

    tab: str
    checkpoint: str = ""
    weights: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def fields(inputs: Sequence[Input]) -> dict[str, Field]:
    """What a link can say of a model with these inputs, by key: the union of its controls' fields and the views'."""
    held = [(x, CONTROLS[type(x)]) for x in inputs if type(x) in CONTROLS]
    first = min((control.first_n for _, control in held), default=MANY)
    found = {SEED: seed_field(), "n": Field(first, whole(1, MOST))}
    for view in VIEWS:
        found |= view.fields(inputs)
    for x, control in held:
        found |= control.fields(x, inputs)
    return found


def encode(state: State, inputs: Sequence[Input], first: str) -> str:
    """A state -> "?v=2&tab=..."; `first` is the tab's first checkpoint."""
    known = fields(inputs)
    pairs = {"v": VERSIONS[-1], "tab": state.tab}
    pairs |= {"m": state.checkpoint} if state.checkpoint not in ("", first) else {}
    pairs |= {"w": state.weights} if state.weights else {}
    pairs |= {k: to_text(state.values[k]) for k in known if k in state.values and state.values[k] != known[k].default}
    return "?" + urlencode(pairs)


def decode(
    query: Mapping[str, str], tabs: Mapping[str, Sequence[str]], inputs_of: Callable[[str], Sequence[Input]]
) -> tuple[State, list[str]]:
    """A query -> what it says, and a line for each thing in it that was passed over. Never raises.

    tabs: the checkpoints of each tab, its first one first; inputs_of(checkpoint) is asked only for one of those, and raises
    ValueError if it cannot be had.
    """
    left = {k: v for k, v in query.items() if k not in NOT_OURS}
    notices = []
    if (version := left.pop("v", VERSIONS[-1])) not in VERSIONS:
        read = " and ".join(VERSIONS)
        notices.append(f"v={brief(version)}: this app reads versions {read} of links, and took from this one what it could")
    home = {c: tab for tab, checkpoints in tabs.items() for c in checkpoints}
    tab = left.pop("tab", "") or home.get(left.get("m", ""), "") or (first_drawing(tabs) if left else next(iter(tabs)))
    now = MOVED.get(tab, "")
    if tabs.get(now) and (home.get(left["m"]) == now if "m" in left else version == VERSIONS[0]):
        tab = now
    if tab not in tabs:
        first = next(iter(tabs))
        notices.append(f"tab={brief(tab)}: there is none; there are {', '.join(tabs)}")
        return State(first, next(iter(tabs[first]), "")), notices
    if tab in READ_IN_THE_PAGE:
        return State(tab), notices
    if not tabs[tab]:
        why = "takes nothing from a link" if tab in SHOWS_ALL else "has no trained checkpoint here"
        notices += [f"{brief(k)}: {tab} {why}" for k in left]
        return State(tab), notices
    checkpoint = left.pop("m", tabs[tab][0])
    other = checkpoint not in tabs[tab]
    if other:
        notices.append(f"m={brief(checkpoint)}: no checkpoint of {tab}; there are {', '.join(tabs[tab])}")
        checkpoint = tabs[tab][0]
    weights = left.pop("w", "")
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
    for key, text in left.items():
        if key not in known:
            notices.append(f"{brief(key)}: {checkpoint} takes no such thing; a link may say {', '.join(known)}")
            continue
        try:
            if len(text) > known[key].longest:
                raise ValueError(f"longer than {known[key].longest} characters")
            value = known[key].read(text)
        except ValueError as error:
            notices.append(f"{key}={brief(text)}: {error}")
            continue
        if value != known[key].default:
            values[key] = value
    return State(tab, checkpoint, "" if other else weights, values), notices


def first_drawing(tabs: Mapping[str, Sequence[str]]) -> str:
    """The first tab that has a checkpoint."""
    return next((tab for tab, checkpoints in tabs.items() if checkpoints), next(iter(tabs)))


def brief(text: str) -> str:
    plain = "".join(c if c.isprintable() else "?" for c in text[:41])
    return plain if len(text) <= 40 else f"{plain[:40]}..."
