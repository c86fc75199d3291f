"""A closer look at one picture: large, with its own link, what D thinks of it, and the training pictures that are nearest."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import gradio as gr
from PIL import Image
from torch import Tensor

from ...checkpoint.folder import Checkpoint
from ...gan import GAN
from ...images import to_pil
from ...inputs import SEEDS, Choice, Code, Text
from .. import inference, limits, opinion, texts
from ..assets import read
from ..events import REDRAW, show_errors
from ..serving import file_data, keep_picture
from ..tab import RIGHT, TOP, Slot, View
from ..upload import as_address
from .nearest import nearest_pictures
from .walk import has_walk

SIDE = 280  # pixels that a picture is enlarged to at least, by a whole factor
NOTHING: dict[str, Any] = {"src": None}


def enlarged(picture: Image.Image, is_private: bool = False) -> dict[str, Any]:
    """A picture as a file for the page, its pixels kept; in the page itself, where nothing of it may be kept here."""
    scale = math.ceil(SIDE / picture.width)
    large = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    return {"url": as_address(large)} if is_private else file_data(keep_picture(large))


@lru_cache(maxsize=64)
def other_logits(checkpoint: str, revision: str) -> list[float]:
    """D's logits of other pictures, in their order; asked for once."""
    return sorted(inference.other_logits(checkpoint))


def said_of(gan: GAN, values: dict[str, Any]) -> str:
    """What a picture was drawn of, in words."""
    of = {x.name: x for x in gan.inputs}
    words = []
    for name, value in values.items():
        x = of[name]
        shown = x.options[value] if isinstance(x, Choice) else f"{value:.2f}" if isinstance(x, Code) else str(value)
        words.append(shown if isinstance(x, Text) else f"{name} {shown}")
    return ", ".join(words)


def verdict(gan: GAN, look: inference.CloserLook, others: list[float], is_private: bool) -> dict[str, Any]:
    """What D thinks, as the view's value."""
    assert look.opinion
    logit = look.opinion.logit
    share = texts.realness(gan.loss, logit)
    below = sum(other < logit for other in others)
    at = share if share is not None else below / max(1, len(others))
    marks = [100 * (texts.realness(gan.loss, x) or 0) for x in others] if share is not None else []
    return {
        "at": round(100 * at, 1),
        "marks": [round(x, 1) for x in marks],
        "ends": ["drawn", "real"] if share is not None else ["less real", "more real"],
        "said": texts.verdict(gan.loss, logit),
        "beside": f"It finds {below} of {len(others)} other pictures by this model less real.",
        "map": enlarged(opinion.overlay(look.image, look.opinion.objection), is_private),
    }


def nearest_of(c: Checkpoint, image: Tensor) -> dict[str, Any] | None:
    return nearest_pictures(c, image[None]) if c.manifest.training_pictures else None


class Closer(View):
    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return True

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(TOP, RIGHT): [self.build]}

    def build(self) -> None:
        tab = self.tab
        self.look = gr.HTML(
            self.nothing(),
            html_template=read("closer.html"),
            js_on_load=read("look.js"),
            elem_id=tab.id("closer"),
            elem_classes=["flush", "closer"],
        )
        self.ask = gr.Button(visible="hidden", elem_id=tab.id("look"))  # there for the script
        self.sample_outputs = [self.look]

    def nothing(self) -> dict[str, Any]:
        """As long as nobody looks closer."""
        judges = any(c.has_discriminator for c in self.tab.checkpoints)
        return NOTHING | {"walks": has_walk(self.tab.gan.inputs), "judges": judges}

    def on_samples(self, checkpoint: str, drawn: inference.Drawn) -> list[Any]:
        return [self.nothing()]  # it was of another picture

    def draw(self, at: str, checkpoint: str, seed: float, n: float, *values: Any) -> dict[str, Any]:
        """Picture `at`, from 0, of those that a tab shows."""
        tab, (first, _), (count, _) = self.tab, texts.seed_within(seed), texts.within(texts.MANY, n, 1, limits.MOST)
        i = inference.whole_number(
            "picture", int(at) if isinstance(at, str) and at.isdecimal() and len(at) < 4 else at, 0, count - 1
        )
        own = (first + i) % SEEDS
        options: dict[str, float] = {}
        for control, given in tab.by_control(values):
            options |= control.sampling_options(given)
        look = inference.look_closer(checkpoint, own, tab.fixed(checkpoint, values, own, 1), **options)
        c, gan = inference.load(checkpoint)
        others = other_logits(checkpoint, c.revision) if look.opinion else []
        is_private = tab.is_private(values)
        return {
            "src": enlarged(to_pil(look.image), is_private),
            "i": i,
            "n": count,
            "seed": own,
            "linked": not is_private,
            "walks": has_walk(gan.inputs),
            "judges": c.has_discriminator,
            "said": html.escape(said_of(gan, look.values)),
            "opinion": verdict(gan, look, others, is_private) if look.opinion else None,
            "none": texts.NOT_ALONE if c.has_discriminator else texts.NO_OPINION,
            "near": nearest_of(c, look.image),
        }

    def wire(self) -> None:
        tab = self.tab
        inputs = [self.ask, tab.checkpoint, tab.seed, tab.n, *tab.control_boxes.values()]
        asked = f"(_, ...shown) => closer.asked({tab.spec.name!r}, shown)"
        self.ask.click(show_errors(self.draw), inputs, self.look, js=asked, trigger_mode="always_last", **REDRAW)
