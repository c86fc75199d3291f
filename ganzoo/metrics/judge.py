"""The judge of a data set: a small classifier, trained on its labels, whose eyes the measures borrow.

Fréchet distance and Inception score were made for photographs, with a network trained on photographs (Salimans et al.
2016, arXiv 1606.03498; Heusel et al. 2017, arXiv 1706.08500). Digits and garments are better judged by a network that
knows digits and garments. It is no GAN, but it plays a game of one phase, so the same engine trains it.
Shapes: B batch, C channels, S side, K classes, F = 128 features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .. import spec
from ..gan import CHUNK, GAN, Batch, Phase, Terms
from ..images import from_uint8
from ..nets import Fold
from ..spec import Paper, Spec, knob

FEATURES = 128


@dataclass(frozen=True)
class Config(spec.Config):
    width: int = knob(32, "channels of the first layer")
    patch: int = knob(1, "pixels of a side that it takes in as one place, in channels of their own: large pictures cost less")
    dropout: float = knob(0.4, "share of the features that are left out in a training step")
    shift: int = knob(2, "pixels by which a training batch is shifted at most")
    lr_d: float = knob(1e-3, "Adam learning rate")
    beta1: float = knob(0.9, "Adam beta1")
    ema: int = knob(60_000, "half-life of the weights' moving average, in pictures")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: {self.dropout} is not a share from 0 to less than 1")
        if self.patch < 1 or self.side % self.patch:
            raise ValueError(f"patch: {self.patch} does not divide the side, {self.side}")


class Judge(GAN):
    """image (B, C, S, S) in [-1, 1] -> logits (B, K)."""

    config: Config
    opponents = ()

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        w = c.width
        layers: list[nn.Module] = [Fold(c.patch)] if c.patch > 1 else []
        for a, b, stride in (
            (c.channels * c.patch**2, w, 1),
            (w, w, 2),
            (w, 2 * w, 1),
            (2 * w, 2 * w, 2),
            (2 * w, FEATURES, 1),
        ):
            layers += [nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Sequential(nn.Dropout(c.dropout), nn.Linear(FEATURES, len(c.classes)))

    def forward(self, image: Tensor) -> Tensor:  # type: ignore[override]
        logits: Tensor = self.head(self.body(image))
        return logits

    def classify(self, batch: Batch) -> Terms:
        shift = self.config.shift
        dy, dx = torch.randint(-shift, shift + 1, (2,)).tolist()
        image = torch.roll(batch["image"], (dy, dx), (2, 3))
        return {"cross_entropy": cross_entropy(self(image).float(), batch["label"])}

    def phases(self) -> list[Phase]:
        return [Phase("J", (self.body, self.head), self.classify, lr=self.config.lr_d)]

    @torch.inference_mode()
    def look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 (n, C, S, S) -> features (n, F) and probabilities (n, K), float32 on the CPU."""
        self.eval()
        features = torch.cat([self.body(from_uint8(x).to(self.device)).float() for x in images.split(4 * CHUNK)])
        return features.cpu(), self.head(features).softmax(1).cpu()


SPEC = Spec(
    name="judge",
    title="Judge",
    paper=Paper(
        "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium",
        "Martin Heusel, Hubert Ramsauer, Thomas Unterthiner, Bernhard Nessler, Sepp Hochreiter",
        2017,
        "1706.08500",
    ),
    note="A classifier of the data set, whose features the measures are taken on.",
    limits="It knows only its data set's classes, and is sure of itself also on pictures that belong to none.",
    config=Config,
    build=Judge,
    tiny={"width": 4, "batch": 8},
)
