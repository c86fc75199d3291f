"""SimCLR: features of pictures without labels. Chen, Kornblith, Norouzi & Hinton 2020, arXiv 2002.05709.

Two views of a picture, cropped and coloured at random, are embedded near each other and away from all other views of the
batch. The measures are taken on its features where data have no classes that a judge could learn; for self-supervised features
in place of Inception's, away from ImageNet, see Morozov et al. 2021 (ICLR, "On Self-Supervised Image Representations for GAN
Evaluation"). It is no GAN, but a game of one phase.

Adds: the normalised temperature-scaled cross entropy (NT-Xent, algorithm 1); a head, before which features are taken (4.2).
Departs: the judge's small body in place of a ResNet; Adam in place of LARS; a crop keeps at least a fifth of the picture, where
the paper's keeps 8 %. No flip, since a mirrored letter is another one, and no blur, since features that overlook blur would not
measure it.
Shapes: B batch, C channels, S side, F = 128 features, P = 64 numbers of the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from .. import config
from ..augment import affine
from ..config import knob
from ..gan import CHUNK, Batch, Game, Phase, Terms
from ..images import from_uint8
from ..spec import Paper, Spec
from .judge import FEATURES, body

PROJECTED = 64


@dataclass(frozen=True)
class Config(config.Config):
    unused: ClassVar = ("lr_g",)  # nothing draws

    width: int = knob(32, "channels of the first layer", at_least=1)
    patch: int = knob(
        1, "side of the patches of pixels that become channels of one position: large pictures cost less", at_least=1
    )
    temperature: float = knob(0.5, "by what the similarities of views are divided", at_least=0.01)
    crop: float = knob(0.2, "share of a picture that a view shows at least", at_least=0.01, at_most=1)
    jitter: float = knob(0.4, "how far brightness, contrast and each colour of a view may be from the picture's", below=1)
    lr_d: float = knob(1e-3, "Adam learning rate")
    beta1: float = knob(0.9, "Adam beta1")
    ema: int = knob(60_000, "half-life of the weights' moving average, in pictures")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side % self.patch:
            raise ValueError(f"patch: {self.patch} does not divide the side, {self.side}")


class SimCLR(Game):
    """image (B, C, S, S) in [-1, 1] -> features (B, F)."""

    config: Config

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.body = body(c.channels, c.width, c.patch)
        self.head = nn.Sequential(nn.Linear(FEATURES, FEATURES), nn.ReLU(inplace=True), nn.Linear(FEATURES, PROJECTED))

    def forward(self, image: Tensor) -> Tensor:
        features: Tensor = self.body(image)
        return features

    def view(self, image: Tensor) -> Tensor:
        """Another view of each picture (B, C, S, S): a random part of it at its full side, in other colours (appendix A)."""
        c, (n, channels, *_) = self.config, image.shape
        dice = torch.rand(n, 3, device=image.device)
        share = (c.crop + (1 - c.crop) * dice[:, 0]).sqrt()  # of the side
        shift = (1 - share[:, None]) * (2 * dice[:, 1:] - 1)
        matrix = torch.stack([share, 0 * share, shift[:, 0], 0 * share, share, shift[:, 1]], 1).view(n, 2, 3)
        part = affine(image, matrix, fill=-1)
        gain, tint = (1 + c.jitter * (2 * torch.rand(n, k, 1, 1, device=image.device) - 1) for k in (1, channels))
        mean = part.mean((1, 2, 3), keepdim=True)
        return (((part - mean) * gain + mean + 1) * tint - 1).clamp(-1, 1)

    def similarity(self, image: Tensor) -> Tensor:
        """image (B, C, S, S) -> cosines (2B, 2B) of two views of each, the one first; -inf of a view and itself."""
        seen = normalize(self.head(self(torch.cat([self.view(image), self.view(image)]))).float())
        return (seen @ seen.mT).masked_fill(torch.eye(len(seen), dtype=torch.bool, device=seen.device), -torch.inf)

    def contrast(self, batch: Batch) -> Terms:
        """NT-Xent: which of the other views is of the same picture (algorithm 1)."""
        cosine = self.similarity(batch["image"])
        other = torch.arange(len(cosine), device=cosine.device).roll(len(cosine) // 2)
        self.logs["match_right"] = (cosine.argmax(1) == other).float().mean()
        return {"contrast": cross_entropy(cosine / self.config.temperature, other)}

    def phases(self) -> list[Phase]:
        return [Phase("S", (self.body, self.head), self.contrast, lr=self.config.lr_d)]

    @torch.inference_mode()
    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 (n, C, S, S) -> features (n, F) and probabilities (n, 1), of the one class that there is, on the CPU."""
        self.eval()
        features = torch.cat([self(from_uint8(x).to(self.device)).float() for x in images.split(4 * CHUNK)])
        return features.cpu(), torch.ones(len(images), 1)


SPEC = Spec(
    name="simclr",
    title="SimCLR",
    task="image-feature-extraction",
    paper=Paper(
        "A Simple Framework for Contrastive Learning of Visual Representations",
        "Ting Chen, Simon Kornblith, Mohammad Norouzi, Geoffrey Hinton",
        2020,
        "2002.05709",
    ),
    note="Features of pictures that nobody has labelled, on which the measures are taken.",
    limits=(
        "It tells pictures apart as far as its crops and colours leave them apart: a change of brightness alone it was trained "
        "to overlook. Its distances compare only with others by the same network."
    ),
    config=Config,
    build=SimCLR,
    tiny={"width": 4, "batch": 8},
)
