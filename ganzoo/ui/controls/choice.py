"""A Choice: a button for each option, and one that leaves it to the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from ...checkpoint.folder import Checkpoint
from ...inputs import Choice, Input
from ..fields import ANY, Field, one_of
from ..measures import class_of_option
from ..tab import Control, Updates


def named(x: Choice, c: Checkpoint) -> list[tuple[str, str]]:
    """(label, value) of each option; a code's label says what it was measured to draw."""
    names: Sequence[str] = x.options
    draws = class_of_option(c, x.name)
    if len(draws) == len(x.options):
        names = [f"{drawn} (code {o})" for o, drawn in zip(x.options, draws, strict=True)]
    return [(left_to_seed(x), left_to_seed(x)), *zip(names, x.options, strict=True)]


def left_to_seed(x: Choice) -> str:
    """The value that leaves it to the seed: any, or (any) where a class is called any."""
    value = ANY
    while value in x.options:
        value = f"({value})"
    return value


class ChoiceControl(Control):
    @classmethod
    def fields(cls, x: Choice, inputs: Sequence[Input]) -> dict[str, Field]:
        return {x.name: Field(left_to_seed(x), one_of([left_to_seed(x), *x.options]))}

    def make(self, c: Checkpoint) -> None:
        assert isinstance(self.x, Choice)
        name, value = self.x.name, left_to_seed(self.x)
        box = gr.Radio(named(self.x, c), value=value, label=name, elem_id=self.tab.id(name), elem_classes="choice")
        self.boxes[name] = box
        self.change_events, self.release_events = [box.input], [box.input]

    def update(self, x: Choice, c: Checkpoint, values: Mapping[str, Any] | None) -> Updates:
        return {self.boxes[x.name]: gr.Radio(named(x, c), value=(values or {}).get(x.name, left_to_seed(x)))}

    def read(self, x: Choice, values: Mapping[str, Any], checkpoint: str, seed: int, n: int) -> dict[str, Any]:
        return {} if values[x.name] in (left_to_seed(x), None, "") else {x.name: values[x.name]}
