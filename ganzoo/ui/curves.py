"""What a training's log says, as curves over the pictures seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gradio as gr
import pandas

POINTS = 150  # of a curve at least, where there are as many
RIGHT = "_right"  # how the names of what D gets right end
NO_LOSS = ("step", "images", "seconds", "images_per_s", "classes_left")

Line = Mapping[str, float]  # of log.jsonl


def losses(lines: Sequence[Line]) -> pandas.DataFrame:
    """The loss terms of a log."""
    return table(lines, "loss", {k: k for line in lines for k in line if k not in NO_LOSS and not k.endswith(RIGHT)})


def right(lines: Sequence[Line]) -> pandas.DataFrame:
    """The share of each kind of pictures that D takes for what it is."""
    return table(lines, "right", {k: k[2:].removesuffix(RIGHT) for line in lines for k in line if k.endswith(RIGHT)})


def table(lines: Sequence[Line], y: str, terms: Mapping[str, str]) -> pandas.DataFrame:
    """A row for each of some lines and terms, which are shown by another name."""
    rows = [
        {"pictures seen": line["images"], "term": name, y: line[term]}
        for line in lines[:: max(1, len(lines) // POINTS)]
        for term, name in terms.items()
        if term in line
    ]
    return pandas.DataFrame(rows, columns=["pictures seen", "term", y]).astype(
        {"pictures seen": float, y: float}
    )  # if empty, too


def curve(values: pandas.DataFrame, elem_id: str) -> gr.LinePlot:
    """The plot of such a table; not there while it is empty, since its colours are those of the terms that it begins with."""
    x, term, y = values.columns
    return gr.LinePlot(values, x=x, y=y, color=term, height=260, elem_id=elem_id, visible=not values.empty)
