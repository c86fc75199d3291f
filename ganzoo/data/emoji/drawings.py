"""The drawings of the emoji: the concepts that have one, and their pictures on disk, rendered once.

Iconify's format: a set is {"icons": {name: {"body": SVG}}, "aliases": {name: {"parent": name}}, "width", "height"}.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from PIL import Image
from tqdm import tqdm

from ...files import read_json, write_json
from ...images import from_pil
from ..dataset import stream

STYLES = {  # the name of the set -> the word for it in a caption
    "noto": "noto",
    "twemoji": "twemoji",
    "openmoji": "outlined",
    "fluent-emoji": "3D",
    "fluent-emoji-flat": "flat",
    "emojione": "emojione",
}
SIDES = (64, 256)
THINGS = {0, 3, 4, 5, 6, 7}  # groups of emojibase: smileys, nature, food, travel, activities, objects
BODY, SHAPES = (1, 22), (8, 96)  # and two subgroups: parts of the body, and coloured shapes
PEOPLE = 1
CLOCK = re.compile(r"o.clock|-thirty")
VERSION = 1  # of the pictures on disk


@dataclass(frozen=True)
class Concept:
    """A thing that has an emoji."""

    code: str  # its Unicode code points
    name: str
    keywords: tuple[str, ...]
    slugs: tuple[str, ...]  # names that it may have in a set
    person: bool


def read_concepts(root: Path) -> list[Concept]:
    """All things and people of emojibase, in its order. ValueError if a file is missing or not what it should be."""
    notes = _open(root, "annotations.json")
    found = []
    for e in _open(root, "data.json"):
        kind = (e.get("group"), e.get("subgroup"))
        person = kind[0] == PEOPLE and kind != BODY
        if CLOCK.search(e["label"]) or not (person or kind[0] in THINGS or kind in (BODY, SHAPES)):
            continue
        try:
            annotations = notes["annotations"]["annotations"]
        except (KeyError, TypeError):
            raise ValueError(f"{root / 'emoji' / 'annotations.json'}: not CLDR's annotations") from None
        note = annotations.get(e["emoji"]) or annotations.get(e["emoji"].replace("\ufe0f", "")) or {}
        name = e["label"].replace(":", ",").replace("’", "'")
        keywords = dict.fromkeys(k for k in (*e.get("tags", ()), *note.get("default", ())) if re.search(r"\w", k))
        slugs = tuple(slug(n) for n in (e["label"], *note.get("tts", ())))
        found.append(Concept(e["hexcode"], name, tuple(keywords), slugs, person))
    return found


def slug(name: str) -> str:
    """A name as the sets spell it.

    >>> slug("Piñata: O’Clock")
    'pinata-oclock'
    """
    bare = "".join(c for c in unicodedata.normalize("NFKD", name.lower().replace("’", "")) if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9#*]+", "-", bare).strip("-")


def _open(root: Path, name: str) -> Any:
    path = root / "emoji" / name
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path}: not there; `ganzoo/data/emoji/fetch.sh FOLDER` fetches it (--root names FOLDER)") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read ({error}); fetch it again") from None


def held_out(concept: Concept) -> bool:
    """Whether none of a thing's drawings is trained on: one in 25."""
    return stream("emoji concept", concept.code) % 25 == 0


def assign_split(concept: Concept, style: str, styles: list[str]) -> tuple[str, int]:
    """The split of a drawing, and its rank in the file, so that with and without people a split is in one piece."""
    if held_out(concept):
        return "unseen", 5 if concept.person else 4
    out = stream("emoji pair", concept.code) % 12
    if len(styles) >= 4 and style in styles[out : out + 1]:
        return "test", 2 if concept.person else 3
    return "train", 1 if concept.person else 0


def rendered_rows(root: Path) -> list[dict[str, Any]]:
    """What each row of the pictures on disk shows: {code, name, style, split, person}. Missing ones are rendered."""
    folder = root / "emoji" / "drawn"
    index = folder / "index.json"
    if not _is_complete(index):
        read_concepts(root)  # raises for what is missing before anything is made
        with FileLock(folder.parent / "drawn.lock"):  # where several processes ask, one of them renders
            if not _is_complete(index):
                render_all(root, folder)
    rows: list[dict[str, Any]] = read_json(index)["rows"]
    return rows


def _is_complete(index: Path) -> bool:
    return index.is_file() and read_json(index).get("version") == VERSION


def render_all(root: Path, folder: Path) -> None:
    """Render every picture into a new folder, then move it to where it is read. A few minutes, 1.6 GB."""
    concepts = read_concepts(root)
    sets = {style: _open(root, f"{style}.json") for style in STYLES}
    found = [(c, s, svg) for c in concepts for s in STYLES if (svg := svg_of(sets[s], c.slugs))]
    styles: dict[str, list[str]] = {}  # code -> the sets that have it
    for c, s, _ in found:
        styles.setdefault(c.code, []).append(s)
    order = sorted(found, key=lambda x: assign_split(x[0], x[1], styles[x[0].code])[1])  # stable: emojibase's order within
    size = len(order) * sum(3 * side * side for side in SIDES)
    if (free := shutil.disk_usage(folder.parent).free) < size:
        raise OSError(f"{folder}: the pictures take {size / 1e9:.1f} GB, {free / 1e9:.1f} GB are free")
    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".drawn."))
    try:
        with (new / "64.bytes").open("wb") as small, (new / "256.bytes").open("wb") as large:
            for _, _, svg in tqdm(order, desc=f"drawing {folder}", file=sys.stderr, mininterval=1):
                picture = render(svg)
                large.write(from_pil(picture).numpy().tobytes())
                small.write(from_pil(picture.reduce(SIDES[1] // SIDES[0])).numpy().tobytes())
        rows = [
            {"code": c.code, "name": c.name, "style": s, "split": assign_split(c, s, styles[c.code])[0], "person": c.person}
            for c, s, _ in order
        ]
        write_json(new / "index.json", {"version": VERSION, "rows": rows})
        new.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def svg_of(icons: dict[str, Any], slugs: tuple[str, ...]) -> str:
    """The drawing of a set (Iconify's format) that has the first of these names; empty if it has none."""
    for name in slugs:
        alias = icons.get("aliases", {}).get(name, {})
        icon = icons["icons"].get(alias.get("parent", name))
        if icon is None:
            continue
        w, h = (icon.get(k, icons[k]) for k in ("width", "height"))
        body = f'<g transform="translate({w} 0) scale(-1 1)">{icon["body"]}</g>' if alias.get("hFlip") else icon["body"]
        about = f'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {w} {h}"'
        return f'<svg {about} width="{SIDES[1]}" height="{SIDES[1]}">{body}</svg>'
    return ""


def render(svg: str) -> Image.Image:
    """SVG -> RGB, 256 x 256, on white, by resvg. ValueError if that is not installed or cannot read it."""
    try:
        import resvg_py
    except ImportError:
        raise ValueError("drawing the emoji needs resvg: `pip install resvg-py`") from None
    png = resvg_py.svg_to_bytes(svg_string=svg, background="#ffffff", skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(png))) as picture:
        return picture.convert("RGB")
