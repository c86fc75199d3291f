"""What programs ask for: `/sample` of any checkpoint, and an endpoint for each tab."""

from __future__ import annotations

import inspect
from typing import Any

import gradio as gr
from PIL import Image

from . import inference
from .events import DRAWING, show_errors
from .fields import SEED
from .pictures import caption, enlarge
from .tab import Tab
from .upload import fleeting


def sample_endpoint() -> None:
    """`/sample`: any checkpoint, its inputs by name."""
    with gr.Row(visible=False):
        name, n, seed = gr.Textbox(label="checkpoint"), gr.Number(16, label="n"), gr.Number(0, label="seed")
        inputs, go = gr.JSON({}, label="inputs"), gr.Button()
        picture, info = gr.Image(format="png", type="pil"), gr.JSON()

    @show_errors
    def sample(checkpoint: str, n: float, seed: float, inputs: object) -> tuple[Image.Image, dict[str, Any]]:
        if not isinstance(inputs, dict):
            raise ValueError(f"inputs: {str(inputs)[:60]!r} is not a JSON object of inputs by name")
        drawn = inference.sample(checkpoint, n, seed, inputs)  # type: ignore[arg-type]
        return enlarge(drawn.images), drawn.info

    go.click(
        sample,
        [name, n, seed, inputs],
        [picture, info],
        api_name="sample",
        api_description='Draw n pictures with a checkpoint: inputs is a JSON object by name, such as {"label": 7}. Gives a '
        "lossless PNG grid, and what was drawn: checkpoint, weights revision, source of the weights, seed and inputs.",
        **DRAWING,
    )


def tab_endpoint(tab: Tab) -> None:
    """`/MODEL`: what a tab's panel draws, with any checkpoint that takes the same kinds of inputs, also another tab's.

    It gives one picture however many stages there are; its parameters have the names of the inputs.
    """
    boxes = tab.control_boxes

    def draw(checkpoint: str, seed: float, n: float, *values: Any) -> tuple[Any, str]:
        drawn = tab.sample(checkpoint, seed, n, *values)
        large = enlarge(drawn.images)
        return fleeting(large) if tab.is_private(values) else large, caption(drawn.info)

    names = ["checkpoint", SEED, "n", *boxes]
    if all(name.isidentifier() for name in names):  # Gradio names an endpoint's parameters by them
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        draw.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])  # type: ignore[attr-defined]
    with gr.Row(visible=False):
        checkpoint, go = gr.Textbox(tab.first, label="checkpoint"), gr.Button()
        seed, n = gr.Number(tab.seed.value, label=SEED), gr.Number(tab.n.value, label="n")
        boxes = {k: plain_box(box, k) for k, box in boxes.items()}
        outputs = [gr.Image(format="png", type="pil"), gr.Markdown()]
    takes = ", ".join(names)
    go.click(
        show_errors(draw),
        [checkpoint, seed, n, *boxes.values()],
        outputs,
        api_name=tab.spec.name,
        api_description=f"Draw with {tab.spec.title}, or with any checkpoint that takes the same. Takes {takes}; gives a "
        "lossless PNG grid and a line that says what it is.",
        **DRAWING,
    )


def plain_box(box: Any, name: str) -> Any:
    """A box for an endpoint's value in place of the page's: a radio takes the options of the tab's first checkpoint only, and
    what is beyond a slider's ends is refused without the name of the value; a drawing is strokes in letters, and a picture a
    data address. The inputs themselves check them all."""
    if isinstance(box, gr.Radio | gr.HTML):
        return gr.Textbox(box.value, label=name)
    return gr.Number(box.value, label=name) if isinstance(box, gr.Slider) else box
