"""A visitor's own picture. The browser makes it small (static/upload.js) and sends it as text, a data address, so that it is
never a file here; what is drawn of it goes back as a file that is deleted within a minute."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import secrets
import shutil
import threading
from pathlib import Path
from string import Template
from typing import Any

import gradio as gr
from gradio import utils
from PIL import Image

from ..data.pictures import reason
from ..images import png
from .assets import read
from .limits import HEAVIEST, UPLOAD, UPLOAD_SIDE

LONGEST = 6_000_000  # characters of a data address
SECONDS = 40  # that a file of something private is kept
HINT = "It stays in your browser, and on this server for as long as it takes to draw; no link holds it."
KINDS = ("PNG", "JPEG", "WEBP")

TEMPLATE, STYLE, SCRIPT = (read(f"upload.{kind}") for kind in ("html", "css", "js"))


def upload(elem_id: str, label: str, side: int) -> gr.HTML:
    """The component; it changes when a picture is chosen or removed. side: of the picture that is sent, at most."""
    settings = html.escape(json.dumps({"side": min(side, UPLOAD_SIDE), "heaviest": HEAVIEST, "hint": HINT}))
    template = Template(TEMPLATE).substitute(settings=settings, label=html.escape(label), hint=HINT)
    return gr.HTML("", html_template=template, css_template=STYLE, js_on_load=SCRIPT, elem_id=elem_id)


def uploaded(name: str, value: object) -> Image.Image | None:
    """The component's value, from a browser or a program that may send anything -> the picture; None if there is none.

    ValueError, in one line, unless it is a PNG, JPEG or WebP of at most UPLOAD pixels as a data address."""
    if not value:
        return None
    found = re.match(r"data:image/(png|jpeg|webp);base64,", value) if isinstance(value, str) else None
    if not found or not isinstance(value, str) or len(value) > LONGEST:
        raise ValueError(
            f"{name}: not a picture; give a PNG, JPEG or WebP as data:image/png;base64,..., at most {LONGEST:,} long"
        )
    try:
        with Image.open(io.BytesIO(base64.b64decode(value[found.end() :], validate=True)), formats=KINDS) as picture:
            if picture.width * picture.height > UPLOAD:
                raise ValueError(f"{picture.width} x {picture.height} pixels; give at most {UPLOAD:,}")
            picture.load()
            return picture
    except Exception as error:  # of any kind, as of every file that somebody else made
        raise ValueError(f"{name}: not a picture that can be read ({reason(error)})") from None


def fleeting(value: Any) -> Any:
    """A component's value with each picture as a file that is deleted after SECONDS."""
    if isinstance(value, Image.Image):
        folder = Path(utils.get_upload_folder()).resolve() / f"fleeting-{secrets.token_hex(16)}"
        folder.mkdir(parents=True)
        (folder / "image.png").write_bytes(png(value))
        timer = threading.Timer(SECONDS, shutil.rmtree, [folder], {"ignore_errors": True})
        timer.daemon = True  # when the app stops, all of Gradio's folder goes
        timer.start()
        return str(folder / "image.png")
    return tuple(map(fleeting, value)) if isinstance(value, tuple) else value


def as_address(picture: Image.Image) -> str:
    """A picture as a data address: PNG."""
    return f"data:image/png;base64,{base64.b64encode(png(picture)).decode()}"
