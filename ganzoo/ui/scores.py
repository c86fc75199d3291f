"""The tab of scores: every training as dots, one a seed, none left out, each with its command."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr
import pandas

from ..data import SETS
from ..hub.resolve import bundled
from ..training import leaderboard
from ..training.leaderboard import DECISIVE, SHOWN, Row
from .curves import COLOURS
from .events import PRIVATE, show_errors

NAME = "scores"  # of its tab, in links
ENDED, FAILED = "came to its end", "failed"
COLOUR_OF = {ENDED: COLOURS[0], FAILED: COLOURS[2]}
TRAINED = "trained"
LOG = "log10"  # of the decisive measure: from the best to the worst it spans powers of ten
PLOTTED = {LOG: f"{SHOWN[DECISIVE]}, log10"} | SHOWN
ABOUT = """## Scores
Each dot is a training. Trainings above one name differ in nothing but the seed, and none is left out. A difference that may be
luck is called a tie: a bootstrap over the seeds decides, and of a single seed nothing can be said. Mind what each one cost:
with more pictures most get better, so compare those that have seen equally many."""
NO_COMMAND = "no single command makes it again; its card has the history"


class Components(NamedTuple):
    """What the tab fills when it is opened."""

    data: gr.Radio
    plot: gr.ScatterPlot
    table: gr.Markdown
    commands: gr.HTML


def rows() -> list[Row]:
    """What is kept of runs, and the checkpoints that are shipped."""
    shipped = [row for c in bundled() if (row := leaderboard.of_checkpoint(c))]
    return leaderboard.merged(leaderboard.kept(), shipped)


def dots(of: Sequence[Row], measure: str) -> pandas.DataFrame:
    """A row for each trial that has a measure; those of failed trainings are named so."""
    taken = DECISIVE if measure == LOG else measure
    trials = [(row, t) for row in of for t in row.trials if taken in t.scores]
    found: dict[str, Any] = {
        TRAINED: [row.name for row, _ in trials],
        PLOTTED[measure]: [math.log10(max(t.scores[taken], 1e-9)) if measure == LOG else t.scores[taken] for _, t in trials],
        "seed": [t.seed for _, t in trials],
        "pictures": [t.images for _, t in trials],
        "trial": [FAILED if t.failure else ENDED for _, t in trials],
    }
    if measure == LOG:
        found[SHOWN[taken]] = [t.scores[taken] for _, t in trials]
    return pandas.DataFrame(found).astype({PLOTTED[measure]: float})


def in_all_colours(found: pandas.DataFrame) -> pandas.DataFrame:
    """The same and, nowhere, a dot of each kind: a plot draws only what is in a colour that it begins with."""
    nowhere = pandas.DataFrame({"trial": [*COLOUR_OF]})
    nowhere[TRAINED] = found[TRAINED].iloc[0] if len(found) else ""
    return pandas.concat([found, nowhere])


def commands(of: Sequence[Row]) -> str:
    """The command of every dot."""
    lines = []
    for row in of:
        for t in row.trials:
            score = f"{SHOWN[DECISIVE]} {t.scores[DECISIVE]:.3g}" if DECISIVE in t.scores else "not measured"
            about = f"<b>{html.escape(row.name)}</b>, seed {t.seed}: {score}{', ' * bool(t.failure)}{html.escape(t.failure)}"
            lines.append(f"<p>{about}</p><pre><code>{html.escape(t.command or NO_COMMAND)}</code></pre>")
    return "".join(lines)


def scores() -> Components:
    """The tab, where the page is being built; `fill` is to be called when it is opened."""
    gr.Markdown(ABOUT, elem_classes="idea")
    with gr.Row():
        data = gr.Radio([], label="data set", elem_id="scores-data")
        measures = [(name, id) for id, name in PLOTTED.items()]
        measure = gr.Radio(measures, value=LOG, label="measure", elem_id="scores-measure")
    plot = gr.ScatterPlot(
        in_all_colours(first()),
        x=TRAINED,
        y=PLOTTED[LOG],
        color="trial",
        color_map=COLOUR_OF,
        tooltip="all",
        x_label_angle=-40,
        height=380,
        elem_id="scores-plot",
    )
    table = gr.Markdown("", elem_classes=["facts", "wide"], elem_id="scores-table")
    with gr.Accordion("The command of every dot", open=False):
        listed = gr.HTML("", elem_id="scores-commands")
    found = Components(data, plot, table, listed)
    shown = show_errors(show)
    gr.on([data.input, measure.input], shown, [data, measure], [*found[1:]], queue=False, **PRIVATE)
    return found


def show(data: str, measure: str) -> list[Any]:
    """The plot, the table and the commands of a data set."""
    of = leaderboard.by_data(rows()).get(data, [])
    if measure not in PLOTTED or not of:
        raise ValueError(f"{str(data)[:40]}, {str(measure)[:40]}: there are no such scores")
    found, table = dots(of, measure), leaderboard.as_markdown(of, commands=False)
    if found.empty:
        return [gr.ScatterPlot(visible=False), f"Nothing here has this measure: {PLOTTED[measure]}.\n\n{table}", commands(of)]
    plot = gr.ScatterPlot(found, y=PLOTTED[measure], sort=[row.name for row in of], visible=True)
    return [plot, table, commands(of)]


def sets() -> list[str]:
    """The data sets that something was trained on, in their usual order. ValueError if nothing was measured."""
    order = [*SETS]
    there = sorted(leaderboard.by_data(rows()), key=lambda d: order.index(d) if d in order else len(order))
    if not there:
        raise ValueError("nothing has been measured here; `python -m ganzoo leaderboard --help` says how")
    return there


def first() -> pandas.DataFrame:
    """The dots that the plot begins with."""
    found = rows()
    return dots(leaderboard.by_data(found)[sets()[0]] if found else [], LOG)


def fill() -> list[Any]:
    """What the tab shows when it is opened: the first data set, by Fréchet distance."""
    there = sets()
    return [gr.Radio(there, value=there[0]), *show(there[0], LOG)]
