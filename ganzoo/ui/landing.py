"""The first view: a picture of every trained model, in groups and in the order of history; a click opens its tab."""

from __future__ import annotations

import hashlib
import html
import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import gradio as gr
from PIL import Image

from .. import registry
from ..checkpoint.folder import Checkpoint, previewed
from ..images import columns_for
from ..spec import Spec
from . import links, permalink, texts
from .laboratory import settings as laboratory

NAME = "zoo"  # of its tab, in links
SHOWN = 4  # pictures across and down
SIDE = 256  # pixels of a preview at most

LABORATORY = (  # a card without a picture, since nothing of it is trained yet
    f'<a class="card" href="?v={permalink.VERSIONS[-1]}&amp;tab={laboratory.NAME}" data-tab="{laboratory.NAME}">'
    "<b>Collapse laboratory</b><span>Watch a small GAN learn points of the plane, here and now: make it collapse, and mend it."
    "</span></a>"
)


@cache
def folder() -> Path:
    """Where the previews lie while the app runs: Gradio serves them as they are."""
    parent = os.environ.get("GRADIO_TEMP_DIR") or None  # of the app: `start.prepare` made it, and it goes when the app stops
    made = Path(tempfile.mkdtemp(prefix="ganzoo-previews-", dir=parent))
    gr.set_static_paths([made])
    return made


def preview(c: Checkpoint) -> tuple[Path, int] | None:
    """The first pictures of a checkpoint's preview in a file that is named by its content, and how wide they are in all; None
    where it has no preview."""
    if not (c.folder / "preview.png").is_file():
        return None
    with Image.open(c.folder / "preview.png") as whole:
        across = whole.width * min(1.0, SHOWN / columns_for(previewed(c.manifest.config.side)))
        shown = whole.crop((0, 0, round(across), round(across))).convert("RGB")
    if shown.width > SIDE:
        shown = shown.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    path = folder() / "preview.webp"
    shown.save(path, lossless=shown.width < SIDE, quality=88)
    named = path.with_stem(f"{c.name}-{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}")
    return path.replace(named), shown.width


def card(spec: Spec, c: Checkpoint) -> str:
    """A model's picture, title, year and first sentence, as a link to its tab."""
    found, (idea, _) = preview(c), texts.first_sentence(spec.note)
    picture = ""
    if found:
        path, side = found
        alt = f"Pictures drawn by {spec.title}"
        picture = f'<img src="gradio_api/file={path}" width="{side}" height="{side}" loading="lazy" alt="{html.escape(alt)}">'
    link, authors = f"?v={permalink.VERSIONS[-1]}&amp;tab={spec.name}", html.escape(spec.paper.authors)
    return (
        f'<a class="card" href="{link}" data-tab="{spec.name}" data-authors="{authors}">{picture}'
        f"<b>{html.escape(spec.title)}</b><small>{spec.paper.year}</small><span>{html.escape(idea)}</span></a>"
    )


def head(trained: Mapping[str, Sequence[Checkpoint]]) -> None:
    """The page's title, and a box that finds a model by its name, its authors or its year."""
    titles = "".join(f'<option value="{html.escape(s.title)}">' for s in registry.specs() if s.name in trained)
    gr.HTML(
        f'<div class="head-line"><h1>ganzoo</h1><search><input type="search" id="zoo-search" list="zoo-titles" '
        f'aria-label="{texts.SEARCH}" placeholder="{texts.SEARCH}" autocomplete="off" spellcheck="false"></search></div>'
        f'<datalist id="zoo-titles">{titles}</datalist><p>{texts.ABOUT}{twin()}</p>',
        elem_id="zoo-head",
        elem_classes="flush",
    )


def twin() -> str:
    """A link to the same zoo as a static site, where one is set."""
    if not (address := links.site()):
        return ""
    return f' It also runs <a href="{html.escape(address)}">in your browser alone, without a server</a>.'


def landing(trained: Mapping[str, Sequence[Checkpoint]]) -> None:
    """The view, where the page is being built. trained: the checkpoints of each model that has any."""
    sections = ""
    for group, (title, about) in texts.GROUPS.items():
        specs = [s for s in registry.specs() if s.group == group]
        cards = [card(s, trained[s.name][0]) for s in specs if s.name in trained]
        cards += [LABORATORY] if group == "laboratory" else []
        if cards:
            begin = f"<section style='--cards: {len(cards)}'><h2>{title}</h2><p>{about}</p>"
            sections += f"{begin}<div class=cards>{''.join(cards)}</div></section>"
    gr.HTML(
        sections + f'<p class="none-found" role="status" hidden>{texts.NONE_FOUND}</p>',
        elem_id="zoo-landing",
        elem_classes="flush",
    )
    if missing := [s for s in registry.specs() if s.name not in trained]:
        with gr.Accordion(f"Not trained yet: {', '.join(s.title for s in missing)}", open=False, elem_id="zoo-untrained"):
            for spec in missing:
                untrained(spec)


def untrained(spec: Spec) -> None:
    """A model without weights shows no pictures: random ones would pass for results."""
    gr.Markdown(
        f"### {spec.title}\n\n{spec.note}\n\n**Not trained yet.** Train it, and it draws here:\n\n```\n"
        f"python -m ganzoo train {spec.name} --data {spec.data} --out runs/{spec.name}\n"
        f"python -m ganzoo export runs/{spec.name}\n```"
    )
