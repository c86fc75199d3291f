"""There and back again, of a model that knows both ways: what a picture becomes, what is made of that, and what was lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from ...gan import GAN
from ...models._image_to_image import knows_both_ways
from .. import inference
from ..pictures import picture, sheet
from ..tab import OPTIONS, RIGHT, Slot, View

ABOUT = (
    "### There and back\nFrom the left: a picture, what it is made into, what is made of that, and where that differs from the "
    "first, the darker the more. It was trained so that nothing is lost on the way."
)
SHOWN = 4  # pictures, one below the other
CONTRAST = 3  # how much darker a difference is shown than it is


class RoundTrip(View):
    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return knows_both_ways(gan)

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(OPTIONS, RIGHT): [self.build]}

    def build(self) -> None:
        gr.Markdown(ABOUT)
        self.ways = picture(None, self.tab.id("back"), "A picture, what it became, what that became, and what was lost")
        self.sample_outputs = [self.ways]

    def on_samples(self, checkpoint: str, drawn: inference.Drawn) -> list[Any]:
        assert drawn.source is not None
        source, there = drawn.source[:SHOWN], drawn.images[:SHOWN]
        back = inference.back(checkpoint, there)
        rows = torch.stack([source, there, back, lost(source, back)], 1)
        return [sheet(rows.flatten(0, 1), columns=rows.shape[1])]


def lost(one: Tensor, other: Tensor) -> Tensor:
    """uint8 pictures (n, C, S, S) twice -> where they differ (n, C, S, S), dark on white."""
    off = (one.int() - other.int()).abs().amax(1, keepdim=True)
    return (255 - CONTRAST * off).clamp(min=0).to(torch.uint8).expand_as(one)
