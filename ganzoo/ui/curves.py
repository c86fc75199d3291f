"""A training's log as curves over the pictures seen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

import gradio as gr
import pandas

from ..training.convergence import FRECHET, GAP, is_loss

POINTS = 150  # of a curve at least, where there are as many
RIGHT = "_right"  # how the names of what D gets right end

# Readable on white and on slate; more than a loss has terms.
COLOURS = ["#4c78a8", "#f58518", "#e45756", "#72b7b2", "#54a24b", "#b79a20", "#b279a2", "#d67195", "#9d755d", "#8c8a88"]
COLOURS += ["#439894", "#88a500", "#a05eb5", "#d8572a", "#6f8fd8", "#c44e8b"]

PROGRESS = {FRECHET: "Fréchet distance", GAP: "critic's gap"}
Line = Mapping[str, float]  # of log.jsonl


def losses(lines: Sequence[Line]) -> pandas.DataFrame:
    """The loss terms of a log."""
    return table(lines, "loss", {k: k for k in loss_terms(lines)})


def loss_terms(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(k for line in lines for k in line if is_loss(k)))


def log_ends(path: Path) -> list[Line]:
    """The first and the last line of a log, which between them have all terms; none where there is no log."""
    lines = path.read_bytes().splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines[:1] + lines[-1:]]


def accuracies(lines: Sequence[Line]) -> pandas.DataFrame:
    """The share of each kind of pictures that D takes for what it is."""
    return table(lines, "right", {k: k[2:].removesuffix(RIGHT) for line in lines for k in line if k.endswith(RIGHT)})


def progress(lines: Sequence[Line]) -> pandas.DataFrame:
    """What may say that a training has converged: a critic's gap, and the Fréchet distance where it was measured on the way."""
    return table([line for line in lines if FRECHET in line or GAP in line], "distance", PROGRESS)


def table(lines: Sequence[Line], y: str, terms: Mapping[str, str]) -> pandas.DataFrame:
    """A row for each of some lines and terms, which are shown by another name."""
    rows = [
        {"pictures seen": line["images"], "term": name, y: line[term]}
        for line in lines[:: max(1, len(lines) // POINTS)]
        for term, name in terms.items()
        if term in line
    ]
    found = pandas.DataFrame(rows, columns=["pictures seen", "term", y])
    return found.astype({"pictures seen": float, y: float})  # of an empty one, too


def curve(values: pandas.DataFrame, elem_id: str, terms: Sequence[str] = ()) -> gr.LinePlot:
    """The plot of such a table, with colours for other terms, too: a plot draws only those in a colour that it begins with."""
    x, term, y = values.columns
    known = list(dict.fromkeys([*values[term], *terms]))
    without = pandas.DataFrame({x: values[x].min(), term: known, y: float("nan")})  # a term without a line
    return gr.LinePlot(
        pandas.concat([values, without]) if terms else values,
        x=x,
        y=y,
        color=term,
        color_map=dict(zip(known, cycle(COLOURS), strict=False)) or None,
        height=260,
        elem_id=elem_id,
        visible=bool(known),
    )


def recurved(values: pandas.DataFrame) -> gr.LinePlot:
    """The change of a plot to another table."""
    return gr.LinePlot(values, visible=not values.empty)
