"""GAN-CLS: pictures from captions. Reed et al. 2016, arXiv 1605.05396.

Adds: a caption, encoded by a network that is trained beforehand, conditions both players (section 4.1). The discriminator is
matching-aware: real pictures with captions of others count as fake (algorithm 1). The generator also draws for means of two
captions' embeddings, for which there is no real picture (GAN-INT, equation 5). Networks: DCGAN's.
Departs: the encoder reads words, unless `encoder` and `reads` name a char-CNN-RNN; an averaged generator; embeddings are mixed
in pairs, half as many as the batch. Recipe `fast`, which is shipped: `_text_to_image.LIGHT`.
Shapes: B batch, Z noise, T characters, E embedding, C channels, S side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ..config import knob
from ..gan import Batch, Terms
from ..nets import doublings, init_normal, up
from ..spec import Paper, Spec, Step
from . import _older_configs as older
from . import _text_to_image as text_to_image
from ._text_to_image import LIGHT, Discriminator, TextToImageGAN, caption_encoder


@dataclass(frozen=True)
class Config(text_to_image.Config):
    gone = older.GAN_CLS
    gone_from_training = older.GAN_CLS.keys()

    reads: Literal["characters", "words"] = knob("words", "what the encoder cuts a caption into; the paper's reads characters")
    d_most: int = knob(512, "channels of a layer of D at most; they double with each halving of the side", at_least=1)
    d_norm: Literal["batch", "none"] = knob("batch", "normalisation in D")
    conditioning: Literal["join", "project"] = knob(
        "join", "how D takes in the caption: concatenated to its features, or as a product with them", formerly="match"
    )
    text: int = knob(128, "numbers that an embedding is projected to, to be concatenated", at_least=1)
    r1_every: int = knob(16, "steps from one R1 penalty to the next, which counts for all of them", at_least=1)
    width: int = knob(64, "channels of G's layer next to the picture", at_least=1)
    gan_int: float = knob(1.0, "weight of GAN-INT, the means of two captions; 0 leaves it out", formerly="between")

    def __post_init__(self) -> None:
        super().__post_init__()
        doublings(self.side)


class Generator(nn.Module):
    """z (B, Z), embedding (B, E) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.text = nn.Sequential(nn.Linear(c.embedding, c.text), nn.LeakyReLU(0.2))
        self.body = up(c.z + c.text, c.width, c.channels, c.side)

    def forward(self, z: Tensor, embedding: Tensor) -> Tensor:
        image: Tensor = self.body(torch.cat([z, self.text(embedding)], 1)[:, :, None, None])
        return image


class GANCLS(TextToImageGAN):
    config: Config
    G: Generator

    def __init__(self, c: Config) -> None:
        encoder = caption_encoder(c.reads, c.recurrent, c.embedding)
        super().__init__(c, encoder, Discriminator(c, c.conditioning, c.d_norm, c.d_most, text=c.text))
        self.G = init_normal(Generator(c))
        self.gan_int = c.gan_int

    def generate(self, embedding: Tensor, z: Tensor) -> Iterator[Tensor]:  # type: ignore[override]
        yield self.G(z, embedding)

    def d_loss(self, batch: Batch) -> Terms:
        c, terms = self.config, super().d_loss(batch)
        return terms | self.lazy_r1(c.r1, c.r1_every, batch["image"], self.embedding(batch))

    def g_loss(self, batch: Batch) -> Terms:
        terms = super().g_loss(batch)
        if self.gan_int:
            logit = self.logits(batch["mixed_fake"], batch["mixed_embedding"])
            terms["g_between"] = self.gan_int * self.loss.generator(logit)
        return terms


SPEC = Spec(
    name="gan_cls",
    group="words",
    title="GAN-CLS",
    paper=Paper(
        "Generative Adversarial Text to Image Synthesis",
        "Scott Reed, Zeynep Akata, Xinchen Yan, Lajanugen Logeswaran, Bernt Schiele, Honglak Lee",
        2016,
        "1605.05396",
    ),
    note=(
        "This forger takes its orders in words. A reader, trained before, turns your sentence into a place among all that can "
        "be said, and the critic knows the sentence too: it refuses a good picture of the wrong thing as it refuses a bad "
        "one. Captions that nobody wrote lie between those that somebody did, so it is asked to draw those as well."
    ),
    adds=("cgan", "a sentence in place of the label, and real pictures under wrong sentences, which the critic must refuse."),
    limits=(
        "It draws small, and what it never saw a picture of it draws as something near it; words about how many, or what is "
        "beside what, are mostly lost on it."
    ),
    data="emoji",
    config=Config,
    build=GANCLS,
    recipes={
        "fast": (Step(LIGHT | {"r1_every": 4, "width": 40, "d_width": 48}),),
    },
    tiny={"encoder": "", "embedding": 8, "recurrent": 4, "z": 4, "width": 4, "d_width": 4, "batch": 8},
)
