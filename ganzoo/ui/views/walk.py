"""The walk of a model that is fed noise and no captions: what is between two seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ...gan import GAN
from ...inputs import Choice, Input, Noise, Text
from .. import inference, texts
from ..events import DICE, REDRAW, show_errors
from ..fields import AT, Field, seed_field, whole
from ..limits import FRAMES
from ..scrubber import frames, scrubber
from ..tab import LEFT, OPTIONS, Part, Slot, View


def has_walk(inputs: Sequence[Input]) -> bool:
    return any(isinstance(x, Noise) for x in inputs) and not any(isinstance(x, Text) for x in inputs)


class Walk(View):
    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return has_walk(gan.inputs)

    @classmethod
    def fields(cls, inputs: Sequence[Input]) -> dict[str, Field]:
        if not has_walk(inputs):
            return {}
        return {AT: Field(None, whole(0, FRAMES - 1)), "from": seed_field(0), "to": seed_field(1)}

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(OPTIONS, LEFT): [self.build]}

    def build(self) -> None:
        tab = self.tab
        gr.Markdown(f"### Walk\n{texts.WALK}")
        self.steps = scrubber(tab.id("walk"))
        with gr.Row():
            self.start = tab.seed_box(0, texts.START, "start")
            self.end = tab.seed_box(1, texts.END, "end")
            self.elsewhere = gr.Button("🎲 Elsewhere", min_width=120, scale=3, elem_id=tab.id("elsewhere"))
        self.boxes = {"from": self.start, "to": self.end}

    def draw(self, checkpoint: str, start: float, end: float, at: int | None = None, *values: Any) -> dict[str, Any]:
        """The frames; of a model that takes a Choice all of the option that `values`, of the tab's controls, have."""
        choices = [x.name for x in self.tab.gan.inputs if isinstance(x, Choice)] if values else []
        fixed = {k: v for k, v in self.tab.fixed(checkpoint, values, int(start), 1).items() if k in choices} if choices else {}
        pictures = inference.walk(checkpoint, start, end, fixed)  # type: ignore[arg-type]
        last = len(pictures) - 1
        captions = [texts.way(round(100 * i / last), int(start), int(end)) for i in range(last + 1)]
        label, alt = "Way from one seed to the other", "The picture on the way"
        keep = f"{checkpoint}-{start}-{end}.gif"
        return frames(
            [p[None] for p in pictures], captions, label, alt, start=last // 2, keep_as=keep, key=AT, at=at, plays=True
        )

    def wire(self) -> None:
        tab, draw = self.tab, show_errors(self.draw)
        self.parts = [Part([self.steps], ["from", "to", AT, *tab.control_boxes], draw)]

        def redraw(checkpoint: str, start: float, end: float, *values: Any) -> dict[str, Any]:
            shown: dict[str, Any] = draw(checkpoint, start, end, None, *values)
            return shown

        inputs = [tab.checkpoint, self.start, self.end, *tab.control_boxes.values()]
        changes = [self.start.submit, self.end.submit]
        for control in tab.controls:
            changes += control.release_events if isinstance(control.x, Choice) else []
        gr.on(changes, redraw, inputs, self.steps, trigger_mode="always_last", **REDRAW)
        # When the controls are those of the checkpoint: an option of another one is none of its own.
        for event in tab.redraw_events[:1]:
            event.then(redraw, inputs, self.steps, **REDRAW)
        roll = f"() => [({DICE})(), ({DICE})()]"
        self.elsewhere.click(None, None, [self.start, self.end], js=roll).then(redraw, inputs, self.steps, **REDRAW)
