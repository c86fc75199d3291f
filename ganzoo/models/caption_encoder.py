"""Caption encoder: words and pictures in one space. Reed, Akata, Schiele & Lee 2016, arXiv 1605.05395.

A caption and its picture are embedded near each other, away from other captions and pictures. It is no GAN, but a game of one
phase, so the same engine trains it; a text-to-image GAN then takes its text encoder.

Adds: the char-CNN-RNN and the symmetric structured joint embedding (sections 3 and 4).
Departs: the picture encoder is a small convolutional net that is trained along, where the paper has features of a GoogLeNet;
negatives are the other captions of the batch, where the paper has one caption a class. Words instead of characters, as vectors
that were distilled from a sentence encoder, and the contrastive loss (Radford et al. 2021, arXiv 2103.00020) are options; the
`words` recipe, which the shipped encoders use, takes both.
Shapes: B batch, T characters, E embedding, C channels, S side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, normalize

from .. import config
from ..augment import random_similarity
from ..config import knob
from ..gan import CHUNK, Batch, Game, Phase, Terms
from ..images import from_uint8
from ..losses import contrast
from ..spec import Paper, Spec, Step
from ..text import caption
from ._towers import CharacterEncoder, PictureEncoder, WordEncoder


@dataclass(frozen=True)
class Config(config.Config):
    unused: ClassVar = ("lr_g",)  # nothing draws

    reads: Literal["characters", "words"] = knob("characters", "the tokens of a caption; words is open-vocabulary")
    loss: Literal["hinge", "contrastive"] = knob("hinge", "what is minimised: the paper's, or CLIP's")
    logit_scale: float = knob(16.0, "by what the contrastive loss multiplies cosines", formerly="sharpness")
    embedding: int = knob(1024, "numbers that a caption becomes")
    width1: int = knob(384, "channels of the first convolution over characters")
    width2: int = knob(512, "channels of the second")
    width3: int = knob(256, "channels of the third, and of the recurrent net (of words, too)")
    width: int = knob(32, "channels of the picture encoder's first layer")
    pool: Literal["map", "mean"] = knob("map", "what is left of the picture's feature map: 4 x 4 positions, or their mean")
    dropout: float = knob(0.0, "share of numbers, and of words, that is left out in a training step", below=1)
    noise: float = knob(0.0, "blur of a word's meaning in a training step, as a share of its length")
    similarity: float = knob(
        0.0, "augmentation: how far a picture is turned (radians), scaled and shifted (share of its side)", formerly="nudge"
    )
    lr_d: float = knob(7e-4, "Adam learning rate")
    beta1: float = knob(0.9, "Adam beta1")
    ema: int = knob(20_000, "half-life of the weights' moving average, in pictures")
    batch: int = knob(64, "pictures a step")


class Encoder(Game):
    """text (B, T) -> embedding (B, E)."""

    config: Config

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.text: CharacterEncoder | WordEncoder
        if c.reads == "characters":
            self.text = CharacterEncoder((c.width1, c.width2, c.width3), c.embedding, c.dropout)
        else:
            self.text = WordEncoder(c.width3, c.embedding, c.dropout, c.noise)
        self.picture = PictureEncoder(c.channels, c.side, c.width, c.embedding, c.dropout, c.pool)

    def forward(self, text: Tensor) -> Tensor:
        """A caption's embedding; of length 1 if it was trained by the contrastive loss."""
        embedding: Tensor = self.text(text).float()
        return normalize(embedding) if self.config.loss == "contrastive" else embedding

    def embed_image(self, image: Tensor) -> Tensor:
        """image (B, C, S, S) in [-1, 1], averaged down to its own side -> embedding (B, E), in the same space."""
        if image.shape[-1] != self.config.side:
            image = adaptive_avg_pool2d(image.float(), self.config.side)
        embedding: Tensor = self.picture(image).float()
        return normalize(embedding) if self.config.loss == "contrastive" else embedding

    def match_loss(self, batch: Batch) -> Terms:
        """How well captions and pictures of a batch find each other. ValueError if the data have no captions."""
        if "text" not in batch:
            raise ValueError("encoder: the data set has no captions; a folder has them in metadata.jsonl, as `text`")
        text, image = batch["text"], batch["image"]
        if self.config.similarity:
            image = random_similarity(image, self.config.similarity)
        score = self.embed_image(image) @ self(text).mT  # (B, B): row i is picture i against every caption
        same_caption = (text[:, None] == text[None]).all(2).to(score.device)
        negative = ~same_caption
        self.logs["match_right"] = (score.argmax(1)[:, None] == same_caption.int().argmax(1)[:, None]).float().mean()
        if self.config.loss == "hinge":  # section 3, equations 4 and 5, with the margin of 1
            positive = score.diagonal()
            to_text, to_picture = (score - positive[:, None] + 1).clamp_min(0), (score - positive[None] + 1).clamp_min(0)
            return {"match": ((to_text + to_picture) * negative).sum() / negative.sum().clamp_min(1)}
        return {"match": contrast(score * self.config.logit_scale, same_caption)}

    def phases(self) -> list[Phase]:
        return [Phase("E", (self.text, self.picture), self.match_loss, lr=self.config.lr_d)]

    # ---- Using a trained one -------------------------------------------------------------------------------------

    @torch.inference_mode()
    def embed_captions(self, captions: Sequence[str]) -> Tensor:
        """n captions -> embeddings (n, E) float32 on the CPU."""
        self.eval()
        text = caption.write([caption.clean(c) for c in captions])
        return torch.cat([self(t).float() for t in text.split(4 * CHUNK)]).cpu()

    @torch.inference_mode()
    def embed_images(self, images: Tensor) -> Tensor:
        """uint8 (n, C, S, S) -> embeddings (n, E) float32 on the CPU, in the captions' space."""
        self.eval()
        return torch.cat([self.embed_image(from_uint8(x).to(self.device)).float() for x in images.split(4 * CHUNK)]).cpu()

    def split(self, text: str) -> list[tuple[str, bool]]:
        """The words of a caption, in their order, each with whether the encoder knows it."""
        return self.text.split(caption.clean(text))


SPEC = Spec(
    name="encoder",
    title="Caption encoder",
    task="feature-extraction",
    paper=Paper(
        "Learning Deep Representations of Fine-Grained Visual Descriptions",
        "Scott Reed, Zeynep Akata, Bernt Schiele, Honglak Lee",
        2016,
        "1605.05395",
    ),
    note="It embeds a caption and its picture in one space, so that a generator can be conditioned on words.",
    limits=(
        "It knows English, and only what its pictures show: a word that it can place among others may still name nothing "
        "that it has ever seen."
    ),
    config=Config,
    build=Encoder,
    recipes={
        "words": (
            Step(
                {
                    "reads": "words",
                    "loss": "contrastive",
                    "embedding": 128,
                    "width3": 64,
                    "width": 24,
                    "dropout": 0.1,
                    "noise": 0.3,
                    "similarity": 0.12,
                    "batch": 128,
                    "lr_d": 1e-3,
                }
            ),
        ),
        "small": (
            Step(
                {
                    "loss": "contrastive",
                    "embedding": 128,
                    "width1": 128,
                    "width2": 128,
                    "width3": 128,
                    "similarity": 0.12,
                    "pool": "mean",
                    "batch": 128,
                    "lr_d": 1e-3,
                }
            ),
        ),
    },
    tiny={"width": 4, "width1": 8, "width2": 8, "width3": 8, "embedding": 8, "batch": 8},
)
