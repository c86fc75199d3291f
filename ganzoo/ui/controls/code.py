"""A Code: a slider, whose label says what it was measured to move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from ...checkpoint.folder import Checkpoint
from ...inputs import Code, Input
from ..fields import STEP, Field, slider_step
from ..measures import moved_by_slider
from ..tab import Control, Updates


def meaning(x: Code, c: Checkpoint) -> str:
    """A code's name, and what its slider was measured to move."""
    moves = moved_by_slider(c, x.name)
    return f"{x.name}: {moves}" if moves else x.name


class CodeControl(Control):
    @classmethod
    def fields(cls, x: Code, inputs: Sequence[Input]) -> dict[str, Field]:
        return {x.name: Field(0, slider_step(x))}

    def make(self, c: Checkpoint) -> None:
        x = self.x
        assert isinstance(x, Code)
        box = gr.Slider(
            x.low,
            x.high,
            value=0,
            step=STEP,
            label=meaning(x, c),
            buttons=["reset"],
            elem_id=self.tab.id(x.name),
            elem_classes=["signed"] * (x.low == -x.high),
        )
        self.boxes[x.name] = box
        self.change_events, self.release_events = [box.input], [box.release]

    def update(self, x: Code, c: Checkpoint, values: Mapping[str, Any] | None) -> Updates:
        return {self.boxes[x.name]: gr.Slider(value=(values or {}).get(x.name, 0), label=meaning(x, c))}

    def read(self, x: Code, values: Mapping[str, Any], checkpoint: str, seed: int, n: int) -> dict[str, Any]:
        return {} if values[x.name] in (None, "") else {x.name: values[x.name]}
