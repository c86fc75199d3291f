"""The table of a model that takes orders, the papers' figure, live: rows are the options of a Choice, columns are a code
swept, or seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gradio as gr
from PIL import Image

from ...gan import GAN
from ...inputs import SEEDS, Choice, Code, Input, Noise
from .. import inference, texts
from ..events import REDRAW, show_errors
from ..fields import SEED, Field, one_of
from ..pictures import picture, sheet
from ..tab import LEFT, OPTIONS, Part, Slot, View

COLUMNS = 10


def ordered(inputs: Sequence[Input]) -> Choice | None:
    """The Choice that a table has its rows from, if a model takes one and has noise to hold."""
    if not any(isinstance(x, Noise) for x in inputs):
        return None
    return next((x for x in inputs if isinstance(x, Choice)), None)


def codes_of(inputs: Sequence[Input]) -> list[str]:
    return [x.name for x in inputs if isinstance(x, Code)]


class Table(View):
    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return ordered(gan.inputs) is not None

    @classmethod
    def fields(cls, inputs: Sequence[Input]) -> dict[str, Field]:
        codes = codes_of(inputs)
        return {"across": Field(codes[0], one_of([*codes, SEED]))} if codes and ordered(inputs) else {}

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(OPTIONS, LEFT): [self.build]}

    def build(self) -> None:
        tab, codes, choice = self.tab, codes_of(self.tab.gan.inputs), ordered(self.tab.gan.inputs)
        assert choice
        row = f"### A row for each {choice.name}\n"
        if codes:
            gr.Markdown(f"{row}One handful of noise for all. What changes from left to right is one code, from -1 to 1.")
        else:
            gr.Markdown(
                f"{row}Each column is one handful of noise: what it decides is the style, and it is the same in all rows."
            )
        first = codes[0] if codes else SEED
        self.across = gr.Radio(
            [*codes, SEED], value=first, label="from left to right", elem_id=tab.id("across"), visible=bool(codes)
        )
        self.picture = picture(None, tab.id("table"), f"A row for each {choice.name}")
        if codes:
            self.boxes = {"across": self.across}

    @staticmethod
    def choice(checkpoint: str) -> Choice:
        choice = ordered(inference.load(checkpoint)[1].inputs)
        assert choice
        return choice

    def draw(self, checkpoint: str, seed: float, across: str | None, *values: object) -> Image.Image:
        choice = self.choice(checkpoint)
        first, _ = texts.seed_within(seed)  # the samples say what was wrong with it
        code = next((x for x in self.tab.gan.inputs if x.name == across and isinstance(x, Code)), None)
        fixed = self.tab.fixed(checkpoint, values, first, 1)
        pictures = []
        for option in choice.options:
            for i in range(COLUMNS):
                swept = {code.name: code.low + (code.high - code.low) * i / (COLUMNS - 1)} if code else {}
                at = first if code else (first + i) % SEEDS
                pictures.append((at, fixed | swept | {choice.name: option}))
        return sheet(inference.sample_each(checkpoint, pictures), COLUMNS)

    def wire(self) -> None:
        tab, draw = self.tab, show_errors(self.draw)
        row = ordered(tab.gan.inputs)
        self.parts = [Part([self.picture], [SEED, "across", *tab.control_boxes], draw)]
        inputs = [tab.checkpoint, tab.seed, self.across, *tab.control_boxes.values()]
        changes = [tab.seed.submit, tab.go.click, self.across.input]
        changes += [event for control in tab.controls if control.x != row for event in control.release_events]
        gr.on(changes, draw, inputs, self.picture, trigger_mode="always_last", **REDRAW)
        for event in tab.redraw_events:
            event.then(draw, inputs, self.picture, **REDRAW)
