"""The facts of a checkpoint: its measures, what it was trained on, its limits, its loss curves."""

from __future__ import annotations

import json
from collections.abc import Callable

import gradio as gr

from ...checkpoint import card
from ...gan import GAN
from ...training import convergence
from .. import inference, texts
from ..curves import Line, curve, log_ends, loss_terms, losses, recurved
from ..events import PRIVATE, REDRAW, skip_on_error
from ..tab import RIGHT, TRAINING, Part, Slot, View

LOG = "log.jsonl"


class Facts(View):
    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return True

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(TRAINING, RIGHT): [self.build]}

    def build(self) -> None:
        tab = self.tab
        gr.Markdown("### How good is it?")
        self.glance = gr.Markdown("", elem_id=tab.id("glance"))
        with gr.Accordion(texts.EXPERTS, open=False):
            self.measures = gr.Markdown("", elem_classes="facts", elem_id=tab.id("facts"))
        with gr.Accordion("Has it converged? Loss curves", open=False) as self.accordion:
            terms = [term for c in tab.checkpoints for term in loss_terms(log_ends(c.folder / LOG))]
            self.reading = gr.Markdown("", elem_id=tab.id("reading-of-log"))
            self.curves = curve(losses([]), tab.id("losses"), terms)
            gr.Markdown(texts.terms(dict.fromkeys(terms)), elem_classes="aside")

    @staticmethod
    def at_a_glance(checkpoint: str) -> str:
        c, _ = inference.load(checkpoint)
        return f"{texts.at_a_glance(c.manifest)}\n\n{c.spec.limits}"

    @staticmethod
    def text(checkpoint: str) -> str:
        c, _ = inference.load(checkpoint)
        return (
            f"{card.measures_table(c.manifest.metrics, brief=True)}\n\n"
            f"**Trained on** {c.manifest.data.source}: {card.trained(c.manifest)}. {card.chosen(c.manifest)}\n\n"
            f"**Departs from the paper.** {card.departures(c)}"
        )

    @staticmethod
    def log(checkpoint: str) -> list[Line]:
        path = inference.load(checkpoint)[0].folder / LOG
        return [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def draw(self, checkpoint: str) -> tuple[str, str]:
        return self.at_a_glance(checkpoint), self.text(checkpoint)

    def recurve(self, checkpoint: str) -> tuple[str, gr.LinePlot]:
        """What the log says of convergence, and its curves."""
        lines, classes = self.log(checkpoint), inference.load(checkpoint)[0].knobs.classes
        said = convergence.read(lines, len(classes)).sentences if lines else []
        return "\n".join(f"- {sentence}" for sentence in said), recurved(losses(lines))

    def wire(self) -> None:
        checkpoint, outputs = self.tab.checkpoint, [self.glance, self.measures]
        curves = [self.reading, self.curves]
        self.parts = [Part(outputs, [], self.draw), Part(curves, [], self.recurve, at_first=False)]
        checkpoint.input(skip_on_error(self.draw, outputs), checkpoint, outputs, **REDRAW)
        recurve = skip_on_error(self.recurve, curves)
        gr.on([self.accordion.expand, checkpoint.input], recurve, checkpoint, curves, queue=False, **PRIVATE)
