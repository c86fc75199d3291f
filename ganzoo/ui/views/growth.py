"""How a picture grows, of a model that grew while it was trained: the same noise, from the smallest side to the largest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import gradio as gr
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ...gan import GAN
from ...models import _growing_networks
from .. import inference
from ..scrubber import frames, scrubber
from ..tab import LEFT, OPTIONS, Slot, View

ABOUT = "### Growing\nThe first of the pictures above, by the layers of each side; between two sides the larger one fades in."
SHOWN = 4  # pictures
FADE = 4  # frames from one side to the next


class Growth(View):
    @classmethod
    def fits(cls, gan: GAN) -> bool:
        return any(isinstance(part, _growing_networks.Growth) for part in gan.children())

    def blocks(self) -> dict[Slot, list[Callable[[], None]]]:
        return {Slot(OPTIONS, LEFT): [self.build]}

    def build(self) -> None:
        gr.Markdown(ABOUT)
        self.steps = scrubber(self.tab.id("growth"))
        self.sample_outputs = [self.steps]

    def on_samples(self, checkpoint: str, drawn: inference.Drawn) -> list[Any]:
        shown, captions = grown([x[:SHOWN] for x in (*drawn.stages, drawn.images)])
        label, alt = "Side of the pictures", "Pictures of this side"
        keep = f"{checkpoint}-growth.gif"
        strip = frames(shown, captions, label, alt, start=len(shown) - 1, delay=120, keep_as=keep)
        return [gr.update(value=strip, visible=len(shown) > 1)]


def grown(stages: Sequence[Tensor]) -> tuple[list[Tensor], list[str]]:
    """uint8 pictures (n, C, s, s) of each side -> frames (n, C, S, S) that lead from each to the next, and what each is."""
    side = stages[-1].shape[-1]
    large = [interpolate(x, size=(side, side)) for x in stages]  # each pixel repeated
    shown, captions = [large[0]], [f"{stages[0].shape[-1]} pixels"]
    for (a, b), stage in zip(pairwise(large), stages[1:], strict=True):
        for i in range(1, FADE + 1):
            shown.append(torch.lerp(a.float(), b.float(), i / FADE).round().to(torch.uint8))
            fading = "" if i == FADE else f", faded in by {100 * i // FADE} %"
            captions.append(f"{stage.shape[-1]} pixels{fading}")
    return shown, captions
