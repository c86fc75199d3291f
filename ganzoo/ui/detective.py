"""The code detective: draw something, and see which codes the model reads in it, and what it makes of them."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import gradio as gr
import torch
from PIL import Image

from ..gan import GAN
from ..images import grid
from ..inputs import Choice, Code
from . import play
from .controls import PRIVATE, detail, forgiving, meaning, named, polite
from .links import Part
from .pad import fit, inked, pad

if TYPE_CHECKING:
    from .views import Tab


def reads(gan: GAN) -> bool:
    """Whether the model reads its codes back from a picture."""
    return type(gan).infer is not GAN.infer


class Detective:
    """A sketchpad, what Q reads in it, and the picture that G draws from those codes; and Q's record on real pictures."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        gr.Markdown(
            "### The code detective\nDraw something that it could have drawn. It reads the codes in your picture, and from "
            "those codes draws a picture of its own."
        )
        with gr.Row():
            with gr.Column(min_width=200):
                self.pad = pad(tab.id("pad"))
            with gr.Column(min_width=200):
                self.seen = gr.Image(
                    None,
                    label="what it sees, and what it draws of it",
                    format="png",
                    type="pil",
                    interactive=False,
                    buttons=["download"],
                    elem_id=tab.id("read"),
                    elem_classes="picture",
                    height=150,
                )
                self.sure = gr.Label(label="how sure it is", num_top_classes=3, elem_id=tab.id("sure"))
                self.numbers = gr.Markdown(elem_classes="said", elem_id=tab.id("numbers"))
        self.record = gr.HTML(self.confusion(tab.first), elem_id=tab.id("confusion"))

    def read(self, checkpoint: str, drawing: object) -> tuple[Image.Image | None, dict[str, float] | None, str]:
        if not drawing:
            return None, None, ""
        c, gan = play.network(checkpoint)
        image = fit(inked(drawing), gan.config.side, gan.config.channels)
        found = play.infer(checkpoint, image)
        codes: dict[str, Any] = {}
        sure: dict[str, float] = {}
        said = []
        for x in self.tab.gan.inputs:
            if x.name not in found:
                continue
            if isinstance(x, Choice):
                names = [label for label, _ in named(x, c)[1:]]
                sure = dict(zip(names, found[x.name], strict=True))
                codes[x.name] = max(range(len(names)), key=lambda i, p=found[x.name]: p[i])  # type: ignore[misc]
            elif isinstance(x, Code):
                codes[x.name] = found[x.name][0]
                said.append(f"{meaning(x, c)} {found[x.name][0]:+.2f}")
        drawn = play.each(checkpoint, [(0, codes)])
        pair = grid(torch.cat([image[None], drawn]), columns=2, scale=max(1, 160 // gan.config.side), gap=6)
        return pair, sure, " · ".join(said)

    def wire(self, where: dict[str, Any]) -> None:
        tab, shown, read = self.tab, [self.seen, self.sure, self.numbers], polite(self.read)
        tab.held["drawing"] = self.pad
        tab.parts += [Part(shown, ["drawing"], read), Part([self.record], [], self.confusion)]
        asked = [tab.checkpoint, self.pad]
        changes = [self.pad.change, tab.checkpoint.input]
        gr.on(changes, read, asked, shown, trigger_mode="always_last", **PRIVATE, **where)
        tab.checkpoint.input(forgiving(self.confusion, [self.record]), tab.checkpoint, self.record, queue=False, **PRIVATE)

    @staticmethod
    def confusion(checkpoint: str) -> str:
        """How the codes that Q reads in the real test pictures fall on their true classes, as a table."""
        c, gan = play.network(checkpoint)
        choice = next((x for x in gan.inputs if isinstance(x, Choice)), None)
        counts = detail(c, f"{choice.name} error, real pictures").get("confusion") if choice else None
        if not choice or not counts:
            return ""
        names = [label for label, _ in named(choice, c)[1:]]
        head = "".join(f"<th scope=col>{html.escape(k)}</th>" for k in gan.config.classes)
        most = max(1, *(n for row in counts for n in row))
        rows = ""
        for name, row in zip(names, counts, strict=True):
            cells = "".join(f"<td style='--share:{n / most:.3f}'>{n or ''}</td>" for n in row)
            rows += f"<tr><th scope=row>{html.escape(name)}</th>{cells}</tr>"
        return (
            f"<p>Nobody told it the classes. The real test pictures by the code that it reads in them (rows) and by what they "
            f"are (columns):</p><div class=confusion tabindex=0><table><thead><tr><td></td>{head}</tr></thead>"
            f"<tbody>{rows}</tbody></table></div>"
        )
