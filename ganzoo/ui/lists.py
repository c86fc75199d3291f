"""A list for each attribute that captions name: what is chosen in them writes the caption, and they show what one says."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ..data.wording import Wording
from .assets import read

OPEN = "anything"  # of what a caption leaves open
NOTHING: dict[str, Any] = {"lists": [], "values": {}, "open": OPEN}  # where it is not known what captions say

TEMPLATE, STYLE, SCRIPT = (read(f"lists.{kind}") for kind in ("html", "css", "js"))


def lists(elem_id: str, wording: Wording | None, caption: str) -> gr.HTML:
    """The component, set to a caption. Its event is `input`: a visitor chose from the list `last`."""
    return gr.HTML(
        shown(wording, caption),
        html_template=TEMPLATE,
        css_template=STYLE,
        js_on_load=SCRIPT,
        elem_id=elem_id,
        elem_classes=["flush", "of-parts"],
    )


def shown(wording: Wording | None, caption: str) -> dict[str, Any]:
    """The lists, set to what a caption says, as the component's value."""
    if not wording:
        return NOTHING
    each = [{"name": a.name, "values": a.values} for a in wording.attributes]
    return NOTHING | {"lists": each, "values": wording.read(caption)}


def written(wording: Wording | None, value: object, before: str) -> str:
    """The caption of what is chosen, from a browser that may send anything, in place of another one. ValueError otherwise."""
    if not wording or not isinstance(value, dict):
        raise ValueError("lists: there are none of this checkpoint")
    return wording.caption(value.get("values"), value.get("last"), before)
