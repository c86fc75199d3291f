"""The noise of a drawing: the picture nearest to it that a generator of grey pictures can draw, found by gradient descent, and
the way from there to one of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
import torch

from ...gan import GAN
from ...inputs import Input
from ...inversion import CANDIDATES, can_invert
from .. import inference, texts
from ..events import REDRAW, show_errors
from ..fields import SEED, Field, ink
from ..pad import inked, like_mnist, pad
from ..pictures import picture, sheet
from ..scrubber import frames, scrubber
from ..tab import OPTIONS, RIGHT, Part, Slot, View

ABOUT = (
    "### Can it draw yours?\nDraw something. Gradient descent then changes the noise, step by step, until the picture that is "
    "made of it is as near to yours as it gets: what no noise leads to, this generator has not learnt."
)
SHOWN = "From the left: your drawing, the nearest of {} pictures of random noise, and what was found from there."
FOUND = "It explains **{:.0f} %** of your drawing; the nearest random picture, {:.0f} %."
WANTED = "wanted"  # the drawing, in a link


class Inversion(View):
    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return can_invert(gan.inputs) and gan.config.channels == 1

    @classmethod
    def fields(cls, inputs: Sequence[Input]) -> dict[str, Field]:
        return {WANTED: Field("", ink)} if can_invert(inputs) else {}

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(OPTIONS, RIGHT): [self.build]}

    def build(self) -> None:
        tab = self.tab
        gr.Markdown(ABOUT)
        with gr.Row():
            with gr.Column(min_width=200):
                self.pad = pad(tab.id(WANTED))
            with gr.Column(min_width=200):
                self.found = picture(None, tab.id("found"), "Your drawing, the nearest random picture, and what was found")
                self.said = gr.Markdown("", elem_classes="aside", elem_id=tab.id("found-said"))
                self.steps = scrubber(tab.id("found-way"))
        self.boxes = {WANTED: self.pad}

    def draw(self, checkpoint: str, drawing: object, seed: float) -> list[Any]:
        """(the three pictures; how near they are; the way from the last to the tab's seed)"""
        if not drawing:
            return [gr.update(value=None, visible=False), "", gr.update(visible=False)]
        gan = inference.load(checkpoint)[1]
        if not Inversion.fits(gan):  # the tab's first one does
            return [gr.update(value=None, visible=False), f"{checkpoint} draws no grey pictures.", gr.update(visible=False)]
        wanted = like_mnist(inked(drawing), gan.config.side, gan.config.channels)
        end, _ = texts.seed_within(seed)
        found = inference.invert(checkpoint, wanted, end)
        shown = sheet(torch.stack([wanted, found.first, found.way[0]]), columns=3)
        said = f"{SHOWN.format(CANDIDATES)} {FOUND.format(100 * found.explained, 100 * found.explained_at_first)}"
        last = len(found.way) - 1
        captions = [texts.way_from_found(round(100 * i / last), end) for i in range(last + 1)]
        label, alt = "Way from there to the seed", "The picture on the way"
        way = frames([p[None] for p in found.way], captions, label, alt, start=0, keep_as=f"{checkpoint}-found.gif")
        return [gr.update(value=shown, visible=True), said, gr.update(value=way, visible=True)]

    def wire(self) -> None:
        tab, outputs, draw = self.tab, [self.found, self.said, self.steps], show_errors(self.draw)
        self.parts = [Part(outputs, [WANTED, SEED], draw)]
        inputs = [tab.checkpoint, self.pad, tab.seed]
        gr.on([self.pad.change, tab.checkpoint.input], draw, inputs, outputs, trigger_mode="always_last", **REDRAW)
