"""A word, of a model that takes orders and has no codes: pictures in a row, all from one handful of noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
from PIL import Image

from ...gan import GAN
from ...images import grid
from ...inputs import Choice, Input
from .. import inference, texts
from ..events import DICE, PRIVATE, REDRAW, show_errors, skip_on_error
from ..fields import LETTERS, Field, letters, seed_field, several
from ..pictures import SHEET, picture
from ..tab import OPTIONS, RIGHT, Part, Slot, Updates, View
from .table import codes_of, ordered

NUMBER = "2026"  # what is written at first
PARTS = 4  # of an outfit at first


def is_spelt(choice: Choice) -> bool:
    """Whether the options are single characters, so that text can be written with them."""
    return all(len(o) == 1 for o in choice.options)


def written(inputs: Sequence[Input]) -> Choice | None:
    """The Choice that a word is written with, if a model has one."""
    return None if codes_of(inputs) else ordered(inputs)


class Word(View):
    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return written(gan.inputs) is not None

    @classmethod
    def fields(cls, inputs: Sequence[Input]) -> dict[str, Field]:
        if not (choice := written(inputs)):
            return {}
        if is_spelt(choice):
            return {"hand": seed_field(), "text": Field(NUMBER, letters(choice))}
        return {"hand": seed_field(), "parts": Field([*choice.options[:PARTS]], several(choice))}

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(OPTIONS, RIGHT): [self.build]}

    def build(self) -> None:
        tab, choice = self.tab, written(self.tab.gan.inputs)
        assert choice
        spelt, first = is_spelt(choice), [*choice.options[:PARTS]]
        gr.Markdown("### Write with it\nOne handful of noise for the whole row, so it is all in one hand.")
        with gr.Row():
            self.text = gr.Textbox(
                NUMBER,
                label="a number",
                max_length=LETTERS,
                visible=spelt,
                min_width=140,
                scale=4,
                elem_id=tab.id("text"),
            )
            self.outfit = gr.Dropdown(
                list(choice.options),
                value=[] if spelt else first,
                multiselect=True,
                max_choices=LETTERS,
                label="an outfit, from left to right",
                visible=not spelt,
                min_width=140,
                scale=4,
                elem_id=tab.id("parts"),
            )
            self.hand = gr.Number(0, label="hand (seed)", precision=0, min_width=90, scale=2, elem_id=tab.id("hand"))
            self.another = gr.Button("🎲 Another hand", min_width=130, scale=2, elem_id=tab.id("another"))
        self.strip = picture(None, tab.id("word"), "The row, in one hand")
        self.boxes = {"hand": self.hand, "text": self.text, "parts": self.outfit}

    @staticmethod
    def choice(checkpoint: str) -> Choice:
        choice = written(inference.load(checkpoint)[1].inputs)
        assert choice
        return choice

    def draw(self, checkpoint: str, hand: float, text: str, parts: Sequence[str]) -> Image.Image:
        choice = self.choice(checkpoint)
        hand, word = texts.seed_within(hand, "hand")
        if word:
            gr.Warning(word)
        row = list(str(text)) if is_spelt(choice) else list(parts or ())
        if problem := self.problem(choice, row):
            raise ValueError(problem)
        images = inference.sample_each(checkpoint, [(hand, {choice.name: option}) for option in row])
        scale = max(1, SHEET // (LETTERS * images.shape[-1]))
        return grid(images, columns=len(images), scale=scale, gap=0)

    @staticmethod
    def problem(choice: Choice, row: Sequence[str]) -> str:
        """Why this cannot be written; empty if it can."""
        among = f"{choice.options[0]} to {choice.options[-1]}" if is_spelt(choice) else ", ".join(choice.options)
        if not 1 <= len(row) <= LETTERS:
            return f"{len(row)} given; write 1 to {LETTERS} of {among}"
        wrong = [option for option in row if option not in choice.options]
        return f"{wrong[0][:20]!r} cannot be written; there are {among}" if wrong else ""

    def check(self, checkpoint: str, hand: float, text: str, parts: Sequence[str]) -> list[Any]:
        """The same, shown at the control."""
        choice = self.choice(checkpoint)
        spelt = is_spelt(choice)
        problem = self.problem(choice, list(str(text)) if spelt else list(parts or ()))
        fine = gr.validate(True, "")
        bad = gr.validate(not problem, problem)
        return [fine, fine, bad if spelt else fine, fine if spelt else bad]

    def rows(self, checkpoint: str, text: str | None = None, parts: list[str] | None = None) -> list[Any]:
        """The boxes, changed to what another checkpoint can write, and set to a row, or back."""
        choice = self.choice(checkpoint)
        spelt, options = is_spelt(choice), list(choice.options)
        return [
            gr.Textbox(text or NUMBER, visible=spelt),
            gr.Dropdown(options, value=[] if spelt else parts or options[:PARTS], visible=not spelt),
        ]

    def update(self, checkpoint: str, values: Mapping[str, Any]) -> Updates:
        text, outfit = self.rows(checkpoint, values.get("text"), values.get("parts"))
        return {self.hand: values["hand"], self.text: text, self.outfit: outfit}

    def wire(self) -> None:
        tab, draw = self.tab, show_errors(self.draw)
        inputs = [tab.checkpoint, self.hand, self.text, self.outfit]
        self.parts = [Part([self.strip], ["hand", "text", "parts"], draw)]
        changes: list[Any] = [self.hand.submit, self.text.submit, self.text.input, self.outfit.input]
        gr.on(changes, draw, inputs, self.strip, trigger_mode="always_last", validator=self.check, **REDRAW)
        self.another.click(None, None, self.hand, js=DICE).then(draw, inputs, self.strip, **REDRAW)
        boxes = [self.text, self.outfit]
        refit = tab.checkpoint.input(skip_on_error(self.rows, boxes), tab.checkpoint, boxes, queue=False, **PRIVATE)
        refit.then(draw, inputs, self.strip, **REDRAW)
