"""R3GAN: a modern baseline that needs no tricks. Huang, Gokaslan, Kuleshov & Tompkin 2024, arXiv 2501.05441.

Adds: a relativistic pairing loss, of the difference of a real and a drawn picture's logits, with R1 and R2, penalties on D's
slope at real and at drawn pictures, under which the game converges locally (section 2); then nothing else that older GANs
needed: no normalisation, no statistics of the batch, no mapping network (section 3). Both networks are stacks of residual
blocks, 1 x 1, grouped 3 x 3, 1 x 1, that start as the identity (fix-up initialisation), with bilinear resampling between them
and a learned basis of 4 x 4 at the bottom. Learning rates and the penalties' weight fall along a cosine.
Departs: Adam's beta2 and the average's half-life do not move; pictures are not augmented; G ends with a tanh; G's loss goes on
with the logits of real pictures from D's turn; a 28-pixel picture goes 4, 7, 14, 28. The knobs' defaults are the paper's for
CIFAR-10. The recipe `fast`, for two cores, has few channels, one block a side, patches of 2 x 2 pixels for positions, both
penalties every eighth step, and a beta2 of 0.9, the paper's first: with 0.99 D wins in the first steps of some seeds.
Shapes: B batch, Z noise, C channels, S side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .. import config
from ..config import knob
from ..gan import GAN, Batch, Phase, Terms
from ..inputs import Noise
from ..losses import LOSSES, slope
from ..nets import depth_to_space, doublings, space_to_depth
from ..spec import Paper, Spec, Step
from ._residual_stages import convolution, stages

START = 4  # side of the basis


@dataclass(frozen=True)
class Config(config.Config):
    z: int = knob(64, "numbers of noise a picture is made from", at_least=1)
    width: int = knob(
        768, "channels of the layers next to the picture; twice as many with each halving of the side", at_least=1
    )
    most: int = knob(768, "channels of a layer at most", at_least=1)
    blocks: int = knob(2, "residual blocks at each side, in each network", at_least=1)
    patch: int = knob(1, "pixels across of a patch that is one position to both networks; 1, 2, 4, ...", at_least=1)
    group: int = knob(16, "channels of a group in the 3 x 3 convolutions", at_least=1)
    gamma: float = knob(0.05, "weight of the penalties on D's slope, R1 and R2, at the start; in the end a tenth of it")
    penalty_every: int = knob(1, "steps from one penalty to the next, which counts for all of them", at_least=1)
    decay: int = knob(20_000_000, "pictures in which learning rates fall to a quarter, and gamma to a tenth; 0: they stay")
    batch: int = knob(512, "pictures a step", at_least=2, at_most=config.MOST)
    beta1: float = knob(0.0, "Adam beta1", below=1)
    beta2: float = knob(0.99, "Adam beta2", below=1)
    ema: int = knob(5_000_000, "half-life of the weights' moving average, in pictures; 0 keeps the last weights")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patch & (self.patch - 1) or len(self.sides) < 2:
            raise ValueError(f"patch: {self.patch} is not a power of two that leaves a side of {self.side} more than {START}")

    @property
    def sides(self) -> list[int]:
        """Of the layers, from the basis to the patches."""
        steps = len(doublings(self.side))
        return [START, *(self.side >> i for i in reversed(range(self.patch.bit_length() - 1, steps)))]

    @property
    def widths(self) -> list[int]:
        """Channels at each of these sides."""
        n = len(self.sides)
        return [min(self.width << i, self.most) for i in reversed(range(n))]


class Generator(nn.Module):
    """z (B, Z) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        n = c.widths[0]
        self.basis = nn.Parameter(torch.randn(n, START, START))
        self.scale = nn.Linear(c.z, n, bias=False)
        nn.init.normal_(self.scale.weight, 0.0, c.z**-0.5)
        self.body = stages(c.sides, c.widths, c.blocks, c.group)
        self.show, self.patch = convolution(c.widths[-1], c.channels * c.patch**2), c.patch

    def forward(self, z: Tensor) -> Tensor:
        patches = self.show(self.body(self.scale(z)[:, :, None, None] * self.basis))
        return depth_to_space(patches, self.patch).tanh()


