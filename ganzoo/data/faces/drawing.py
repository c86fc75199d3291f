"""How a face is drawn: by `personas`, a style of DiceBear, whose SVG resvg renders.

Each part is rendered once, over each skin, and then laid over the others: a hundred times as fast as to render every face, and
the same to the eye (tests/test_faces.py). Two things depart from the style: the light on the face, which resvg makes grey on
dark skin, is left out, and the colours are those of `parts`.
Shapes: n people, S side.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import import_module, resources
from typing import Any, NamedTuple

import numpy
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from .parts import PARTS, Person, with_parts

SIDES = (8, 1024)  # the smallest and the largest, in pixels
ZOOM = 1.2  # nearer than the style has it: a head is then half as wide as the picture
MISSING = (
    "drawing the faces needs DiceBear and resvg: `pip install 'ganzoo[faces]'`, or dicebear-core, dicebear-styles, resvg-py"
)

# The parts from the back to the front: the component of the style -> the parts of a person that it shows. The nose goes with
# the head.
LAYERS = {
    "eyes": ("eyes",),
    "hair": ("hair", "hair_colour"),
    "clothes": ("clothes", "clothes_colour"),
    "mouth": ("mouth",),
    "facialHair": ("facial_hair", "hair_colour"),
}
HEAD = ("path", "nose")  # elements of the drawing


class Layer(NamedTuple):
    """A part as it lies over a head: what it adds, float32 (h, w, 3), and what it leaves of what is below, (h, w, 1), of the
    rectangle that it covers."""

    place: tuple[slice, slice]
    adds: NDArray[numpy.float32]
    leaves: NDArray[numpy.float32]


def render(people: Sequence[Person], side: int = 64, **fixed: str) -> Tensor:
    """uint8 (n, 3, S, S): the faces of people, on white. fixed: parts that all of them have instead of their own, so that the
    same people can be drawn with and without: `render(people, 64, eyes="glasses")`, `render(people, 64, eyes="open")`.

    The same person is the same at every side. ValueError for a part, a value or a side that there is not, or where DiceBear or
    resvg is not installed.
    """
    if not SIDES[0] <= side <= SIDES[1]:
        raise ValueError(f"faces@{side}: the side is from {SIDES[0]} to {SIDES[1]} pixels")
    drawn = [_compose(with_parts(who, fixed), side) for who in people]
    return torch.from_numpy(numpy.stack(drawn)) if drawn else torch.empty(0, 3, side, side, dtype=torch.uint8)


def _compose(who: Person, side: int) -> NDArray[numpy.uint8]:
    """(3, S, S)."""
    picture = _head(who["skin"], side).copy()
    for component, parts in LAYERS.items():
        values = tuple(who[part] for part in parts)
        if values[0] == "none":
            continue
        layer = _layer(who["skin"], component, values, side)
        below = picture[layer.place]
        below *= layer.leaves
        below += layer.adds
    rounded: NDArray[numpy.uint8] = (picture + 0.5).clip(0, 255).astype(numpy.uint8)
    return numpy.ascontiguousarray(rounded.transpose(2, 0, 1))


@lru_cache(maxsize=2048)
def _layer(skin: str, component: str, values: tuple[str, ...], side: int) -> Layer:
    """A part over a head of this skin, since the style blends some parts with what is below them."""
    about = {"skin": skin} | dict(zip(LAYERS[component], values, strict=True))
    alone = rasterise(svg(about, (component,)), side, opaque=False)[..., 3:] / 255
    over_head = rasterise(svg(about, (*HEAD, component)), side)
    leaves = (1 - alone).astype(numpy.float32)
    adds = over_head - leaves * _head(skin, side)
    covered = (leaves[..., 0] < 1) | (numpy.abs(adds) > 0.5).any(2)
    rows, columns = (numpy.flatnonzero(covered.any(axis)) for axis in (1, 0))
    if not len(rows):
        return Layer((slice(0), slice(0)), adds[:0, :0], leaves[:0, :0])
    place = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return Layer(place, adds[place].copy(), leaves[place].copy())


@lru_cache(maxsize=64)
def _head(skin: str, side: int) -> NDArray[numpy.float32]:
    return rasterise(svg({"skin": skin}, HEAD), side)


def svg(who: Person, elements: tuple[str, ...] = (*HEAD, *LAYERS)) -> str:
    """The drawing of a person, or of these elements of it. ValueError if DiceBear is not installed."""
    options: dict[str, Any] = {"seed": "0", "scale": ZOOM, "noseVariant": ["mediumRound"], "facialHairProbability": 100}
    if who.get("facial_hair") == "none":
        options["facialHairProbability"] = 0
    names = {"skin": "skinColor", "hair": "hairVariant", "hair_colour": "hairColor", "facial_hair": "facialHairVariant"}
    names |= {"eyes": "eyesVariant", "mouth": "mouthVariant", "clothes": "clothesVariant", "clothes_colour": "clothingColor"}
    options |= {names[part]: [PARTS[part][value]] for part, value in who.items() if PARTS[part][value]}
    if "hairColor" in options:
        options["facialHairColor"] = options["hairColor"]
    return str(dicebear().Avatar(_style(elements), options).to_string())


@cache
def _style(elements: tuple[str, ...]) -> Any:
    """The style `personas`, of whose drawing only these elements are kept."""
    about = definition("personas")
    canvas = about["canvas"]
    kept = [e for e in canvas["elements"] if e.get("name") in elements]
    return dicebear().Style(about | {"canvas": canvas | {"elements": kept}})


def dicebear() -> Any:
    """The library. ValueError if it is not installed."""
    try:
        import_module("dicebear_styles")
        return import_module("dicebear")
    except ImportError:
        raise ValueError(MISSING) from None


def definition(style: str) -> dict[str, Any]:
    """A style of DiceBear, as its file has it. ValueError if there is none of that name."""
    dicebear()
    folder = resources.files("dicebear_styles")
    names = sorted(f.name.removesuffix(".json") for f in folder.iterdir() if f.name.endswith(".json"))
    if style not in names:
        raise ValueError(f"faces:{style}: no such style; DiceBear has {', '.join(names)}")
    about: dict[str, Any] = json.loads((folder / f"{style}.json").read_text(encoding="utf-8"))
    return about


def rasterise(drawing: str, side: int, opaque: bool = True) -> NDArray[numpy.float32]:
    """SVG -> float32 (S, S, 3) from 0 to 255, on white, or (S, S, 4) with what it covers. ValueError if resvg is not
    installed."""
    try:
        import resvg_py
    except ImportError:
        raise ValueError(MISSING) from None
    ground = "#ffffff" if opaque else None
    png = resvg_py.svg_to_bytes(svg_string=drawing, background=ground, skip_system_fonts=True, width=side, height=side)
    with Image.open(io.BytesIO(bytes(png))) as picture:
        return numpy.asarray(picture.convert("RGB" if opaque else "RGBA"), dtype=numpy.float32)
