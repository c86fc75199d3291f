"""The first GAN: two multilayer perceptrons play a game. Goodfellow et al. 2014, arXiv 1406.2661.

Adds: the adversarial game itself (section 3, equation 1; algorithm 1, with k discriminator steps a generator step) and
the non-saturating generator loss (end of section 3).
Departs: Adam instead of momentum SGD (algorithm 1 leaves the rule open); leaky ReLU in both networks instead of ReLU and
sigmoid in G and maxout in D, tanh for the picture; an averaged generator for sampling. The default loss is the
non-saturating one that the paper recommends for training; `loss="minimax"` is its equation 1. The recipe `ring` learns eight
Gaussians in the plane, with a penalty on D's slope that the paper does not have.
Shapes: B batch, Z noise, W width, C channels, S side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from .. import remedies
from ..config import knob
from ..gan import GAN, Batch, Phase, Terms
from ..inputs import Noise
from ..losses import LOSSES
from ..spec import Paper, Spec, Step


@dataclass(frozen=True)
class Config(remedies.Config):
    z: int = knob(100, "numbers of noise a picture is made from", at_least=1)
    noise: Literal["uniform", "normal"] = knob("uniform", "what the noise is drawn from")
    width: int = knob(512, "units of a hidden layer", at_least=1)
    depth: int = knob(2, "hidden layers of each network", at_least=1)
    dropout: float = knob(0.3, "share of D's hidden units that are left out in a training step", below=1)
    k: int = knob(1, "discriminator steps a generator step", at_least=1)
    loss: Literal["non-saturating", "minimax"] = knob("non-saturating", "what G minimises; minimax saturates")
    r1: float = knob(0.0, "weight of the R1 penalty on D's slope at real pictures, a later idea; 0 leaves it out")
    r1_every: int = knob(8, "steps from one R1 penalty to the next, which counts for all of them", at_least=1)


class Generator(nn.Module):
    """z (B, Z) -> image (B, C, S, S) in [-1, 1]."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(c.depth):
            layers += [nn.Linear(c.width if i else c.z, c.width), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, nn.Linear(c.width, c.channels * c.side**2), nn.Tanh())
        self.shape = (c.channels, c.side, c.side)

    def forward(self, z: Tensor) -> Tensor:
        image: Tensor = self.body(z).unflatten(1, self.shape)
        return image


class Discriminator(nn.Module):
    """image (B, C, S, S) -> logit (B,)."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(c.depth):
            layers += [nn.Linear(c.width if i else c.channels * c.side**2, c.width), nn.LeakyReLU(0.2), nn.Dropout(c.dropout)]
        self.body = nn.Sequential(*layers, nn.Linear(c.width, 1))

    def forward(self, image: Tensor) -> Tensor:
        logit: Tensor = self.body(image.flatten(1)).squeeze(1)
        return logit


class VanillaGAN(GAN):
    config: Config

    def __init__(self, c: Config) -> None:
        super().__init__(c)
        self.inputs = (Noise("z", c.z, c.noise),)
        self.G, self.D = Generator(c), Discriminator(c)
        self.loss = LOSSES[c.loss]
        remedies.apply(self, c)

    def forward(self, z: Tensor) -> Tensor:  # type: ignore[override]
        image: Tensor = self.G(z)
        return image

    def d_loss(self, batch: Batch) -> Terms:
        real = batch["image"]
        terms = self.d_terms(*self.both(self.D, real, self.fake(batch).detach()))
        return terms | self.lazy_r1(self.config.r1, self.config.r1_every, real)

    def g_loss(self, batch: Batch) -> Terms:
        return {"g_fool": self.loss.generator(self.D(self.fake(batch)))}

    def phases(self) -> list[Phase]:
        d, g = super().phases()
        return [d, Phase(g.name, g.nets, g.loss, g.lr, every=self.config.k)]


SPEC = Spec(
    name="vanilla",
    title="Vanilla GAN",
    paper=Paper(
        "Generative Adversarial Networks",
        "Ian J. Goodfellow, Jean Pouget-Abadie, Mehdi Mirza, Bing Xu, David Warde-Farley, Sherjil Ozair, Aaron Courville, "
        "Yoshua Bengio",
        2014,
        "1406.2661",
    ),
    note=(
        "Two networks play a game: a forger turns random numbers into pictures, and a critic sees real and forged ones "
        "and says which is which. Each learns only from the other's mistakes; nobody ever tells the forger what a digit "
        "is. Here both are plain layers of neurons that do not know which pixels are neighbours, which is why the strokes "
        "are grainy."
    ),
    limits=(
        "No notion of neighbouring pixels: strokes are speckled and broken, and some digits are drawn more often than "
        "others. It cannot be asked for a particular digit."
    ),
    config=Config,
    build=VanillaGAN,
    recipes={
        "ring": (
            Step(
                {
                    "z": 16,
                    "noise": "normal",
                    "width": 64,
                    "dropout": 0.0,
                    "r1": 0.01,
                    "r1_every": 1,
                    "lr_g": 2e-3,
                    "lr_d": 2e-3,
                },
                images=384_000,
                data="ring8",
            ),
        )
    },
    tiny={"z": 4, "width": 8, "batch": 8},
)
