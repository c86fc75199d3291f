"""The judge of a data set: a small classifier, trained on its labels, on whose features the measures are taken.

Fréchet distance and Inception score were made for photographs, with a network trained on photographs (Salimans et al.
2016, arXiv 1606.03498; Heusel et al. 2017, arXiv 1706.08500). Digits and garments are better judged by a network that was
trained on digits and garments. It is no GAN, but a game of one phase, so the same engine trains it. Where the data know more
of a picture than its label, it reads each of these attributes, too.
Departs: this network, trained on the data's own labels, in place of Inception, trained on photographs.
Shapes: B batch, C channels, S side, K classes, F = 128 features, A attributes, V values of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .. import config
from ..config import knob
from ..data.dataset import Attribute
from ..gan import CHUNK, Batch, Game, Phase, Terms
from ..images import from_uint8
from ..nets import SpaceToDepth
from ..spec import Paper, Spec, Step

FEATURES = 128
PLACES = 4  # a side of the map of features that attributes are read from, since most of them have their place


@dataclass(frozen=True)
class Config(config.Config):
    unused: ClassVar = ("lr_g",)  # nothing draws

    attributes: tuple[str, ...] = knob((), "what the data know of a picture besides its label, with the values")
    width: int = knob(32, "channels of the first layer")
    patch: int = knob(
        1, "side of the patches of pixels that become channels of one position: large pictures cost less", at_least=1
    )
    dropout: float = knob(0.4, "share of the features that are left out in a training step", below=1)
    shift: int = knob(2, "pixels by which a training batch is shifted at most")
    lr_d: float = knob(1e-3, "Adam learning rate")
    beta1: float = knob(0.9, "Adam beta1")
    ema: int = knob(60_000, "half-life of the weights' moving average, in pictures")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patch < 1 or self.side % self.patch:
            raise ValueError(f"patch: {self.patch} does not divide the side, {self.side}")


def body(channels: int, width: int, patch: int) -> nn.Sequential:
    """image (B, C, S, S) -> features (B, F)."""
    w = width
    layers: list[nn.Module] = [SpaceToDepth(patch)] if patch > 1 else []
    for a, b, stride in ((channels * patch**2, w, 1), (w, w, 2), (w, 2 * w, 1), (2 * w, 2 * w, 2), (2 * w, FEATURES, 1)):
        layers += [nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Judge(Game):
    """image (B, C, S, S) in [-1, 1] -> logits (B, K)."""

    config: Config

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        if len(c.classes) < 2:
            raise ValueError(
                f"classes: a judge tells classes apart, and the data have {len(c.classes)}; put your pictures into a folder "
                "for each class, or give each a `label` in metadata.csv; `train simclr` needs no labels"
            )
        self.body = body(c.channels, c.width, c.patch)
        self.head = nn.Sequential(nn.Dropout(c.dropout), nn.Linear(FEATURES, len(c.classes)))
        self.attributes = tuple(map(Attribute.read, c.attributes))
        self.sizes = [len(a.values) for a in self.attributes]
        self.reader: nn.Sequential | None = None
        if self.attributes:
            pool = nn.AdaptiveAvgPool2d(PLACES), nn.Flatten(), nn.Dropout(c.dropout)
            self.reader = nn.Sequential(*pool, nn.Linear(FEATURES * PLACES**2, sum(self.sizes)))

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self.body(image))
        return logits

    def classify(self, batch: Batch) -> Terms:
        shift = self.config.shift
        dy, dx = torch.randint(-shift, shift + 1, (2,)).tolist()
        image = torch.roll(batch["image"], (dy, dx), (2, 3))
        where = self.body[:-2](image)  # (B, F, s, s)
        terms = {"cross_entropy": cross_entropy(self.head(self.body[-2:](where)).float(), batch["label"])}
        if self.reader:
            logits, truth = self.reader(where).float().split(self.sizes, 1), batch["attribute"]
            each = [cross_entropy(x, t, ignore_index=-1, reduction="sum") for x, t in zip(logits, truth.unbind(1), strict=True)]
            terms["attributes"] = torch.stack(each).sum() / (truth >= 0).sum().clamp_min(1)
        return terms

    def phases(self) -> list[Phase]:
        nets = (self.body, self.head, self.reader) if self.reader else (self.body, self.head)
        return [Phase("J", nets, self.classify, lr=self.config.lr_d)]

    @torch.inference_mode()
    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 (n, C, S, S) -> features (n, F) and probabilities (n, K), float32 on the CPU."""
        self.eval()
        features = torch.cat([self.body(from_uint8(x).to(self.device)).float() for x in images.split(4 * CHUNK)])
        return features.cpu(), self.head(features).softmax(1).cpu()

    @torch.inference_mode()
    def read(self, images: Tensor) -> Tensor:
        """uint8 (n, C, S, S) -> the value of each attribute (n, A) int64 on the CPU, also of those that cannot be seen."""
        assert self.reader is not None
        self.eval()
        read = [
            self.reader(self.body[:-2](from_uint8(x).to(self.device))).split(self.sizes, 1) for x in images.split(4 * CHUNK)
        ]
        return torch.cat([torch.stack([logits.argmax(1) for logits in chunk], 1) for chunk in read]).cpu()


FACES: dict[str, Any] = {"width": 16, "dropout": 0.1, "shift": 1, "ema": 10_000, "lr_d": 2e-3}

SPEC = Spec(
    name="judge",
    title="Judge",
    task="image-classification",
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
    recipes={
        "faces": (
            Step(FACES, images=120_000, data="faces@32"),
            Step({"lr_d": 1e-3}, images=120_000, data="faces_every@32"),
        ),
    },
    tiny={"width": 4, "batch": 8},
)
