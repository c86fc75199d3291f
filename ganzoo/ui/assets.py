"""The page's JavaScript, CSS and templates: files of `static/`, which `biome` lints; read once, at import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

STATIC = Path(__file__).with_name("static")


def read(name: str) -> str:
    """The text of a file of `static/`."""
    return (STATIC / name).read_text(encoding="utf-8")


def script(name: str) -> str:
    """A script as an element for the page's head; its names are its own."""
    return f"<script>\n{{\n{read(name)}}}\n</script>\n"


def data(elem_id: str, values: Any) -> str:
    """Values for a script, as an element for the page's head: JSON, which nothing in it can end early."""
    content = json.dumps(values).replace("<", "\\u003c")
    return f'<script type="application/json" id="{elem_id}">{content}</script>\n'