class Discriminator(nn.Module):
    """image (B, C, S, S) -> logit (B,), of which only differences mean something."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        sides, widths = c.sides[::-1], c.widths[::-1]
        n = widths[-1]
        self.see, self.patch = convolution(c.channels * c.patch**2, widths[0]), c.patch
        self.body = stages(sides, widths, c.blocks, c.group)
        self.basis = nn.Parameter(torch.randn(n, START, START) / START)
        self.weigh = nn.Linear(n, 1, bias=False)
        nn.init.normal_(self.weigh.weight, 0.0, n**-0.5)

    def forward(self, image: Tensor) -> Tensor:
        logit: Tensor = self.weigh((self.body(self.see(space_to_depth(image, self.patch))) * self.basis).sum((2, 3)))
        return logit.flatten()


class R3GAN(GAN):
    config: Config

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.inputs = (Noise("z", c.z),)
        self.G, self.D = Generator(c), Discriminator(c)
        self.loss = LOSSES["relativistic"]

    def forward(self, z: Tensor) -> Tensor:  # type: ignore[override]
        image: Tensor = self.G(z)
        return image

    def d_loss(self, batch: Batch) -> Terms:
        """Each real picture against a drawn one, and every so often the slopes at both."""
        c, due = self.config, self.step % self.config.penalty_every == 0
        pair = torch.cat([batch["image"], self.fake(batch).detach().to(batch["image"].dtype)]).requires_grad_(due)
        logit = self.D(pair)
        real, fake = logit.chunk(2)
        batch["real_logit"] = real.detach()
        self.log_reading(real.detach(), fake.detach())
        terms = {"d_pair": self.loss.real(real - fake)}
        if due:
            weight = c.gamma * c.penalty_every / 2 * self.falling(self.step * c.batch, 0.1)
            at_real, at_fake = slope(logit, pair).chunk(2)
            terms |= {"d_r1": weight * at_real.mean(), "d_r2": weight * at_fake.mean()}
        return terms

    def g_loss(self, batch: Batch) -> Terms:
        return {"g_pair": self.loss.generator(self.D(self.fake(batch)) - self.real_logit(batch))}

    def real_logit(self, batch: Batch) -> Tensor:
        """D's logits (B,) of real pictures, without a gradient: those of D's turn, or computed now."""
        if "real_logit" not in batch:
            with torch.no_grad():
                batch["real_logit"] = self.D(batch["image"])
        return batch["real_logit"]

    def falling(self, images: int, end: float) -> float:
        """1 at first, `end` once `decay` pictures have been seen, and between them half a wave of the cosine."""
        share = min(1.0, images / self.config.decay) if self.config.decay else 0.0
        return end + (1 - end) * (1 + math.cos(math.pi * share)) / 2

    def phases(self) -> list[Phase]:
        c = self.config
        return [
            Phase("D", (self.D,), self.d_loss, lr=lambda images: c.lr_d * self.falling(images, 0.25)),
            Phase("G", (self.G,), self.g_loss, lr=lambda images: c.lr_g * self.falling(images, 0.25)),
        ]


SPEC = Spec(
    name="r3gan",
    group="large",
    title="R3GAN",
    paper=Paper(
        "The GAN is dead; long live the GAN! A Modern Baseline GAN",
        "Yiwen Huang, Aaron Gokaslan, Volodymyr Kuleshov, James Tompkin",
        2024,
        "2501.05441",
    ),
    note=(
        "A real and a drawn picture are always judged as a pair, and the judge must not be steep at either. For ten years GANs "
        "were kept from failing by a bag of tricks; with such a loss the game settles by itself, and the tricks can go. What "
        "remains are plain networks, which in the paper draw better than those that needed the tricks."
    ),
    adds=("dcgan", "real and drawn pictures judged in pairs, a fine on the slope at both, and no normalisation at all."),
    limits=(
        "It cannot be asked for a particular class. The paper's networks need a graphics card; the ones shown here are small "
        "enough for a processor, and draw small pictures."
    ),
    config=Config,
    build=R3GAN,
    recipes={
        "fast": (
            Step(
                {"width": 32, "most": 128, "patch": 2, "blocks": 1, "penalty_every": 8, "batch": 64, "gamma": 1.0}
                | {"lr_g": 2e-3, "lr_d": 2e-3, "beta2": 0.9, "ema": 10_000, "decay": 1_000_000}
            ),
        ),
        "paper-64": (Step({"width": 384, "gamma": 2.0, "batch": 256, "ema": 500_000}),),
        "paper-256": (Step({"width": 96, "gamma": 150.0, "batch": 256, "ema": 500_000}),),
    },
    tiny={"z": 4, "width": 4, "most": 8, "blocks": 1, "group": 4, "batch": 8},
)
