"""How an event of the page is answered: alone, hidden or in the queue; and how an error is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import gradio as gr
from gradio.components import Number

DICE = "() => Math.floor(Math.random() * 4294967296)"
# Progress is shown nowhere: what it is shown on is told of every step of every event, and the row of tabs, which a link selects
# in, tells all that is in it: the script of a click then runs three times as long (LOG.md).
PRIVATE: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": [], "api_visibility": "private"}
DRAWING: dict[str, Any] = {"concurrency_id": "draw", "concurrency_limit": 1}
REDRAW: dict[str, Any] = PRIVATE | DRAWING


def show_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Show a ValueError to the visitor as a message instead of an error page."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return wrapped


def skip_on_error(function: Callable[..., Any], outputs: Sequence[Any]) -> Callable[..., Any]:
    """For what follows the choice of a checkpoint: where it cannot be had, the drawing says so, and this changes nothing."""

    @wraps(function)
    def wrapped(*args: Any) -> Any:
        try:
            return function(*args)
        except ValueError:
            return [gr.skip() for _ in outputs] if len(outputs) > 1 else gr.skip()

    return wrapped


def quiet_bounds() -> None:
    """Let a number out of bounds be a message in the page alone. Gradio checks it before any function of ours, and also prints
    a traceback, for what is a visitor's slip. (A slider of our own class would have it write a file beside our source.)"""
    check = Number.raise_if_out_of_bounds
    if getattr(check, "is_quiet", False):
        return

    def checked(num: float, minimum: float | None, maximum: float | None) -> None:
        try:
            check(num, minimum, maximum)
        except gr.Error as error:
            error.print_exception = False
            raise
        except TypeError:
            raise gr.Error(f"{str(num)[:40]!r} is not a number", print_exception=False) from None

    checked.is_quiet = True  # type: ignore[attr-defined]
    Number.raise_if_out_of_bounds = staticmethod(checked)  # type: ignore[method-assign]
