"""The timeline: the same sixteen seeds, from the first step of training to the last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ...checkpoint.manifest import MOST_SHOTS
from ...gan import GAN
from ...inputs import Input
from .. import inference, texts
from ..events import PRIVATE, REDRAW, skip_on_error
from ..fields import SHOT, Field, whole
from ..scrubber import frames, scrubber
from ..tab import LEFT, TRAINING, Part, Slot, View


class Timeline(View):
    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return True

    @classmethod
    def fields(cls, inputs: Sequence[Input]) -> dict[str, Field]:
        return {SHOT: Field(None, whole(0, MOST_SHOTS - 1))}

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(TRAINING, LEFT): [self.build]}

    def build(self) -> None:
        gr.Markdown("### Watch it learn")
        self.about = gr.Markdown(texts.covered(self.tab.checkpoints[0].manifest), elem_id=self.tab.id("covered"))
        self.timeline = scrubber(self.tab.id("timeline"))

    @staticmethod
    def draw(checkpoint: str, shot: int | None = None) -> dict[str, Any]:
        c, _ = inference.load(checkpoint)
        end = int(c.config["training"]["steps"])
        rows = c.timeline() or [(end, inference.sample(checkpoint, 16, 0).images)]  # none was kept: the end alone
        batch = int(c.config["config"]["batch"])
        captions = [f"step {step:,}: {step * batch:,} pictures seen" for step, _ in rows]
        exact = not c.timeline_file or c.timeline_file.suffix != ".webp"
        shown: dict[str, Any] = {"label": "Step of training", "alt": "Sixteen pictures at this step", "key": SHOT, "at": shot}
        return frames([p for _, p in rows], captions, start=len(rows) - 1, delay=350, lossless=exact, **shown)

    @staticmethod
    def covered(checkpoint: str) -> str:
        return texts.covered(inference.load(checkpoint)[0].manifest)

    def wire(self) -> None:
        checkpoint, outputs = self.tab.checkpoint, [self.timeline]
        about = [self.about]
        self.parts = [Part(outputs, [SHOT], self.draw), Part(about, [], self.covered)]
        checkpoint.input(skip_on_error(self.covered, about), checkpoint, about, queue=False, **PRIVATE)
        checkpoint.input(skip_on_error(self.draw, outputs), checkpoint, outputs, **REDRAW)
