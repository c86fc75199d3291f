"""The code detective: draw something, and see which codes the model reads in it, and what it makes of them."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
import torch
from PIL import Image

from ...gan import GAN
from ...images import grid
from ...inputs import Choice, Code, Input, Text
from .. import inference, texts
from ..controls.choice import named
from ..controls.code import meaning
from ..events import PRIVATE, REDRAW, show_errors, skip_on_error
from ..familiar import is_far
from ..fields import Field, ink
from ..measures import confusion
from ..pad import inked, like_mnist, pad
from ..tab import OPTIONS, RIGHT, Part, Slot, View
from .table import codes_of, ordered


class Detective(View):
    """A sketchpad, what Q reads in it, and the picture that G draws from those codes; and Q's record on real pictures."""

    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return type(gan).infer is not GAN.infer and ordered(gan.inputs) is not None

    @classmethod
    def fields(cls, inputs: Sequence[Input]) -> dict[str, Field]:
        reads = codes_of(inputs) and not any(isinstance(x, Text) for x in inputs)
        return {"drawing": Field("", ink)} if reads else {}

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(OPTIONS, RIGHT): [self.build]}

    def build(self) -> None:
        tab = self.tab
        gr.Markdown(
            "### The code detective\nDraw something that it could have drawn. It reads the codes in your picture, and from "
            "those codes draws a picture of its own."
        )
        with gr.Row():
            with gr.Column(min_width=200):
                self.pad = pad(tab.id("pad"))
            with gr.Column(min_width=200):
                gr.Markdown("What it sees, and what it draws of it", elem_classes="aside")
                self.pair = gr.Image(
                    None,
                    label="what it sees, and what it draws of it",
                    show_label=False,
                    format="png",
                    type="pil",
                    interactive=False,
                    buttons=["download"],
                    elem_id=tab.id("read"),
                    elem_classes="picture",
                    height=150,
                )
                self.probabilities = gr.Label(label="how sure it is", num_top_classes=3, elem_id=tab.id("sure"))
                self.numbers = gr.Markdown(elem_classes="aside", elem_id=tab.id("numbers"))
        self.record = gr.HTML("", elem_id=tab.id("confusion"))
        self.boxes = {"drawing": self.pad}

    def read(self, checkpoint: str, drawing: object) -> tuple[Image.Image | None, dict[str, float] | None, str]:
        """(what it sees and what it draws of it; the probability of each option; the numbers that it reads)"""
        if not drawing:
            return None, None, ""
        c, gan = inference.load(checkpoint)
        image = like_mnist(inked(drawing), gan.config.side, gan.config.channels)
        found = inference.infer(checkpoint, image)
        codes: dict[str, Any] = {}
        probabilities: dict[str, float] = {}
        numbers = []
        for x in self.tab.gan.inputs:
            if x.name not in found:
                continue
            if isinstance(x, Choice):
                names = [label for label, _ in named(x, c)[1:]]
                probabilities = dict(zip(names, found[x.name], strict=True))
                codes[x.name] = max(range(len(names)), key=lambda i, p=found[x.name]: p[i])  # type: ignore[misc]
            elif isinstance(x, Code):
                codes[x.name] = found[x.name][0]
                numbers.append(f"{meaning(x, c)} {found[x.name][0]:+.2f}")
        drawn = inference.sample_each(checkpoint, [(0, codes)])
        pair = grid(torch.cat([image[None], drawn]), columns=2, scale=max(1, 160 // gan.config.side), gap=6)
        far = f"**{texts.FAR}**\n\n" if is_far(checkpoint, image) else ""
        return pair, probabilities, far + " · ".join(numbers)

    def wire(self) -> None:
        tab, outputs, read = self.tab, [self.pair, self.probabilities, self.numbers], show_errors(self.read)
        self.parts = [Part(outputs, ["drawing"], read), Part([self.record], [], self.confusion_table)]
        inputs = [tab.checkpoint, self.pad]
        changes = [self.pad.change, tab.checkpoint.input]
        gr.on(changes, read, inputs, outputs, trigger_mode="always_last", **REDRAW)
        table = skip_on_error(self.confusion_table, [self.record])
        tab.checkpoint.input(table, tab.checkpoint, self.record, queue=False, **PRIVATE)

    @staticmethod
    def confusion_table(checkpoint: str) -> str:
        """How the codes that Q reads in the real test pictures fall on their true classes, as a table."""
        c, gan = inference.load(checkpoint)
        choice = next((x for x in gan.inputs if isinstance(x, Choice)), None)
        counts = confusion(c, choice.name) if choice else []
        if not choice or not counts:
            return ""
        names = [label for label, _ in named(choice, c)[1:]]
        head = "".join(f"<th scope=col>{html.escape(k)}</th>" for k in gan.config.classes)
        most = max(1, *(n for row in counts for n in row))
        short = " class=short" * all(len(k) < 3 for k in gan.config.classes)
        rows = ""
        for name, row in zip(names, counts, strict=True):
            cells = "".join(f"<td style='--share:{n / most:.3f}'>{n or ''}</td>" for n in row)
            rows += f"<tr><th scope=row>{html.escape(name)}</th>{cells}</tr>"
        return (
            f"<p>Nobody told it the classes. The real test pictures by the code that it reads in them (rows) and by what they "
            f"are (columns):</p><div class=confusion tabindex=0><table><thead{short}><tr><td></td>{head}</tr></thead>"
            f"<tbody>{rows}</tbody></table></div>"
        )
