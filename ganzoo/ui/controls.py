"""Input -> control: what a generator is fed decides what a visitor holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import gradio as gr
from PIL import Image

from ..checkpoint import Checkpoint
from ..inputs import Choice, Code, Input, Text
from .permalink import ANY, STEP

DICE = "() => Math.floor(Math.random() * 4294967296)"
PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
DRAWING: dict[str, Any] = {"concurrency_id": "draw", "concurrency_limit": 1}


def polite(function: Callable[..., Any]) -> Callable[..., Any]:
    """Show a ValueError to the visitor as a message instead of an error page."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return wrapped


def control(x: Input, c: Checkpoint, elem_id: str) -> gr.components.Component | None:
    """The control of an input; None for noise, whose control is the seed."""
    if isinstance(x, Choice):
        return gr.Radio(named(x, c), value=ANY, label=x.name, elem_id=elem_id, elem_classes="choice")
    if isinstance(x, Code):
        return gr.Slider(x.low, x.high, value=0, step=STEP, label=meaning(x, c), buttons=["reset"], elem_id=elem_id)
    if isinstance(x, Text):
        return gr.Textbox(label=x.name, placeholder=x.examples[0], max_length=x.length, elem_id=elem_id)
    return None


def forgiving(function: Callable[..., Any], outputs: Sequence[Any]) -> Callable[..., Any]:
    """For what follows the choice of a checkpoint: where it cannot be had, the drawing says so, and this changes nothing."""

    @wraps(function)
    def wrapped(*args: Any) -> Any:
        try:
            return function(*args)
        except ValueError:
            return [gr.skip() for _ in outputs] if len(outputs) > 1 else gr.skip()

    return wrapped


def picture(image: Image.Image | None, elem_id: str, alt: str) -> gr.Image:
    """A drawing, lossless, to look at and to keep."""
    return gr.Image(
        image,
        show_label=False,
        format="png",
        type="pil",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id=elem_id,
        elem_classes="picture",
        alt_text=alt,
    )


def fitted(x: Input, c: Checkpoint, value: Any = None) -> Any:
    """The same control, changed to what it means in another checkpoint, and set to a value, or back."""
    if isinstance(x, Choice):
        return gr.Radio(named(x, c), value=value or ANY)
    if isinstance(x, Text):
        return gr.Textbox(value=value or "", placeholder=x.examples[0], max_length=x.length)
    assert isinstance(x, Code)
    return gr.Slider(value=value or 0, label=meaning(x, c))


def named(x: Choice, c: Checkpoint) -> list[tuple[str, str]]:
    """(label, value) of each option; a code's label says what it was measured to draw."""
    draws = detail(c, f"{x.name} error, generated").get("draws")
    names: tuple[str, ...] | list[str] = x.options
    if draws and len(draws) == len(x.options):
        names = [f"{drawn} (code {o})" for o, drawn in zip(x.options, draws, strict=True)]
    return [(ANY, ANY), *zip(names, x.options, strict=True)]


def meaning(x: Code, c: Checkpoint) -> str:
    """A code's name, and what its slider was measured to move."""
    moves = detail(c, f"{x.name} as a slider").get("moves")
    return f"{x.name}: {moves}" if moves else x.name


def detail(c: Checkpoint, measure: str) -> dict[str, Any]:
    """What a measure of a checkpoint keeps for programs; empty if it was not taken."""
    return next((m.get("detail", {}) for m in c.config["metrics"] if m["name"] == measure), {})


def given(x: Input, value: object) -> dict[str, object]:
    """What a control's value fixes: nothing, where the visitor leaves it open."""
    if isinstance(x, Text):
        return {x.name: value} if str(value or "").strip() else {}
    return {} if value in (ANY, None, "") else {x.name: value}
