"""Who plays against whom: a drawing of the model's game."""

from __future__ import annotations

import html
from collections.abc import Callable

import gradio as gr

from ...gan import GAN
from .. import inference
from ..events import REDRAW, skip_on_error
from ..game_drawing import drawing
from ..tab import RIGHT, TOP, Part, Slot, View


class Game(View):
    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return True

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(TOP, RIGHT): [self.build]}

    def build(self) -> None:
        self.drawing = gr.HTML("", elem_id=self.tab.id("game"), elem_classes="flush")

    def draw(self, checkpoint: str) -> str:
        c, gan = inference.load(checkpoint)
        return drawing(gan, html.escape(self.tab.spec.name), str(c.config["data"]["title"]))

    def wire(self) -> None:
        self.parts = [Part([self.drawing], [], self.draw)]
        self.tab.checkpoint.input(skip_on_error(self.draw, [self.drawing]), self.tab.checkpoint, self.drawing, **REDRAW)
