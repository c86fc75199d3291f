"""Toy games that use each part of the contract once; none of them ships. Nobody et al. 2026, arXiv 2601.00001.

Adds: nothing (section 0).
Departs: in every way.
Shapes: B batch, C channels, S side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn.functional import interpolate

from ganzoo import config, registry
from ganzoo.config import knob
from ganzoo.gan import GAN, Phase
from ganzoo.inputs import Noise, Picture
from ganzoo.losses import LOSSES, gradient_penalty

Z, SMALL = 4, 8
FIRST = registry.spec(registry.MODELS[0])


@dataclass(frozen=True)
class Config(config.Config):
    batch: int = knob(8, "pictures a step", at_least=2)
    ema: int = knob(16, "half-life")


def critic(c):
    return nn.Sequential(nn.Flatten(), nn.Linear(c.channels * c.side**2, 6), nn.Softplus(), nn.Linear(6, 1), nn.Flatten(0))


class Toy(GAN):
    """A linear layer draws, a small perceptron tells real from fake."""

    def __init__(self, c):
        super().__init__(c)
        self.inputs = (Noise("z", Z),)
        self.loss = LOSSES["non-saturating"]
        self.G, self.D = nn.Linear(Z, c.channels * c.side**2), critic(c)

    def forward(self, z):
        return self.G(z).tanh().view(-1, self.config.channels, self.config.side, self.config.side)

    def d_loss(self, batch):
        return self.d_terms(*self.both(self.D, batch["image"], self.fake(batch).detach()))

    def g_loss(self, batch):
        return {"g": self.loss.generator(self.D(self.fake(batch)))}


class Decay(Toy):
    """Its generator's learning rate falls in a line to nothing at 80 pictures (as in CycleGAN)."""

    @staticmethod
    def rate(images):
        return 0.01 * max(0.0, 1 - images / 80)

    def phases(self):
        d, g = super().phases()
        return [d, replace(g, lr=self.rate)]


class Clipped(Toy):
    """A critic of RMSprop whose weights are clipped after each of its moves, two for one of an Adam generator (as in WGAN)."""

    box, inputs_seen = 0.01, None

    def __init__(self, c):
        super().__init__(c)
        self.loss = LOSSES["wasserstein"]
        self.inputs_seen = {"D": [], "G": []}

    def d_loss(self, batch):
        self.inputs_seen["D"].append(batch["z"])
        return super().d_loss(batch)

    def g_loss(self, batch):
        self.inputs_seen["G"].append(batch["z"])
        return super().g_loss(batch)

    def clip(self):
        for w in self.D.parameters():
            w.clamp_(-self.box, self.box)

    def phases(self):
        return [
            Phase("D", (self.D,), self.d_loss, 0.01, after=self.clip, optimizer="rmsprop"),
            Phase("G", (self.G,), self.g_loss, 0.001, every=2),
        ]


class Penalised(Clipped):
    """A gradient penalty at a leaf between real and fake instead of the clipping, five critic's moves for one of the
    generator (as in WGAN-GP)."""

    def d_loss(self, batch):
        penalty = gradient_penalty(self.D, batch["image"], self.fake(batch))
        return super().d_loss(batch) | {"d_gp": 10 * penalty}

    def phases(self):
        return [Phase("D", (self.D,), self.d_loss, 1e-4), Phase("G", (self.G,), self.g_loss, 1e-4, every=5)]


class Enlarger(Toy):
    """Draws a picture from its small copy (as SRGAN does)."""

    def __init__(self, c):
        super().__init__(c)
        self.inputs = (Picture("source", SMALL, c.channels, examples=4),)
        self.register_buffer(self.inputs[0].buffer, self.inputs[0].blank())
        self.G = nn.Conv2d(c.channels, c.channels, 3, padding=1)
        self.derived = 0

    def derive(self, batch):
        self.derived += 1
        return batch | {"source": interpolate(batch["image"], (SMALL, SMALL), mode="area")}

    def forward(self, source):
        return self.G(interpolate(source, (self.config.side, self.config.side))).tanh()


class Translator(Enlarger):
    """Draws a picture from another, which the data bring (as pix2pix and CycleGAN do)."""

    def derive(self, batch):
        return batch


class Balance(nn.Module):
    """What a game remembers and must not be averaged: BEGAN's k, a growth counter, CycleGAN's pool."""

    def __init__(self, c):
        super().__init__()
        self.register_buffer("k", torch.zeros(()))
        self.register_buffer("pool", torch.zeros(5, c.channels, c.side, c.side, dtype=torch.uint8))
        self.register_buffer("full", torch.zeros((), dtype=torch.bool))


class Remembering(Toy):
    """Keeps state of every type: a float and a pool in a network that only trains, a counter and a float in what draws."""

    training_only = ("D", "balance")

    def __init__(self, c):
        super().__init__(c)
        self.balance = Balance(c)
        self.register_buffer("level", torch.zeros((), dtype=torch.int64))
        self.register_buffer("mean", torch.zeros(()))

    def on_step(self, step):
        super().on_step(step)
        self.level.fill_(step // 2)

    def g_loss(self, batch):
        fake = self.fake(batch)
        with torch.no_grad():  # no clamping, so that the mean over the ranks is what one process has
            self.balance.k += 0.1 * (batch["image"].square().mean() - fake.square().mean())
            self.mean.lerp_(batch["image"].mean(), 0.5)
            self.balance.pool[self.step % 5] = ((fake[0] + 1) * 100).to(torch.uint8)
            self.balance.full.fill_(self.step >= 5)
        return super().g_loss(batch)


def toy(build, name="toy"):
    """A Spec of a toy."""
    return replace(FIRST, name=name, title="Toy", config=Config, build=build, recipes={}, tiny={}, limits="All.")
