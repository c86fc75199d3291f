"""The tab on measuring: real pictures, changed by a visitor, and what the scores make of that."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import gradio as gr

from ..checkpoint.card import ARROWS, number
from ..checkpoint.folder import weights_dir
from ..images import grid
from ..metrics import explained
from ..metrics.case import Score
from ..metrics.explained import FEWEST, MEASURED, WORST, Changes
from .events import REDRAW, show_errors
from .pictures import picture

NAME = "measuring"  # of its tab, in links
SHOWN, ACROSS, SCALE = 48, 12, 2  # pictures of those that are measured, and how large
ABOUT = f"""## Why a score moves
These are {MEASURED} real digits that no network here was trained on, so no generator could draw better ones. Change them by one
thing at a time, and see what the scores say: most of what moves them has nothing to do with how well something draws."""
PLANTED = (
    "Of **{0}** planted copies **{1}** are found, and of the **{2}** other pictures, which are none, **{3}** are taken for one."
)
UNPLANTED = "No copy is planted. Of the **{2}** pictures **{3}** are taken for one, though none is."
FOUND_BY = " A copy is what is nearer to a training picture than 99 in 100 real pictures are that were never trained on."


class Components(NamedTuple):
    """What the tab fills when it is opened, and whenever something is changed."""

    image: gr.Image
    distance: gr.Markdown
    table: gr.Markdown
    copies: gr.Markdown


def there_is_a_judge() -> bool:
    """Whether the digits can be judged: a Space of one's own checkpoints may be without."""
    return (weights_dir() / f"judge-{explained.NAME}" / "config.json").is_file()


def measuring() -> Components:
    """The tab, where the page is being built; `fill` is to be called when it is opened."""
    gr.Markdown(ABOUT, elem_classes="idea")
    with gr.Row(equal_height=False, elem_classes=["section", "first"]):
        with gr.Column(scale=1, min_width=300):
            with gr.Column(elem_classes="in-sight"):
                image = picture(None, "measuring-picture", "The first of the pictures that are measured")
                distance = gr.Markdown("", elem_id="measuring-distance")
            copies = gr.Markdown("", elem_id="measuring-copies")
            table = gr.Markdown("", elem_classes=["facts", "wide"], elem_id="measuring-table")
        with gr.Column(scale=1, min_width=300):
            sliders = [
                slider(
                    "n",
                    FEWEST,
                    MEASURED,
                    50,
                    MEASURED,
                    "how many pictures",
                    "of few, a Fréchet distance is too large: it has a bias",
                ),
                slider(
                    "side",
                    4,
                    28,
                    1,
                    28,
                    "pixels that they are made smaller to",
                    "and enlarged again, as many a data loader does",
                ),
                slider(
                    "quality", WORST, 100, 1, 100, "JPEG quality that they are stored in", "100: they are not stored at all"
                ),
                slider("misread", 0, 1, 0.01, 0, "how far [-1, 1] is read as [0, 1]", "a little is enough: black becomes grey"),
                slider(
                    "lost", 0, 9, 1, 0, "digits that are never drawn", "0, then 0 and 1, ...: a generator that has collapsed"
                ),
                slider("copied", 0, 100, 1, 0, "per cent that are copies of training pictures", "the score gets better by it"),
            ]
            reset = gr.Button("As they were", elem_id="measuring-reset")
    found = Components(image, distance, table, copies)
    redraw: dict[str, Any] = REDRAW | {"trigger_mode": "always_last"}
    gr.on([s.release for s in sliders] + [s.input for s in sliders], show_errors(show), sliders, [*found], **redraw)
    values = [s.value for s in sliders]
    reset.click(lambda: values, None, sliders, queue=False, **REDRAW).then(show_errors(show), sliders, [*found], **REDRAW)
    return found


def slider(key: str, low: float, high: float, step: float, value: float, label: str, info: str) -> gr.Slider:
    return gr.Slider(low, high, value=value, step=step, label=label, info=info, elem_id=f"measuring-{key}")


def show(n: float, side: float, quality: float, misread: float, lost: float, copied: float) -> list[Any]:
    """The pictures, their scores and the copies of what the sliders say. ValueError for anything out of bounds."""
    for name, value in {"n": n, "side": side, "quality": quality, "lost": lost}.items():
        if not isinstance(value, int | float) or value != value or value % 1:
            raise ValueError(f"{name}: {str(value)[:40]} is not a whole number")
    for name, value in {"misread": misread, "copied": copied}.items():
        if not isinstance(value, int | float):
            raise ValueError(f"{name}: {str(value)[:40]} is not a number")
    return shown(Changes(int(n), int(lost), copied / 100, int(side), int(quality), misread))


@lru_cache(maxsize=128)
def shown(changes: Changes) -> list[Any]:
    """The same of changes within bounds, kept for the next who asks."""
    images = explained.changed(changes)
    alarms = explained.alarms(images, changes)
    said = (PLANTED if alarms.planted else UNPLANTED).format(*alarms) + FOUND_BY
    found = explained.scores(images)
    distance = f"**Fréchet distance {number(found[0].value)}**, of the untouched pictures {number(found[0].floor or 0)}"
    return [grid(images[:SHOWN], ACROSS, scale=SCALE), distance, as_table(found), said]


def as_table(found: list[Score]) -> str:
    """Markdown: each measure now, and of the untouched pictures."""
    rows = ["| measure | now | untouched |", "|---|---|---|"]
    for s in found:
        untouched = "" if s.floor is None else number(s.floor)
        rows.append(f"| {s.name}\N{NO-BREAK SPACE}{ARROWS[s.better]} | {number(s.value)} | {untouched} |")
    notes = {s.id: s.note for s in found}
    return "\n".join(rows) + f"\n\nCopies: {notes['copies']}. Data copying: {notes['data_copying']}."


def fill() -> list[Any]:
    """What the tab shows when it is opened: the pictures as they are."""
    return shown(Changes())
