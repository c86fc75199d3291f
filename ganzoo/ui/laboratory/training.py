"""One training of the laboratory: ganzoo's engine on points of the plane, played in short slices, and what is seen of it.

Shapes: n points; all coordinates in [-1, 1].
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor

from ... import data
from ...data.dataset import Data
from ...data.points import MIXTURES
from ...gan import Phase
from ...metrics import modes
from ...models import _points
from ...training.engine import Diverged, Engine
from .settings import Settings

Who = Literal["both", "D", "G"]

COUNTED = 2_500  # points that modes are counted of (VEEGAN, section 4.1)
SHOWN, ARROWS = 240, 60  # of them that are drawn, and of those the ones with an arrow
FIELD, REACH = 24, 1.1  # D's answers are asked at so many points a side, from -REACH to REACH
PATIENCE = 5
PARTS = 9  # in which they are asked
ARROW, STEEP = 0.3, 0.5  # length of an arrow at most, and the slope at which it is half of that
MOST_STEPS = 50_000
UNIT = 1000  # coordinates are sent as whole thousandths


@cache
def points(name: str, split: str = "train") -> Data:
    return data.load(name, split=split)


def real(name: str) -> list[int]:
    """Some points of the data, flat: x, y, x, y, ..."""
    test = points(name, "test")
    return thousandths(test.image[test.evenly_spaced(SHOWN)].flatten(1))


def thousandths(point: Tensor) -> list[int]:
    """(n, 2) -> flat whole numbers."""
    flat: list[int] = (point * UNIT).round().clamp(-UNIT * 3, UNIT * 3).to(torch.int32).flatten().tolist()
    return flat


class Training:
    """A GAN in the plane. ValueError for settings that go with no game."""

    def __init__(self, settings: Settings) -> None:
        spec, build = _points.GAMES[settings.loss]
        spec = replace(spec, config=_points.Config, build=build)
        self.mixture = MIXTURES[settings.data]()
        self.engine = Engine(spec, settings.knobs(), points(settings.data), settings.seed, torch.device("cpu"), "fp32")
        assert isinstance(self.engine.game, _points.PointGAN)
        self.game = self.engine.game
        self.moves = self.engine.phases
        self.inputs = self.game.draw(COUNTED, seed=0)  # the same all along
        self.real = self.engine.data.image[self.engine.data.evenly_spaced(ARROWS)]
        side = torch.linspace(-REACH, REACH, FIELD)
        y, x = torch.meshgrid(-side, side, indexing="ij")  # rows from the top
        self.grid = torch.stack([x, y], -1).flatten(0, 1)[:, :, None, None]

    def play(self, seconds: float, most: int, who: Who = "both") -> None:
        """Steps for so many seconds of the processor, at least one and at most so many steps, and for PATIENCE times as long
        where others have the processor. D or G alone makes one of its moves a step."""
        self.engine.phases = self.moves if who == "both" else [alone(p) for p in self.moves if p.name == who]
        used, end = time.thread_time() + seconds, time.perf_counter() + PATIENCE * seconds
        for _ in range(min(most, MOST_STEPS - self.engine.step)):
            self.engine.advance()
            if time.thread_time() > used or time.perf_counter() > end:
                break
        self.engine.phases = self.moves

    def frame(self) -> dict[str, Any]:
        """What is to be seen now, as plain numbers. Diverged if a loss is none any more."""
        terms = self.engine.mean_terms()
        point = self.game.show(self.inputs)
        counted = modes.of_points(point, self.mixture)
        return {
            "step": self.engine.step,
            "ended": self.engine.step >= MOST_STEPS,
            "fake": thousandths(point[:SHOWN].flatten(1)),
            "arrows": thousandths(self.arrows(point[:ARROWS])),
            "field": self.field(),
            "right": (terms["d_real_right"] + terms["d_fake_right"]) / 2 if "d_real_right" in terms else None,
            "gap": terms.get("critic_gap"),
            "caught": counted.caught,
            "count": counted.count,
            "quality": round(counted.quality, 4),
            "kl": round(counted.reverse_kl, 4),
        }

    def arrows(self, point: Tensor) -> Tensor:
        """Where G's loss sends each of its points (n, 2, 1, 1), by the model's own loss -> (n, 2). Slopes differ by factors of
        a thousand, so of a slope s the length is ARROW s / (s + STEEP)."""
        fake = point.clone().requires_grad_()
        batch = {"image": self.real, "fake": fake} | {k: v[: len(point)] for k, v in self.inputs.items()}
        loss = torch.stack([*self.game.g_loss(batch).values()]).sum()
        (slope,) = torch.autograd.grad(loss, fake)
        pull = -slope.flatten(1) * len(point)  # a loss is a mean over the batch
        arrows: Tensor = ARROW * pull / (pull.norm(dim=1, keepdim=True) + STEEP)
        return arrows

    @torch.no_grad()
    def field(self) -> list[int]:
        """How real D holds each point of the grid, row by row from the top, 0 to 255; 128 where it cannot tell. A D that judges
        several points at once sees each beside real ones. A critic's marks mean something only beside each other, so they are
        spread over the range."""
        m = self.game.config.pack
        beside = self.real[torch.arange(len(self.grid) * (m - 1)) % len(self.real)].unflatten(0, (len(self.grid), m - 1))
        shown = torch.cat([self.grid[:, None], beside], 1)
        logit = torch.empty(len(shown))
        D = self.game.D.eval()
        for i in range(PARTS):  # each spread over the plane: a D that sees the others of a batch compares (B, B) of them
            logit[i::PARTS] = D(shown[i::PARTS].flatten(0, 1))
        D.train()
        share = self.scale(logit)
        levels: list[int] = (share * 255).round().to(torch.int32).tolist()
        return levels

    @property
    def scale(self) -> Callable[[Tensor], Tensor]:
        """D's answers -> 0 to 1."""
        if self.game.loss.is_critic:
            return lambda x: (x - x.min()) / (x.max() - x.min()).clamp_min(1e-12)
        return torch.sigmoid if self.game.loss.threshold == 0 else lambda x: x.clamp(0, 1)


def alone(phase: Phase) -> Phase:
    """The same, moving at each step."""
    return replace(phase, every=1)


__all__ = ["Diverged", "Training", "Who", "real"]
