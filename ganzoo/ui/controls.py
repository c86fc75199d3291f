"""Input -> control: what a generator is fed decides what a visitor holds."""

from __future__ import annotations

import gradio as gr

from ..inputs import Choice, Input

ANY = "any"


def control(x: Input, elem_id: str) -> gr.components.Component | None:
    """The control of an input; None for noise, whose control is the seed."""
    if isinstance(x, Choice):
        return gr.Radio([ANY, *x.options], value=ANY, label=x.name, elem_id=elem_id)
    return None


def given(x: Input, value: object) -> dict[str, object]:
    """What a control's value fixes: nothing, where the visitor leaves it open."""
    return {} if value in (ANY, None, "") else {x.name: value}
