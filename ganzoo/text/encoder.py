"""Caption encoder: words and pictures in one space. Reed, Akata, Schiele & Lee 2016, arXiv 1605.05395.

A caption and its picture are brought near each other, other captions and pictures away from them. It is no GAN, but it
plays a game of one phase, so the same engine trains it; a GAN then takes the caption's side as its reader.

Adds: the char-CNN-RNN and the symmetric structured joint embedding (sections 3 and 4).
Departs: the picture's side is a small convolutional net that is trained along, where the paper has features of a GoogLeNet; a
caption's rivals are the other captions of the batch, where the paper has one caption a class. Words instead of characters,
whose vectors were distilled from a sentence encoder, and the contrastive loss (Radford et al. 2021, arXiv 2103.00020) are
options; the `words` recipe, which the shipped encoders use, takes both.
Shapes: B batch, T characters, E embedding, C channels, S side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy, normalize

from .. import spec
from ..gan import CHUNK, GAN, Batch, Phase, Terms
from ..images import from_uint8
from ..spec import Paper, Spec, knob
from . import caption
from .towers import Characters, Pictures, Words, nudge


@dataclass(frozen=True)
class Config(spec.Config):
    reads: Literal["characters", "words"] = knob("characters", "what a caption is cut into; words is open-vocabulary")
    loss: Literal["hinge", "contrastive"] = knob("hinge", "what is minimised: the paper's, or that of CLIP")
    sharpness: float = knob(16.0, "by what the contrastive loss multiplies cosines")
    embedding: int = knob(1024, "numbers that a caption becomes")
    width1: int = knob(384, "channels of the first convolution over characters")
    width2: int = knob(512, "channels of the second")
    width3: int = knob(256, "channels of the third, and of the recurrent net (of words, too)")
    width: int = knob(32, "channels of the first layer that looks at the picture")
    pool: Literal["map", "mean"] = knob("map", "what is left of the picture's places: a 4 x 4 map, or their mean")
    dropout: float = knob(0.0, "share of numbers, and of words, that is left out in a training step")
    noise: float = knob(0.0, "blur of a word's meaning in a training step, as a share of its length")
    nudge: float = knob(0.0, "how far a picture is turned (radians), scaled and moved (share of its side), at most")
    lr_d: float = knob(7e-4, "Adam learning rate")
    beta1: float = knob(0.9, "Adam beta1")
    ema: int = knob(20_000, "half-life of the weights' moving average, in pictures")
    batch: int = knob(64, "pictures a step")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: {self.dropout} is not a share from 0 to less than 1")


class Encoder(GAN):
    """text (B, T) -> embedding (B, E)."""

    config: Config
    opponents = ()

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.text: Characters | Words
        if c.reads == "characters":
            self.text = Characters((c.width1, c.width2, c.width3), c.embedding, c.dropout)
        else:
            self.text = Words(c.width3, c.embedding, c.dropout, c.noise)
        self.picture = Pictures(c.channels, c.side, c.width, c.embedding, c.dropout, c.pool)

    def forward(self, text: Tensor) -> Tensor:  # type: ignore[override]
        """A caption's embedding; of length 1 if it was trained by the contrastive loss."""
        embedding: Tensor = self.text(text).float()
        return normalize(embedding) if self.config.loss == "contrastive" else embedding

    def see(self, image: Tensor) -> Tensor:
        """image (B, C, S, S) in [-1, 1], which may be larger than it knows -> embedding (B, E), in the same space."""
        if image.shape[-1] != self.config.side:
            image = adaptive_avg_pool2d(image.float(), self.config.side)
        embedding: Tensor = self.picture(image).float()
        return normalize(embedding) if self.config.loss == "contrastive" else embedding

    def match(self, batch: Batch) -> Terms:
        if "text" not in batch:
            raise ValueError("encoder: the data set has no captions; a folder has them in metadata.jsonl, as `text`")
        text, image = batch["text"], batch["image"]
        if self.config.nudge:
            image = nudge(image, self.config.nudge)
        score = self.see(image) @ self(text).mT  # (B, B): row i is picture i against every caption
        alike = (text[:, None] == text[None]).all(2).to(score.device)
        rivals = ~alike
        self.watched["match_right"] = (score.argmax(1)[:, None] == alike.int().argmax(1)[:, None]).float().mean()
        if self.config.loss == "hinge":  # section 3, equations 4 and 5, with the margin of 1
            right = score.diagonal()
            to_text, to_picture = (score - right[:, None] + 1).clamp_min(0), (score - right[None] + 1).clamp_min(0)
            return {"match": ((to_text + to_picture) * rivals).sum() / rivals.sum().clamp_min(1)}
        logit = score * self.config.sharpness
        logit = logit.masked_fill(alike & ~torch.eye(len(text), dtype=torch.bool, device=score.device), -torch.inf)
        target = torch.arange(len(text), device=score.device)
        return {"match": (cross_entropy(logit, target) + cross_entropy(logit.mT, target)) / 2}

    def phases(self) -> list[Phase]:
        return [Phase("E", (self.text, self.picture), self.match, lr=self.config.lr_d)]

    # ---- Using a trained one -------------------------------------------------------------------------------------

    @torch.inference_mode()
    def read(self, captions: Sequence[str]) -> Tensor:
        """n captions -> (n, E) float32 on the CPU."""
        self.eval()
        text = caption.write([caption.clean(c) for c in captions])
        return torch.cat([self(t).float() for t in text.split(4 * CHUNK)]).cpu()

    @torch.inference_mode()
    def look(self, images: Tensor) -> Tensor:
        """uint8 (n, C, S, S) -> (n, E) float32 on the CPU: each picture's place among the captions."""
        self.eval()
        return torch.cat([self.see(from_uint8(x).to(self.device)).float() for x in images.split(4 * CHUNK)]).cpu()

    def split(self, text: str) -> list[tuple[str, bool]]:
        """The words of a caption, in their order, each with whether the encoder knows it."""
        return self.text.split(caption.clean(text))


@lru_cache(maxsize=4)
def encoder(name: str = "encoder-emoji") -> Encoder:
    """A trained encoder by its checkpoint's name, frozen. ValueError if there is none of that name."""
    from ..hub.resolve import resolve

    found = resolve(name).load()
    if not isinstance(found, Encoder):
        raise ValueError(f"{name}: is no caption encoder; train one with `python -m ganzoo train encoder`")
    return found


SPEC = Spec(
    name="encoder",
    title="Caption encoder",
    paper=Paper(
        "Learning Deep Representations of Fine-Grained Visual Descriptions",
        "Scott Reed, Zeynep Akata, Bernt Schiele, Honglak Lee",
        2016,
        "1605.05395",
    ),
    note="It brings a caption and its picture to the same place, so that words can be given to a generator.",
    limits=(
        "It knows English, and only what its pictures show: a word that it can place among others may still name nothing "
        "that it has ever seen."
    ),
    config=Config,
    build=Encoder,
    recipes={
        "words": {
            "reads": "words",
            "loss": "contrastive",
            "embedding": 128,
            "width3": 64,
            "width": 24,
            "dropout": 0.1,
            "noise": 0.3,
            "nudge": 0.12,
            "batch": 128,
            "lr_d": 1e-3,
        },
        "small": {
            "loss": "contrastive",
            "embedding": 128,
            "width1": 128,
            "width2": 128,
            "width3": 128,
            "nudge": 0.12,
            "pool": "mean",
            "batch": 128,
            "lr_d": 1e-3,
        },
    },
    tiny={"width": 4, "width1": 8, "width2": 8, "width3": 8, "embedding": 8, "batch": 8},
)
