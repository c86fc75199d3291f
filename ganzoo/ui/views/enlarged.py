"""A small picture made large in four ways, side by side: what the game adds to a super-resolution network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ...gan import GAN
from ...images import from_uint8, to_uint8
from .. import inference
from ..pictures import picture, sheet
from ..tab import OPTIONS, RIGHT, Slot, View

HEAD = "### What the game adds"
WAYS = (
    "The first picture, four times as large. From the left: each pixel repeated; cubic interpolation, as a picture viewer does "
    "it; {}the GAN. Enlarge it to look at the edges."
)
BY_ERROR = "the same network without a critic, trained by mean squared error alone; "


class Enlarged(View):
    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return any(x.any_size for x in gan.pictures)

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(OPTIONS, RIGHT): [self.build]}

    def build(self) -> None:
        gr.Markdown(HEAD)
        self.strip = picture(None, self.tab.id("ways"), "The same picture made large in several ways")
        self.ways = gr.Markdown("", elem_classes="aside", elem_id=self.tab.id("ways-said"))
        self.sample_outputs = [self.strip, self.ways]

    def on_samples(self, checkpoint: str, drawn: inference.Drawn) -> list[Any]:
        assert drawn.source is not None
        earlier = [stage[:1] for stage in drawn.stages[1:]]
        large = [*ways(drawn.source[:1], drawn.images.shape[-2:]), *earlier, drawn.images[:1]]
        return [sheet(torch.cat(large), columns=len(large)), WAYS.format(BY_ERROR if earlier else "")]


def ways(source: Tensor, size: torch.Size) -> list[Tensor]:
    """uint8 (1, C, h, w) -> (1, C, H, W), by repeated pixels and by cubic interpolation."""
    cubic = interpolate(from_uint8(source), size=size, mode="bicubic", align_corners=False)
    return [interpolate(source, size=size), to_uint8(cubic)]
