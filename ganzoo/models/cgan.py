"""CGAN: both players are conditioned on the class. Mirza & Osindero 2014, arXiv 1411.1784.

Adds: the label y goes into the generator beside the noise and into the discriminator beside the picture, which makes the
game a conditional one: min max E log D(x|y) + E log(1 - D(G(z|y))) (equation 2). The networks are those of section 4.1:
z and y each to a layer of their own, then joined; maxout layers in D; dropout in both.
Departs: Adam instead of SGD with a decayed rate and momentum; the non-saturating loss; tanh instead of sigmoid; an
averaged generator. Option `network = conv`, which the recipe `fast` and the shipped checkpoints use: DCGAN's networks,
the label beside the noise in G and as a projection in D (Miyato & Koyama 2018, arXiv 1802.05637, equation 3), R1 penalty.
Shapes: B batch, Z noise, K classes, C channels, S side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from .. import config
from ..config import knob
from ..gan import GAN, Batch, Terms
from ..inputs import Choice, Noise
from ..losses import LOSSES
from ..nets import doublings, down, init_normal, out_channels, up
from ..spec import Paper, Spec, Step


@dataclass(frozen=True)
class Config(config.Config):
    z: int = knob(100, "numbers of noise a picture is made from", at_least=1)
    noise: Literal["uniform", "normal"] = knob("uniform", "what the noise is drawn from")
    network: Literal["dense", "conv"] = knob("dense", "the paper's dense networks, or DCGAN's")
    dropout: float = knob(0.5, "dense: share of the hidden units that are left out in a training step", below=1)
    width: int = knob(64, "conv: channels of the layer next to the picture", at_least=1)
    r1: float = knob(0.0, "weight of the R1 penalty on D's slope at real pictures, a later idea; 0 leaves it out")
    r1_every: int = knob(8, "steps from one R1 penalty to the next, which counts for all of them", at_least=1)
    loss: Literal["non-saturating", "minimax", "least-squares", "hinge"] = knob("non-saturating", "what both minimise")
    batch: int = knob(100, "pictures a step")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.network == "conv":
            doublings(self.side)


class Maxout(nn.Module):
    """x (B, A) -> (B, N): the largest of several linear units (Goodfellow et al. 2013, arXiv 1302.4389, equation 1)."""

    def __init__(self, a: int, n: int, pieces: int) -> None:
        super().__init__()
        self.units, self.pieces = nn.Linear(a, n * pieces), pieces

    def forward(self, x: Tensor) -> Tensor:
        most: Tensor = self.units(x).unflatten(1, (-1, self.pieces)).amax(2)
        return most


class DenseGenerator(nn.Module):
    """z (B, Z), y (B, K) one-hot -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.of_z = nn.Sequential(nn.Linear(c.z, 200), nn.ReLU(), nn.Dropout(c.dropout))
        self.of_y = nn.Sequential(nn.Linear(len(c.classes), 1000), nn.ReLU(), nn.Dropout(c.dropout))
        self.joint = nn.Sequential(nn.Linear(1200, 1200), nn.ReLU(), nn.Dropout(c.dropout))
        self.image = nn.Sequential(nn.Linear(1200, c.channels * c.side**2), nn.Tanh())
        self.shape = (c.channels, c.side, c.side)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        hidden = self.joint(torch.cat([self.of_z(z), self.of_y(y)], 1))
        image: Tensor = self.image(hidden).unflatten(1, self.shape)
        return image


class DenseDiscriminator(nn.Module):
    """image (B, C, S, S), y (B, K) one-hot -> logit (B,)."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.of_x = nn.Sequential(Maxout(c.channels * c.side**2, 240, 5), nn.Dropout(c.dropout))
        self.of_y = nn.Sequential(Maxout(len(c.classes), 50, 5), nn.Dropout(c.dropout))
        self.joint = nn.Sequential(Maxout(290, 240, 4), nn.Dropout(c.dropout), nn.Linear(240, 1))

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        logit: Tensor = self.joint(torch.cat([self.of_x(image.flatten(1)), self.of_y(y)], 1)).squeeze(1)
        return logit


class Generator(nn.Module):
    """z (B, Z), y (B, K) one-hot -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.body = up(c.z + len(c.classes), c.width, c.channels, c.side)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        image: Tensor = self.body(torch.cat([z, y], 1)[:, :, None, None])
        return image


class Discriminator(nn.Module):
    """image (B, C, S, S), y (B, K) one-hot -> logit (B,): how real at all, and how real as this class."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.body = nn.Sequential(*down(c.channels, c.width, c.side, batch_norm=False))
        self.head = nn.Conv2d(out_channels(c.width, c.side), 1 + len(c.classes), 4)

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        scores = self.head(self.body(image)).flatten(1)
        logit: Tensor = scores[:, 0] + (scores[:, 1:] * y).sum(1)
        return logit


class CGAN(GAN):
    config: Config

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        if len(c.classes) < 2:
            raise ValueError("cgan needs data with at least two classes; these pictures have no labels")
        self.inputs = (Noise("z", c.z, c.noise), Choice("label", c.classes))
        dense = c.network == "dense"
        self.G = init_normal(DenseGenerator(c) if dense else Generator(c))
        self.D = init_normal(DenseDiscriminator(c) if dense else Discriminator(c))
        self.loss = LOSSES[c.loss]

    def forward(self, z: Tensor, label: Tensor) -> Tensor:  # type: ignore[override]
        image: Tensor = self.G(z, self.one_hot(label))
        return image

    def one_hot(self, label: Tensor) -> Tensor:
        """label (B,) int64 -> y (B, K) float32."""
        return one_hot(label, len(self.config.classes)).float()

    def d_logit(self, image: Tensor, given: Batch) -> Tensor:
        logit: Tensor = self.D(image, self.one_hot(given["label"]))
        return logit

    def d_loss(self, batch: Batch) -> Terms:
        real, y = batch["image"], self.one_hot(batch["label"])
        terms = self.d_terms(*self.both(self.D, real, self.fake(batch).detach(), y))
        return terms | self.lazy_r1(self.config.r1, self.config.r1_every, real, y)

    def g_loss(self, batch: Batch) -> Terms:
        return {"g_fool": self.loss.generator(self.D(self.fake(batch), self.one_hot(batch["label"])))}


SPEC = Spec(
    name="cgan",
    group="control",
    title="CGAN",
    paper=Paper("Conditional Generative Adversarial Nets", "Mehdi Mirza, Simon Osindero", 2014, "1411.1784"),
    note=(
        "Both players are told what the picture should be: the forger gets an order (a seven, a sneaker), and the critic "
        "asks not only whether a picture is real but whether it is a real one of that kind. The noise is left with "
        "everything that the order does not say: slant, weight, cut, handwriting. Keep the noise and change the order, and "
        "the same hand writes another digit."
    ),
    adds=("dcgan", "a label that both networks are given."),
    limits="It knows the classes that it was trained on and no others, and blends none of them.",
    config=Config,
    build=CGAN,
    recipes={
        "fast": (
            Step(
                {
                    "network": "conv",
                    "noise": "normal",
                    "r1": 1.0,
                    "width": 48,
                    "batch": 64,
                    "lr_g": 1e-3,
                    "lr_d": 1e-3,
                    "beta1": 0.0,
                    "beta2": 0.99,
                }
            ),
        )
    },
    tiny={"z": 4, "width": 4, "batch": 8, "network": "conv"},
)
