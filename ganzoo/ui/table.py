"""Views of a model that takes orders: a table with a row for each option, and a word written in one hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from ..images import grid
from ..inputs import SEEDS, Choice, Code, Noise
from . import play
from .controls import DICE, PRIVATE, forgiving, picture, polite
from .links import Part
from .permalink import LETTERS, SEED, spells

if TYPE_CHECKING:
    from .views import Tab

COLUMNS = 10
SIDE = 1600  # pixels that a table is enlarged to at most, by whole factors


def sheet(images: Any, columns: int) -> Image.Image:
    scale = max(1, SIDE // (columns * images.shape[-1]))
    return grid(images, columns=columns, scale=scale, gap=max(1, scale // 2), paper=48)


class Table:
    """The paper's figure, live: rows are the options of a Choice, columns are a code swept, or seeds."""

    def __init__(self, tab: Tab, choice: Choice) -> None:
        self.tab, self.choice = tab, choice
        codes = [x.name for x in tab.inputs if isinstance(x, Code)]
        self.first = codes[0] if codes else SEED
        gr.Markdown(self.words(codes))
        self.across = gr.Radio(
            [*codes, SEED], value=self.first, label="from left to right", elem_id=tab.id("across"), visible=bool(codes)
        )
        self.picture = picture(
            self.draw(tab.first, 0, self.first, *tab.defaults()), tab.id("table"), f"A row for each {choice.name}"
        )

    def words(self, codes: list[str]) -> str:
        row = "### A row for each " + self.choice.name
        if codes:
            return f"{row}\nOne handful of noise for all. What changes from left to right is one code, from -1 to 1."
        return f"{row}\nEach column is one handful of noise: what it decides is the style, and it is the same in all rows."

    def draw(self, checkpoint: str, seed: float, across: str | None, *values: object) -> Image.Image:
        choice = next(x for x in play.network(checkpoint)[1].inputs if x.name == self.choice.name)
        assert isinstance(choice, Choice)
        code = next((x for x in self.tab.inputs if x.name == across and isinstance(x, Code)), None)
        fixed = self.tab.fixed(values)
        first = play.whole("seed", seed, 0, SEEDS - 1)
        pictures = []
        for option in choice.options:
            for i in range(COLUMNS):
                swept = {code.name: code.low + (code.high - code.low) * i / (COLUMNS - 1)} if code else {}
                at = first if code else (first + i) % SEEDS
                pictures.append((at, fixed | swept | {choice.name: option}))
        return sheet(play.each(checkpoint, pictures), COLUMNS)

    def wire(self, before: list[Any], quick: dict[str, Any]) -> None:
        """Redraw when the controls are moved, and after each event of `before`."""
        tab, draw = self.tab, polite(self.draw)
        if tab.codes:
            tab.held["across"] = self.across
        tab.parts.append(Part([self.picture], ["seed", "across", *(x.name for x, _ in tab.controls)], draw))
        asked = [tab.checkpoint, tab.seed, self.across, *(c for _, c in tab.controls)]
        codes = [c.release for x, c in tab.controls if isinstance(x, Code)]
        changes = [tab.seed.submit, tab.go.click, self.across.input, *codes]
        gr.on(changes, draw, asked, self.picture, trigger_mode="always_last", **quick)
        for event in before:
            event.then(draw, asked, self.picture, **quick)


class Word:
    """Pictures in a row, ordered one by one, all from one handful of noise: one hand, one wardrobe."""

    def __init__(self, tab: Tab, choice: Choice) -> None:
        self.tab, self.choice = tab, choice
        spelt = spells(choice)
        gr.Markdown("### Write with it\nOne handful of noise for the whole row, so it is all in one hand.")
        with gr.Row():
            self.text = gr.Textbox(
                "2026",
                label="a number",
                max_length=LETTERS,
                visible=spelt,
                min_width=140,
                scale=4,
                elem_id=tab.id("text"),
            )
            self.parts = gr.Dropdown(
                list(choice.options),
                value=[] if spelt else list(choice.options[:4]),
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
        self.strip = picture(self.draw(tab.first, 0, "2026", list(choice.options[:4])), tab.id("word"), "The row, in one hand")

    def draw(self, checkpoint: str, hand: float, text: str, parts: Sequence[str]) -> Image.Image:
        choice = self.of(checkpoint)
        wanted = list(str(text)) if spells(choice) else list(parts or ())
        if problem := self.problem(choice, wanted):
            raise ValueError(problem)
        images = play.each(checkpoint, [(hand, {choice.name: w}) for w in wanted])  # type: ignore[misc]
        scale = max(1, SIDE // (LETTERS * images.shape[-1]))
        return grid(images, columns=len(images), scale=scale, gap=0)

    def of(self, checkpoint: str) -> Choice:
        found = next(x for x in play.network(checkpoint)[1].inputs if x.name == self.choice.name)
        assert isinstance(found, Choice)
        return found

    @staticmethod
    def problem(choice: Choice, wanted: Sequence[str]) -> str:
        """Why this cannot be written; empty if it can."""
        among = f"{choice.options[0]} to {choice.options[-1]}" if spells(choice) else ", ".join(choice.options)
        if not 1 <= len(wanted) <= LETTERS:
            return f"{len(wanted)} given; write 1 to {LETTERS} of {among}"
        wrong = [w for w in wanted if w not in choice.options]
        return f"{wrong[0][:20]!r} cannot be written; there are {among}" if wrong else ""

    def check(self, checkpoint: str, hand: float, text: str, parts: Sequence[str]) -> list[Any]:
        """The same, said at the control."""
        choice = self.of(checkpoint)
        spelt = spells(choice)
        problem = self.problem(choice, list(str(text)) if spelt else list(parts or ()))
        fine = gr.validate(True, "")
        bad = gr.validate(not problem, problem)
        return [fine, fine, bad if spelt else fine, fine if spelt else bad]

    def fitted(self, checkpoint: str, text: str | None = None, parts: list[str] | None = None) -> list[Any]:
        """The controls, changed to what another checkpoint can write, and set to a row, or back."""
        choice = self.of(checkpoint)
        spelt, options = spells(choice), list(choice.options)
        return [
            gr.Textbox(text or "2026", visible=spelt),
            gr.Dropdown(options, value=[] if spelt else parts or options[:4], visible=not spelt),
        ]

    def wire(self, quick: dict[str, Any]) -> None:
        tab, draw = self.tab, polite(self.draw)
        asked = [tab.checkpoint, self.hand, self.text, self.parts]
        tab.held |= {"hand": self.hand, "text": self.text, "parts": self.parts}
        tab.parts.append(Part([self.strip], ["hand", "text", "parts"], draw))
        changes: list[Any] = [self.hand.submit, self.text.submit, self.text.input, self.parts.input]
        gr.on(changes, draw, asked, self.strip, trigger_mode="always_last", validator=self.check, **quick)
        self.another.click(None, None, self.hand, js=DICE).then(draw, asked, self.strip, **quick)
        boxes = [self.text, self.parts]
        refit = tab.checkpoint.input(forgiving(self.fitted, boxes), tab.checkpoint, boxes, queue=False, **PRIVATE)
        refit.then(draw, asked, self.strip, **quick)


def ordered(tab: Tab) -> Choice | None:
    """The Choice that a table has its rows from, if the model takes one and has noise to hold."""
    if not any(isinstance(x, Noise) for x in tab.gan.inputs):
        return None
    return next((x for x in tab.inputs if isinstance(x, Choice)), None)
