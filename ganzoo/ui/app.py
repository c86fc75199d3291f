"""All tabs in one page, and the general `/sample` endpoint."""

from __future__ import annotations

from typing import Any

import gradio as gr
from PIL import Image

from .. import registry
from ..checkpoint import Checkpoint
from ..hub.resolve import bundled
from ..spec import Spec
from . import links, play
from .controls import DRAWING, polite
from .theme import CSS, HEAD, THEME
from .views import Tab, enlarge
from .words import WordsTab, told

WAITING = 64  # requests in the queue; the next visitor is told that it is full
LAUNCH: dict[str, Any] = {
    "theme": THEME,
    "css": CSS,
    "head": HEAD + links.script(),
    "footer_links": ["api", "settings"],
    "run_history": False,
    "enable_monitoring": False,
    "state_session_capacity": 200,
    "max_file_size": "5mb",
    "ssr_mode": None,
}


def build() -> gr.Blocks:
    """The page: a tab for every model that has a trained checkpoint, and a word on those that have none."""
    trained: dict[str, list[Checkpoint]] = {}
    for c in bundled():
        trained.setdefault(str(c.config["model"]), []).append(c)
    with gr.Blocks(title="ganzoo", analytics_enabled=False, delete_cache=(3600, 86400)) as demo:
        gr.Markdown("# ganzoo\nA zoo of generative adversarial networks: look at them, play with them, watch them learn.")
        tabs: dict[str, tuple[gr.Tab, Tab | None]] = {}
        with gr.Tabs(overflow_behavior="wrap") as bar:
            for spec in registry.specs():
                with gr.Tab(spec.title, id=spec.name, elem_id=f"tab-{spec.name}") as place:
                    if spec.name in trained:
                        tabs[spec.name] = place, (WordsTab if told(trained[spec.name][0]) else Tab)(trained[spec.name])
                    else:
                        tabs[spec.name] = place, None
                        untrained(spec)
        links.Links(demo, bar, tabs)
        general()
    play.place()
    demo.queue(max_size=WAITING)
    page: gr.Blocks = demo
    return page


def untrained(spec: Spec) -> None:
    """A model without weights shows no pictures: random ones would pass for results."""
    gr.Markdown(
        f"## {spec.title}\n\n{spec.note}\n\n**Not trained yet.** Train it, and it draws here:\n\n```\n"
        f"python -m ganzoo train {spec.name} --data {spec.data} --out runs/{spec.name}\n"
        f"python -m ganzoo export runs/{spec.name}\n```"
    )


def general() -> None:
    """`/sample`: any checkpoint, for programs."""
    with gr.Row(visible=False):
        name, n, seed = gr.Textbox(label="checkpoint"), gr.Number(16, label="n"), gr.Number(0, label="seed")
        inputs, go = gr.JSON({}, label="inputs"), gr.Button()
        picture, said = gr.Image(format="png", type="pil"), gr.JSON()

    @polite
    def sample(checkpoint: str, n: float, seed: float, inputs: object) -> tuple[Image.Image, dict[str, Any]]:
        if not isinstance(inputs, dict):
            raise ValueError(f"inputs: {str(inputs)[:60]!r} is not a JSON object of inputs by name")
        drawn = play.sample(checkpoint, n, seed, inputs)  # type: ignore[arg-type]
        return enlarge(drawn.images), drawn.said

    go.click(
        sample,
        [name, n, seed, inputs],
        [picture, said],
        api_name="sample",
        api_description='Draw n pictures with a checkpoint: inputs is a JSON object by name, such as {"label": 7}. Gives a '
        "lossless PNG grid, and what was drawn: checkpoint, weights revision, source of the weights, seed and inputs.",
        **DRAWING,
    )
