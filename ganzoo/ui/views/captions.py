"""Change a word, of a model that draws from captions: what is between two captions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ...gan import GAN
from ...inputs import EPSILON, Input, Text
from .. import inference, prompts, texts
from ..controls.text import STYLE, TextControl
from ..events import REDRAW, show_errors
from ..fields import AT, SEED, Field, caption_line, whole
from ..limits import BLUR, STEPS
from ..scrubber import frames, scrubber
from ..tab import CAPTIONS, LEFT, Part, Slot, View


class Captions(View):
    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return any(isinstance(x, Text) for x in gan.inputs)

    @classmethod
    def fields(cls, inputs: Sequence[Input]) -> dict[str, Field]:
        text = next((x for x in inputs if isinstance(x, Text)), None)
        if not text:
            return {}
        return {"into": Field(text.suggestions[0][1], caption_line(text)), AT: Field(None, whole(0, STEPS - 1))}

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(CAPTIONS, LEFT): [self.build]}

    def build(self) -> None:
        tab = self.tab
        self.control = next(c for c in tab.controls if isinstance(c, TextControl))
        text = prompts.text_of(tab.gan)
        _, other = text.suggestions[0]
        gr.Markdown("### Change a word\nThe same four handfuls of noise. Drag from one caption to the other.")
        self.into = gr.Textbox(
            other,
            label="the other caption",
            max_length=text.length,
            lines=1,
            max_lines=3,
            elem_id=tab.id("into"),
            elem_classes="settles",
        )
        self.steps = scrubber(tab.id("walk"))
        self.boxes = {"into": self.into}
        self.control.counterparts.append(self.into)

    @staticmethod
    def draw(
        checkpoint: str, seed: float, prompt: str, into: str, style: str | None, epsilon: float | None, at: int | None = None
    ) -> dict[str, Any]:
        """The frames from one caption to the other. A visitor's captions are not among theirs."""
        gan = inference.load(checkpoint)[1]
        seed, _ = texts.seed_within(seed)  # the samples say what was wrong with it
        (one,), (other,) = (prompts.captions(checkpoint, seed, 1, x, style) for x in (prompt, prompts.text_of(gan).line(into)))
        blur = BLUR if epsilon is None else epsilon
        steps = inference.between_captions(checkpoint, seed, one, other, blur)
        last, side = len(steps) - 1, steps.shape[-1]
        small = f" · at {side} pixels, after the first stage" if side < gan.config.side else ""
        shares = [round(100 * i / last) for i in range(last + 1)]
        captions = [f"{100 - s} % the first caption, {s} % the other{small}" for s in shares]
        label, alt = "Way from one caption to the other", "Four pictures on the way"
        keep = f"{checkpoint}-words-{int(seed)}.gif"
        return frames([*steps], captions, label, alt, start=last // 2, keep_as=keep, key=AT, at=at, plays=True)

    @staticmethod
    def check(checkpoint: str, seed: float, prompt: str, into: str, style: str | None, epsilon: float) -> list[Any]:
        """What is wrong with a caption, shown at its control."""
        first = "" if prompts.is_blank(prompt) else prompts.why_unreadable(checkpoint, prompt, style)
        fine = gr.validate(True, "")
        problems = first, prompts.why_unreadable(checkpoint, into, style)
        return [fine, fine, *(gr.validate(not p, p) for p in problems), fine, fine]

    def wire(self) -> None:
        tab, control = self.tab, self.control
        inputs = [tab.checkpoint, tab.seed, control.box, self.into, control.style, control.epsilon]
        draw = show_errors(self.draw)
        self.parts = [Part([self.steps], [SEED, control.x.name, "into", STYLE, EPSILON, AT], draw)]
        changes = [*control.release_events, tab.seed.submit, tab.go.click, self.into.submit]
        gr.on(changes, draw, inputs, self.steps, trigger_mode="always_last", validator=self.check, **REDRAW)
        for event in tab.redraw_events:
            event.then(draw, inputs, self.steps, **REDRAW)
