"""Samples, of every model: the panel, and a grid of pictures; of several stages, the first beside the last."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import gradio as gr
from torch.nn.functional import interpolate

from ...gan import GAN
from .. import inference, limits, texts
from ..events import REDRAW, show_errors
from ..fields import SEED
from ..pictures import enlarge, marked, picture
from ..tab import LEFT, TOP, Control, Part, Slot, View
from ..upload import fleeting

STAGES = " · left of the handle, the first stage's sketch"
SOURCE = " · left of the handle, what it is made from"


def draws_in_stages(gan: GAN) -> bool:
    """Whether a model may have several pictures of one to show: its stages, or what it makes a picture from."""
    return type(gan).stages is not GAN.stages or bool(gan.pictures)


class Samples(View):
    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return True

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(TOP, LEFT): [self.build]}

    def build(self) -> None:
        tab = self.tab
        self.picture = picture(None, tab.id("picture"), f"Pictures drawn by {tab.spec.title}")
        self.pair = self.slider() if draws_in_stages(tab.gan) else None
        tab.info = gr.Markdown("", sanitize_html=False, elem_classes="aside", elem_id=tab.id("info"))
        share(tab.spec.name)

    def slider(self) -> gr.ImageSlider:
        """The first stage's sketch beside the picture."""
        return gr.ImageSlider(
            None,
            label="the sketch, and the picture",
            show_label=False,
            format="png",
            type="pil",
            interactive=False,
            buttons=["download", "fullscreen"],
            max_height=1100,
            visible=False,
            elem_id=self.tab.id("pair"),
            elem_classes="picture pair",
        )

    @staticmethod
    def render(drawn: inference.Drawn) -> tuple[Any, Any, str]:
        """(the pictures, or None; the first stage and the pictures, or None; what they are)"""
        large = enlarge(drawn.images, clear_rest=True)
        if not drawn.stages:
            return large, None, marked(drawn.info)
        sketch = enlarge(interpolate(drawn.stages[0], size=drawn.images.shape[-2:]), clear_rest=True)
        return None, (sketch, large), marked(drawn.info) + (STAGES if drawn.source is None else SOURCE)

    def draw(self, checkpoint: str, seed: float, n: float, *values: Any) -> list[Any]:
        """The pictures and all that changes with them."""
        tab = self.tab
        (seed, no_seed), (n, no_number) = texts.seed_within(seed), texts.within(texts.MANY, n, 1, limits.MOST)
        for problem in filter(None, (no_seed, no_number)):
            gr.Warning(problem)
        drawn = tab.sample(checkpoint, seed, n, *values)
        *pictures, info = self.render(drawn)
        if tab.is_private(values):
            pictures = [fleeting(x) for x in pictures]
        updates: list[Any] = [gr.update(value=x, visible=x is not None) for x in pictures] if self.pair else pictures[:1]
        updates.append(info)
        updates += [seed if no_seed else gr.skip(), n if no_number else gr.skip()]
        for control, own in tab.by_control(values):
            updates += control.feedback(checkpoint, seed, n, own)
        for view in tab.views:
            shown = view.on_samples(checkpoint, drawn)
            updates += map(fleeting, shown) if tab.is_private(values) else shown
        return updates

    def check(self, checkpoint: str, seed: float, n: float, *values: Any) -> list[Any]:
        """What is wrong with a value, shown at its control."""
        problems: dict[str, str] = {}
        for control, own in self.tab.by_control(values):
            problems |= control.problems(checkpoint, own)
        fine = [gr.validate(True, "")] * 3
        return fine + [gr.validate(not problems.get(key), problems.get(key, "")) for key in self.tab.control_boxes]

    def wire(self) -> None:
        tab = self.tab
        draw = show_errors(self.draw)
        # Without one that is never seen: for a component that is not on the page, Gradio goes through all of the page again.
        outputs: list[Any] = [self.picture, *([self.pair] if self.pair else []), tab.info, tab.seed, tab.n]
        for control in tab.controls:
            outputs += control.feedback_outputs
        for view in tab.views:
            outputs += view.sample_outputs
        self.parts = [Part(outputs, [SEED, "n", *tab.control_boxes], draw)]
        inputs = [tab.checkpoint, tab.seed, tab.n, *tab.control_boxes.values()]
        changes: list[Any] = [tab.seed.submit, tab.n.release, tab.go.click]
        changes += [event for control in tab.controls for event in control.change_events]
        checked = any(type(control).problems is not Control.problems for control in tab.controls)
        check = self.check if checked else None  # which is another request
        gr.on(changes, draw, inputs, outputs, trigger_mode="always_last", validator=check, **REDRAW)
        for event in tab.redraw_events:
            event.then(draw, inputs, outputs, **REDRAW)


def share(name: str) -> gr.HTML:
    """A button that copies the link, and the lines that show this tab in another page."""
    return gr.HTML(
        f'<div class="share" data-tab="{html.escape(name)}"><button type="button" class="share-copy">Copy link</button>'
        '<span role="status"></span><details><summary>Show this in another page</summary><pre tabindex="0"></pre></details>'
        "</div>",
        elem_id=f"{name}-share",
    )
